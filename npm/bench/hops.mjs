// Hops of the whole cast: held to be of one model, timed side by side, then as they come in a call. The same in Node
// and in a browser.
import { cast } from "./cast.mjs";
import { compared, heard } from "./check.mjs";
import { paced, paired, ratio, scaled, summary } from "./schedule.mjs";
import { HOP_MS } from "./sizes.mjs";

/** More than any attention window, and enough for compilers to settle. */
const WARM_UP_HOPS = 300;
/** What the others are told as multiples of. */
const SLOW = "onnxruntime-web f32";

/** A row for each of the cast; times are of 20 ms of sound. */
export async function measureHops(doors, runtimes, materials, { rounds, hops, pacedSeconds }) {
  const runners = await cast(doors, runtimes, materials);
  const same = compared(await heard(runners, WARM_UP_HOPS));
  const times = await paired(runners, { warmUpHops: WARM_UP_HOPS, rounds, hops });
  const live = await paced(runners, pacedSeconds);
  for (const { free } of runners) await free();
  const rows = runners.map(({ name, what, storage, stepMs }) => {
    const share = HOP_MS / stepMs;
    return { name, what, storage, times: scaled(times[name], share), live: scaled(live[name], share) };
  });
  const slow = rows.find((row) => row.name === SLOW);
  return rows.map(({ name, what, storage, times, live }) => ({
    name,
    what,
    storage,
    ...summary(times),
    live: summary(live),
    faster: ratio(slow.times, times),
    logits: same[name],
  }));
}
