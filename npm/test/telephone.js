// What the other end of a line does: samples to the bytes of G.711, by searching the nearest code.

const decoders = {
  alaw: (byte) => {
    const code = byte ^ 0x55;
    const [segment, step] = [(code >> 4) & 7, (code & 15) << 4];
    const size = segment === 0 ? step + 8 : (step + 0x108) << (segment - 1);
    return code & 0x80 ? size : -size;
  },
  mulaw: (byte) => {
    const code = ~byte & 0xff;
    const size = ((((code & 15) << 3) + 0x84) << ((code >> 4) & 7)) - 0x84;
    return code & 0x80 ? -size : size;
  },
};

const sorted = Object.fromEntries(Object.entries(decoders).map(([law, decode]) => {
  return [law, Array.from({ length: 256 }, (_, code) => [decode(code), code]).sort(([a], [b]) => a - b)];
}));

/** Bytes of G.711, the nearest to each sample. */
export function g711(samples, law) {
  const codes = sorted[law];
  return Uint8Array.from(samples, (x) => {
    const wanted = x * 32768;
    let [low, high] = [0, 255];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (codes[middle][0] <= wanted) low = middle;
      else high = middle;
    }
    return codes[wanted - codes[low][0] <= codes[high][0] - wanted ? low : high][1];
  });
}
