// What a hop would take at the rates that plain SIMD in wasm reaches on this machine at best.
import { limitsWasm } from "./limits-wasm.mjs";
import { CHANNELS } from "./sizes.mjs";

const { performance, WebAssembly } = globalThis;

/** Small enough for the nearest cache, together with the inputs. */
const NEAR_BYTES = 18_432;

/**
 * What each of `works` (`{ [name]: { storage, bytes, macs } }`) takes at least, in ms: the time of streaming its bytes,
 * or of its multiplications out of the nearest cache, whichever is longer. The fastest of all variants and repeats
 * counts: these are limits.
 */
export async function rooflines(works, repeats) {
  const { bytes: wasm, variants } = await limitsWasm(Math.max(...Object.values(works).map(({ bytes }) => bytes)));
  const { instance } = await WebAssembly.instantiate(wasm);
  // Pages never written are all one page of zeros to the processor, and would be read from the nearest cache.
  new Uint8Array(instance.exports.memory.buffer).fill(1);
  const best = (list, size) => {
    return Math.max(...list.map(({ name, step }) => fastest(instance.exports[name], whole(size, step), repeats)));
  };
  const macsAMs = {
    int8: best(variants.int8, NEAR_BYTES) * CHANNELS,
    f32: (best(variants.f32, NEAR_BYTES) / 4) * CHANNELS,
  };
  const roofline = ([name, { storage, bytes, macs }]) => {
    const bytesAMs = best(variants.stream, bytes);
    const [bytesMs, macsMs] = [bytes / bytesAMs, macs / macsAMs[storage]];
    const leastMs = Math.max(bytesMs, macsMs);
    return [name, { storage, bytes, macs, bytesAMs, macsAMs: macsAMs[storage], bytesMs, macsMs, leastMs }];
  };
  return Object.fromEntries(Object.entries(works).map(roofline));
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
