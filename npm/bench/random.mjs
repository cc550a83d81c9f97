// Seeded numbers and sound, the same in Node and in a browser.

/** A source of numbers, even over [-1, 1) (mulberry32). */
export function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let z = Math.imul(state ^ (state >>> 15), state | 1);
    z ^= z + Math.imul(z ^ (z >>> 7), z | 61);
    return ((z ^ (z >>> 14)) >>> 0) / 2 ** 31 - 1;
  };
}

/** `count` numbers over [-scale, scale). */
export function list(draw, count, scale) {
  return Float32Array.from({ length: count }, () => draw() * scale);
}

/** Bursts of noise of random length and loudness, like talk as far as energy goes. */
export function talk(seed, rateHz, seconds) {
  const draw = random(seed);
  const samples = new Float32Array(Math.round(rateHz * seconds));
  for (let at = 0; at < samples.length;) {
    const length = Math.round(rateHz * (0.3 + 0.25 * draw()));
    const loudness = Math.max(0, draw()) * 0.5;
    const burst = list(draw, Math.min(length, samples.length - at), loudness);
    samples.set(burst, at);
    at += burst.length;
  }
  return samples;
}
