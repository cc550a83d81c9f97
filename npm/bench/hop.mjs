// `node npm/bench/hop.mjs` after a build: what the package costs in Node, on the calling thread, as one line of JSON.
// The twin of vap-wasm/benches/session.rs: same hops, same warm-up, same kind of sound, same keys.
import { performance } from "node:perf_hooks";
import process from "node:process";
import { TurnDetector, TurnModel } from "../dist/index.js";

const HOP_SAMPLES_48K = 960;
/** Hops before timing begins: more than any attention window, and enough for the compiler to settle. */
const WARM_UP_HOPS = 300;
const TIMED_HOPS = 1500;
const FILE_SECONDS = 60;

const loading = performance.now();
const model = await TurnModel.load();
const loadMs = performance.now() - loading;

const live = [1, 2].map((seed) => noise(seed, (WARM_UP_HOPS + TIMED_HOPS) * HOP_SAMPLES_48K));
const detector = await TurnDetector.create({ model, rate: 48_000 });
const hopsMs = [];
for (let hop = 0; hop < WARM_UP_HOPS + TIMED_HOPS; hop++) {
  const [user, agent] = live.map((sound) => sound.subarray(hop * HOP_SAMPLES_48K, (hop + 1) * HOP_SAMPLES_48K));
  const start = performance.now();
  detector.push(user, agent);
  if (hop >= WARM_UP_HOPS) hopsMs.push(performance.now() - start);
}
hopsMs.sort((a, b) => a - b);

const [user, agent] = [3, 4].map((seed) => noise(seed, FILE_SECONDS * 16_000));
const reader = await TurnDetector.create({ model, rate: 16_000 });
const start = performance.now();
reader.push(user, agent);
reader.finish();
const fileSeconds = (performance.now() - start) / 1000;

const result = {
  model: model.info.config.name,
  parameters: model.info.parameters,
  hopMs: { median: hopsMs[TIMED_HOPS / 2], p99: hopsMs[Math.floor(TIMED_HOPS * 0.99)] },
  minutesASecond: FILE_SECONDS / 60 / fileSeconds,
  loadMs,
};
process.stdout.write(`${JSON.stringify(result)}\n`);

/** White noise that comes and goes every second of 16 kHz sound, in [-0.3, 0.3]. */
function noise(seed, samples) {
  let x = seed;
  return Float32Array.from({ length: samples }, (_, i) => {
    x = (Math.imul(x, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor(i / 16_000) % 2 === 0 ? 0.6 * (x / 2 ** 32 - 0.5) : 0;
  });
}
