// The wire format of protocol buffers, as much of it as an ONNX file needs: a message is a list of fields.
// https://protobuf.dev/programming-guides/encoding

const utf8 = new globalThis.TextEncoder();

function varint(value) {
  const bytes = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  do {
    const low = Number(rest & 0x7fn);
    rest >>= 7n;
    bytes.push(rest ? low | 0x80 : low);
  } while (rest);
  return Uint8Array.from(bytes);
}

/** Joins byte arrays. */
export function message(...fields) {
  const parts = fields.flat(Infinity);
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** An integer or enum field. */
export const integer = (field, value) => message(varint(field << 3), varint(value));

/** A 32-bit float field. */
export const float = (field, value) =>
  message(varint((field << 3) | 5), new Uint8Array(Float32Array.of(value).buffer));

/** A field of bytes, text, or another message. */
export function bytes(field, value) {
  const data = typeof value === "string" ? utf8.encode(value) : value;
  return message(varint((field << 3) | 2), varint(data.length), data);
}
