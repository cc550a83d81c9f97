// The longest that a hop holds up the audio thread when its work is sliced over render quanta. The same in Node and in
// a browser.
import { talk } from "./random.mjs";
import { quantile } from "./schedule.mjs";
import { HOP_MS } from "./sizes.mjs";

const { performance } = globalThis;

const RATE_HZ = 48_000;
const QUANTUM_SAMPLES = 128;
export const QUANTUM_MS = (1000 * QUANTUM_SAMPLES) / RATE_HZ;
const WARM_UP_SECONDS = 10;
/** Calls of a session on the audio thread. */
const CALLS = ["hear", "work", "output"];

/**
 * Every call's time over `seconds` of sound at 48 kHz, a quantum at a time: `{ [call]: { callsAHop, medianMs, p999Ms,
 * longestMs } }`. Nothing where the door cannot slice.
 */
export function measureSlices(door, file, seconds) {
  if (!CALLS.every((call) => call in door.Session.prototype)) return undefined;
  const model = door.Model.load(file);
  const session = new door.Session(model, { userRate: RATE_HZ, agentRate: RATE_HZ });
  const sound = [1, 2].map((seed) => talk(seed, RATE_HZ, WARM_UP_SECONDS + seconds));
  const times = Object.fromEntries(CALLS.map((call) => [call, []]));
  for (let at = 0; at < sound[0].length; at += QUANTUM_SAMPLES) {
    const quantum = Object.fromEntries(CALLS.map((call) => [call, []]));
    const timed = (call, ...given) => {
      const start = performance.now();
      const answer = session[call](...given);
      quantum[call].push(performance.now() - start);
      return answer;
    };
    timed("hear", ...sound.map((samples) => samples.subarray(at, at + QUANTUM_SAMPLES)));
    while (timed("work"));
    timed("output");
    // A single call of `work` found nothing to do.
    const worked = quantum.work.length > 1 ? CALLS : ["hear"];
    if (at >= WARM_UP_SECONDS * RATE_HZ) for (const call of worked) times[call].push(...quantum[call]);
  }
  session.free();
  model.free();
  const told = ([call, list]) => {
    const callsAHop = (list.length * HOP_MS) / (seconds * 1000);
    const longestMs = list.reduce((most, x) => Math.max(most, x), 0);
    return [call, { callsAHop, medianMs: quantile(list, 0.5), p999Ms: quantile(list, 0.999), longestMs }];
  };
  return Object.fromEntries(Object.entries(times).map(told));
}
