// Many live calls on one thread: a batch that shares passes through the model, beside a session for each. In Node, on
// the kernels.
import { talk } from "./random.mjs";
import { paired, ratio, summary } from "./schedule.mjs";
import { HOP_MS } from "./sizes.mjs";

const RATE_HZ = 16_000;
const RATES = { userRate: RATE_HZ, agentRate: RATE_HZ };
const LENGTH = (RATE_HZ * HOP_MS) / 1000;
const SECONDS = 20;
const WARM_UP_HOPS = 150;

/** A hop of so many calls as each of `counts`, by storage: in a batch, and how many times longer apart. */
export async function batches(door, models, counts, { batchRounds: rounds, batchHops: hops }) {
  const sound = [5, 6].map((seed) => talk(seed, RATE_HZ, SECONDS));
  const rows = [];
  for (const [storage, file] of Object.entries(models)) {
    for (const calls of counts) {
      const both = [together(door, file, calls, sound), apart(door, file, calls, sound)];
      const times = await paired(both, { warmUpHops: WARM_UP_HOPS, rounds, hops });
      for (const { free } of both) free();
      rows.push({ storage, calls, ...summary(times.together), slower: ratio(times.apart, times.together) });
    }
  }
  return rows;
}

/** Hop `hop` of a call; every call hears the sound from another place on. */
function chunk(sound, hop, call) {
  const at = ((hop + 7 * call) % ((SECONDS * RATE_HZ) / LENGTH)) * LENGTH;
  return sound.map((samples) => samples.subarray(at, at + LENGTH));
}

function together(door, file, calls, sound) {
  const batch = new door.Batch(door.Model.load(file), calls);
  const numbers = Array.from({ length: calls }, () => batch.join(RATES));
  const hop = (i) => {
    for (const number of numbers) batch.hear(number, ...chunk(sound, i, number));
    while (batch.work());
    for (const number of numbers) batch.take(number);
  };
  return { name: "together", hop, free: () => batch.free() };
}

function apart(door, file, calls, sound) {
  const model = door.Model.load(file);
  const sessions = Array.from({ length: calls }, () => new door.Session(model, RATES));
  const hop = (i) => sessions.forEach((session, call) => session.push(...chunk(sound, i, call)));
  return { name: "apart", hop, free: () => [...sessions, model].forEach((each) => each.free()) };
}
