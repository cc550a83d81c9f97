// Model files taken apart and put together, so that tests can make the ones that do not ship.

/** The metadata of a `.safetensors` file (a Buffer) and its tensors, `{ dtype, shape, data }` by name. */
function opened(bytes) {
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  const { __metadata__: metadata, ...entries } = JSON.parse(bytes.toString("utf8", 8, 8 + length));
  const tensors = Object.entries(entries).map(([name, { dtype, shape, data_offsets: [from, to] }]) => {
    return [name, { dtype, shape, data: new Uint8Array(bytes.subarray(8 + length + from, 8 + length + to)) }];
  });
  return { metadata, tensors: Object.fromEntries(tensors) };
}

function closed({ metadata, tensors }) {
  const header = { __metadata__: metadata };
  const parts = [];
  let end = 0;
  for (const [name, { dtype, shape, data }] of Object.entries(tensors)) {
    header[name] = { dtype, shape, data_offsets: [end, (end += data.length)] };
    parts.push(data);
  }
  let text = JSON.stringify(header);
  text = text.padEnd(Math.ceil(Buffer.byteLength(text) / 8) * 8 - Buffer.byteLength(text) + text.length);
  const start = Buffer.alloc(8);
  start.writeBigUInt64LE(BigInt(Buffer.byteLength(text)));
  return Buffer.concat([start, Buffer.from(text), ...parts]);
}

/** The file with another calibration, or `undefined` for none. */
export function calibrated(bytes, calibration) {
  const file = opened(bytes);
  delete file.metadata.calibration;
  if (calibration !== undefined) file.metadata.calibration = JSON.stringify(calibration);
  return closed(file);
}

/** The file with its matrices as integers, one scale an output row; `change` may tamper with the tensors. */
export function quantised(bytes, change = () => undefined) {
  const { metadata, tensors } = opened(bytes);
  const stored = {};
  for (const [name, tensor] of Object.entries(tensors)) {
    if (tensor.shape.length < 2 || tensor.dtype === "I8") stored[name] = tensor;
    else Object.assign(stored, integers(name, tensor));
  }
  change(stored);
  return closed({ metadata, tensors: stored });
}

function integers(name, { dtype, shape, data }) {
  const values = floats(dtype, data);
  const width = values.length / shape[0];
  const scales = new Float32Array(shape[0]);
  const whole = new Int8Array(values.length);
  for (let row = 0; row < shape[0]; row++) {
    const cells = values.subarray(row * width, (row + 1) * width);
    const largest = cells.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
    scales[row] = largest === 0 ? 1 : largest / 127;
    cells.forEach((x, column) => {
      whole[row * width + column] = Math.max(-127, Math.min(127, Math.round(x / scales[row])));
    });
  }
  return {
    [name]: { dtype: "I8", shape, data: new Uint8Array(whole.buffer) },
    [`${name}.scale`]: { dtype: "F32", shape: [shape[0]], data: new Uint8Array(scales.buffer) },
  };
}

function floats(dtype, data) {
  if (dtype === "F32") return new Float32Array(data.buffer);
  return Float32Array.from(new Uint16Array(data.buffer), (bits) => {
    const [sign, exponent, fraction] = [bits & 0x8000 ? -1 : 1, (bits >> 10) & 31, bits & 0x3ff];
    return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
  });
}
