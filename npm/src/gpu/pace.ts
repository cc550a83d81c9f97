// How fast the GPU is, a hop at a time as in a live conversation, after a warm-up.
import { HOP_MELS, HOP_MS } from "../common/contract.js";
import { VapTurnError } from "../common/errors.js";
import type { Pair } from "../common/events.js";
import type { RemoteSession } from "../wasm/vap_wasm.js";
import type { GpuStream } from "./stream.js";

/** The first steps compile shaders. */
const WARM_UP_HOPS = 10;
const HOPS = 40;
/** No longer than this, where a hop takes long. */
const LIMIT_MS = 400;

/** Median time of a hop, from its sound to what it tells; frees the remote and resets the stream. */
export async function gpuPace(stream: GpuStream, remote: RemoteSession, rates: Pair): Promise<number> {
  try {
    const [user, agent] = rates.map((rate) => new Float32Array(Math.ceil((rate * HOP_MS) / 1000))) as [Float32Array, Float32Array];
    const times: number[] = [];
    for (const hops of [WARM_UP_HOPS, HOPS]) {
      times.length = 0;
      const begun = performance.now();
      for (let hop = 0; hop < hops && (hop === 0 || performance.now() - begun < LIMIT_MS); hop++) {
        const start = performance.now();
        remote.hear(user, agent);
        const mels = remote.nextMels(1);
        // A resampler holds the first hop back.
        if (mels.length === 0) continue;
        remote.pushLogits(await stream.step(mels));
        times.push(performance.now() - start);
      }
    }
    stream.reset();
    times.sort((a, b) => a - b);
    return times[Math.floor(times.length / 2)] ?? Infinity;
  } finally {
    remote.free();
  }
}

/** Has the shaders of steps of these numbers of hops compiled, and resets the stream. */
export async function warmed(stream: GpuStream, sizes: readonly number[]): Promise<void> {
  for (const hops of sizes) await stream.step(new Float32Array(2 * hops * HOP_MELS));
  stream.reset();
}

/** What `work` gives within that time. */
export async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new VapTurnError("backend", `GPU: expected an answer within ${ms} ms`));
    }, ms);
  });
  try {
    return await Promise.race([late, work]);
  } finally {
    clearTimeout(timer);
  }
}
