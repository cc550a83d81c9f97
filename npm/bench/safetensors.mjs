// `.safetensors` files taken apart and put together.
const { TextDecoder, TextEncoder } = globalThis;

/** The metadata of a file and its tensors, `{ dtype, shape, data }` by name. */
export function opened(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const start = 8 + Number(view.getBigUint64(0, true));
  const { __metadata__: metadata, ...entries } = JSON.parse(new TextDecoder().decode(bytes.subarray(8, start)));
  const tensors = {};
  for (const [name, { dtype, shape, data_offsets: [from, to] }] of Object.entries(entries)) {
    // Copied, so that typed arrays over the data are aligned.
    tensors[name] = { dtype, shape, data: bytes.slice(start + from, start + to) };
  }
  return { metadata, tensors };
}

/** The bytes of a file. */
export function closed({ metadata, tensors }) {
  const header = { __metadata__: metadata };
  let end = 0;
  for (const [name, { dtype, shape, data }] of Object.entries(tensors)) {
    header[name] = { dtype, shape, data_offsets: [end, (end += data.byteLength)] };
  }
  const text = new TextEncoder().encode(JSON.stringify(header));
  const start = 8 + Math.ceil(text.length / 8) * 8;
  const bytes = new Uint8Array(start + end).fill(0x20, 8, start);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(start - 8), true);
  bytes.set(text, 8);
  let at = start;
  for (const { data } of Object.values(tensors)) {
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
    at += data.byteLength;
  }
  return bytes;
}

/** The values of a tensor of type F32 or F16. */
export function floats({ dtype, data }) {
  if (dtype === "F32") return new Float32Array(data.buffer, data.byteOffset, data.byteLength / 4);
  if (dtype !== "F16") throw new Error(`expected a tensor of type F32 or F16, found ${dtype}`);
  return Float32Array.from(new Uint16Array(data.buffer, data.byteOffset, data.byteLength / 2), (bits) => {
    const [sign, exponent, fraction] = [bits & 0x8000 ? -1 : 1, (bits >> 10) & 31, bits & 0x3ff];
    return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
  });
}

/** Numbers as 16-bit floats, to the nearest, ties to even. */
export function halves(values) {
  return Uint16Array.from(values, (x) => {
    const sign = x < 0 || Object.is(x, -0) ? 0x8000 : 0;
    const size = Math.abs(x);
    const exponent = Math.max(-14, Math.floor(Math.log2(size || 2 ** -14)));
    const steps = even(size * 2 ** (10 - exponent));
    // A value below 2^10 steps is subnormal; one that rounds up to 2^11 carries into the exponent by itself.
    const bits = steps < 1024 ? steps : ((exponent + 15) << 10) + steps - 1024;
    if (bits >= 0x7c00) throw new Error(`expected a number that a 16-bit float holds, found ${x}`);
    return sign | bits;
  });
}

function even(x) {
  const down = Math.floor(x);
  const rest = x - down;
  return rest > 0.5 || (rest === 0.5 && down % 2 === 1) ? down + 1 : down;
}
