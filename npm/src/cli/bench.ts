// `vap-turn bench`: what a hop of both channels costs on this machine, on one thread.
import { HOP_MS } from "../common/contract.js";
import { TurnDetector } from "../detector.js";
import { TurnModel } from "../wasm/load.js";

/** What was measured. */
export interface Bench {
  /** From nothing loaded to the first frame, in ms. */
  firstFrameMs: number;
  /** Time of a hop of 20 ms, in ms. */
  hopMs: { median: number; p99: number };
  /** Calls that one core computes in real time, with nothing left over: 20 ms over the mean of a hop. */
  callsACore: number;
  /** Bytes of a call's saved state. */
  stateBytes: number;
  rateHz: number;
  hops: number;
}

const WARM_UP_HOPS = 500;
const HOPS = 2500;

/** Times hops of noise, one after the other. */
export async function bench(source: { model?: string }, rateHz: number): Promise<Bench> {
  const start = performance.now();
  const model = await TurnModel.load(source);
  const detector = await TurnDetector.create({ rate: rateHz, model });
  const sound = noise((rateHz * HOP_MS) / 1000, 64);
  // A resampler holds the first samples back.
  const give = (hop: number): number => detector.push(sound[hop % 64], sound[(hop + 17) % 64]).frames.length;
  let hop = 0;
  while (give(hop++) === 0);
  const firstFrameMs = performance.now() - start;
  while (hop < WARM_UP_HOPS) give(hop++);
  const times = new Float64Array(HOPS);
  for (let at = 0; at < HOPS; at++) {
    const before = performance.now();
    give(hop++);
    times[at] = performance.now() - before;
  }
  const stateBytes = detector.save().length;
  detector.close();
  model.close();
  const mean = times.reduce((sum, time) => sum + time, 0) / HOPS;
  times.sort();
  const share = (part: number): number => times[Math.floor(part * HOPS)] ?? NaN;
  return { firstFrameMs, hopMs: { median: share(0.5), p99: share(0.99) }, callsACore: HOP_MS / mean, stateBytes, rateHz, hops: HOPS };
}

/** The result as lines for people. */
export function benchLines({ firstFrameMs, hopMs, callsACore, stateBytes, rateHz, hops }: Bench): string[] {
  const row = (name: string, text: string): string => `${name.padEnd(22)}${text}`;
  return [
    row("first frame", `${firstFrameMs.toFixed(0)} ms after start, wasm and weights loaded`),
    row("a hop of 20 ms", `median ${hopMs.median.toFixed(3)} ms, p99 ${hopMs.p99.toFixed(3)} ms (${hops} hops, both channels at ${rateHz} Hz, one thread)`),
    row("calls a core", `${Math.floor(callsACore)} in real time if nothing else runs; plan for half`),
    row("memory of a call", `${(stateBytes / 1e6).toFixed(2)} MB beside the weights, which a thread has once`),
  ];
}

/** Chunks of noise that comes and goes. */
function noise(length: number, count: number): Float32Array[] {
  let seed = 1;
  return Array.from({ length: count }, (_, chunk) => Float32Array.from({ length }, () => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) | 0;
    return (seed / 2 ** 31) * (chunk % 16 < 8 ? 0.3 : 0.001);
  }));
}
