// What this machine's plain SIMD in wasm can do at best, and what a hop would take at those rates.
import { CHANNELS } from "./sizes.mjs";

const { performance, WebAssembly } = globalThis;

/** Small enough for the nearest cache, together with the inputs. */
const NEAR_BYTES = 18_432;

/**
 * Bytes a millisecond streamed through each of `sizes`, and multiplications a millisecond from the nearest cache, of
 * weights as int8 and as f32. The fastest of all variants and repeats counts: these are limits.
 */
export async function measureLimits({ bytes, variants }, sizes, repeats) {
  const { instance } = await WebAssembly.instantiate(bytes);
  // Pages never written are all one page of zeros to the processor, and would be read from the nearest cache.
  new Uint8Array(instance.exports.memory.buffer).fill(1);
  const best = (list, size) => {
    return Math.max(...list.map(({ name, step }) => fastest(instance.exports[name], whole(size, step), repeats)));
  };
  const streamed = Object.fromEntries(Object.entries(sizes).map(([name, size]) => [name, best(variants.stream, size)]));
  return {
    bytesAMs: streamed,
    macsAMs: {
      int8: best(variants.int8, NEAR_BYTES) * CHANNELS,
      f32: (best(variants.f32, NEAR_BYTES) / 4) * CHANNELS,
    },
  };
}

/** A variant takes whole steps. */
const whole = (bytes, step) => Math.max(1, Math.floor(bytes / step)) * step;

/** Bytes a millisecond. */
function fastest(run, bytes, repeats) {
  // Long enough for the clock, and called often enough that the optimising compiler has taken over.
  const times = Math.max(1, Math.round(16_000_000 / bytes));
  let least = Infinity;
  for (let repeat = 0; repeat < repeats; repeat++) {
    const start = performance.now();
    run(bytes, times);
    least = Math.min(least, performance.now() - start);
  }
  return (bytes * times) / least;
}

/**
 * Least time of a hop in ms: that of its bytes or that of its multiplications, whichever is longer. Products with
 * cached keys and values are of f32.
 */
export function roofline({ weightBytes, weightMacs, cacheBytes, cacheMacs }, limits, storage) {
  const bytesMs = (weightBytes + cacheBytes) / limits.bytesAMs[storage];
  const macsMs = weightMacs / limits.macsAMs[storage] + cacheMacs / limits.macsAMs.f32;
  return { bytesMs, macsMs, leastMs: Math.max(bytesMs, macsMs) };
}
