// Model files of any size with seeded random weights, in the project's layout (vap-core/src/model_file.rs), and their
// weights read back.
import { random, list } from "./random.mjs";
import { closed, floats, halves, opened } from "./safetensors.mjs";
import { MEL_BANDS, isMatrix, length, params } from "./sizes.mjs";

/** Low bits of a scale that are left 0, so that its product with an integer is exact. */
const SPARE_BITS = 0x7f;
const LARGEST = 127;

/** A model file with random weights, stored as "f32", "f16" or "int8". */
export function randomModel(config, storage, seed = 7) {
  const draw = random(seed);
  const tensors = {};
  for (const { name, shape } of params(config)) {
    const fanIn = Math.max(1, length(shape.slice(1)));
    let values = list(draw, length(shape), Math.sqrt(3 / fanIn));
    if (shape.length === 1) {
      const centre = name.endsWith("norm.weight") ? 1 : 0;
      values = values.map((x) => centre + 0.1 * x);
    }
    Object.assign(tensors, stored(name, shape, values, storage));
  }
  const band = (value) => Array.from({ length: MEL_BANDS }, () => value);
  const metadata = {
    format: "vap-turn",
    format_version: "1",
    config: JSON.stringify(config),
    statistics: JSON.stringify({ mean: band(-6), deviation: band(3) }),
    policy: "{}",
    provenance: JSON.stringify({ random: seed }),
  };
  return closed({ metadata, tensors });
}

/** The same model in another storage. */
export function restored(bytes, storage) {
  const { metadata } = opened(bytes);
  const tensors = {};
  for (const [name, { shape, values }] of Object.entries(weights(bytes))) {
    Object.assign(tensors, stored(name, shape, values, storage));
  }
  return closed({ metadata, tensors });
}

function stored(name, shape, values, storage) {
  if (storage === "f32") return { [name]: { dtype: "F32", shape, data: values } };
  if (storage === "f16" || !isMatrix({ name, shape })) return { [name]: { dtype: "F16", shape, data: halves(values) } };
  if (storage !== "int8") throw new Error(`expected storage f32, f16 or int8, found ${storage}`);
  const width = values.length / shape[0];
  const scales = new Float32Array(shape[0]);
  const integers = new Int8Array(values.length);
  for (let row = 0; row < shape[0]; row++) {
    const cells = values.subarray(row * width, (row + 1) * width);
    scales[row] = scale(cells);
    cells.forEach((x, column) => (integers[row * width + column] = Math.round(x / scales[row])));
  }
  return {
    [name]: { dtype: "I8", shape, data: integers },
    [`${name}.scale`]: { dtype: "F32", shape: [shape[0]], data: scales },
  };
}

function scale(row) {
  const largest = row.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  if (largest === 0) return 1;
  const bits = new Uint32Array(Float32Array.of(largest / LARGEST).buffer);
  bits[0] = (bits[0] + SPARE_BITS) & ~SPARE_BITS;
  return new Float32Array(bits.buffer)[0];
}

/** Config and feature statistics of a model file. */
export function header(bytes) {
  const { metadata } = opened(bytes);
  return { config: JSON.parse(metadata.config), statistics: JSON.parse(metadata.statistics) };
}

/** Every weight, `{ shape, values }` by name; `integers` and `scales` beside them where it is stored so. */
export function weights(bytes) {
  const { metadata, tensors } = opened(bytes);
  const read = ({ name, shape }) => {
    const tensor = tensors[name];
    if (!tensor) throw new Error(`weight ${name} is missing`);
    if (tensor.dtype !== "I8") return [name, { shape, values: floats(tensor) }];
    const integers = new Int8Array(tensor.data.buffer);
    const scales = floats(tensors[`${name}.scale`]);
    const width = integers.length / scales.length;
    const values = Float32Array.from(integers, (x, at) => x * scales[Math.floor(at / width)]);
    return [name, { shape, values, integers, scales }];
  };
  return Object.fromEntries(params(JSON.parse(metadata.config)).map(read));
}
