// The network of a model file as an ONNX graph of one 20 ms hop of both channels, its state explicit.
//
// Row 0 is the user, row 1 the agent. In: `mels` `[2, 4 x 80]`, the hop's two frames behind the two before them;
// `frames` `[2, 2 dim]`, the first convolution's last outputs; for each attention `keys` `[2, heads, head_dim, context]`
// and `values` `[2, heads, context, head_dim]`; and `bias`, which says how far away each slot of these caches is.
// Out: `logits` `[27]`, `next_frames`, and `rows` `[attentions, 2, 2, dim]`: the hop's keys and values, for the caller
// to write over the oldest. Caches that come out whole are copied again and again: nearly twice the time a hop.
import { Graph } from "./onnx.mjs";
import { header, weights } from "./model.mjs";
import { CHANNELS, CHANNEL_OUTPUTS, CONV1_KERNEL, MELS_A_FRAME, MEL_BANDS, VAP, attentions, conv2Kernel, stereo } from "./sizes.mjs";

/** ONNX bytes; `int8` quantises products with weights as onnxruntime's `quantize_dynamic` does, a scale a column. */
export function network(model, { int8 = false } = {}) {
  const { config } = header(model);
  const { encoder = VAP, dim, heads } = config;
  const { dim: stereoDim, heads: stereoHeads } = stereo(config);
  if (encoder !== VAP || stereoDim !== dim || stereoHeads !== heads) {
    throw new Error(`expected the encoder ${VAP} and one width, found ${encoder} of ${dim} before ${stereoDim}`);
  }
  return new Network(config, weights(model), int8).encode();
}

class Network {
  #graph = new Graph();
  #rows = [];

  constructor(config, weights, int8) {
    Object.assign(this, { config, weights, int8, headDim: config.dim / config.heads });
  }

  encode() {
    const graph = this.#graph;
    const { dim, channel_layers, num_layers, heads, context_frames: context, name } = this.config;
    this.bias = graph.input("bias", [1, heads, 1, context + 1]);
    this.swapped = graph.constant(BigInt64Array.of(1n, 0n), [CHANNELS], "int64");
    this.headShapes = {
      row: graph.integers(CHANNELS, heads, 1, this.headDim),
      column: graph.integers(CHANNELS, heads, this.headDim, 1),
      flat: graph.integers(CHANNELS, dim),
    };
    const layers = attentions(this.config).map((attention, index) => ({ ...attention, index }));
    let x = this.convolutions();
    for (let i = 0; i < channel_layers; i++) {
      x = this.attention(x, layers[i]);
      x = this.feedForward(x, `encoder.layers.${i}`);
    }
    for (let i = 0; i < num_layers; i++) {
      x = this.attention(x, layers[channel_layers + 2 * i]);
      x = this.attention(x, layers[channel_layers + 2 * i + 1]);
      x = this.feedForward(x, `transformer.layers.${i}`);
    }
    this.heads(this.norm(x, "transformer.norm"));
    const rows = graph.op("Concat", this.#rows, { axis: 0 });
    graph.output("rows", rows, [layers.length * 2 * CHANNELS, dim]);
    return graph.encode(name);
  }

  /** `[2, dim]` from the mels: both convolutions as products with windows of their input. */
  convolutions() {
    const { dim } = this.config;
    const graph = this.#graph;
    const length = CONV1_KERNEL - 1 + MELS_A_FRAME;
    const mels = graph.input("mels", [CHANNELS, length * MEL_BANDS]);
    const axis = graph.integers(1);
    const windows = Array.from({ length: MELS_A_FRAME }, (_, frame) => {
      const [from, to] = [graph.integers(frame * MEL_BANDS), graph.integers((frame + CONV1_KERNEL) * MEL_BANDS)];
      return graph.op("Slice", [mels, from, to, axis]);
    });
    const first = this.linear(graph.op("Concat", windows, { axis: 0 }), this.kernel("encoder.conv1"));
    const each = { axis: 0, num_outputs: MELS_A_FRAME };
    const parts = graph.split("Split", [graph.op("Gelu", [first])], MELS_A_FRAME, each);
    const frames = graph.op("Concat", parts, { axis: 1 });
    const kept = (conv2Kernel(this.config) - MELS_A_FRAME) * dim;
    const before = graph.input("frames", [CHANNELS, kept]);
    graph.output("next_frames", frames, [CHANNELS, kept]);
    const window = graph.op("Concat", [before, frames], { axis: 1 });
    return this.norm(graph.op("Gelu", [this.linear(window, this.kernel("encoder.conv2"))]), "encoder.norm");
  }

  attention(x, { at, crossed, index }) {
    const graph = this.#graph;
    const { row, column, flat } = this.headShapes;
    const matrix = this.matrix(at, ["query", "key", "value"], { query: this.headDim ** -0.5 });
    const all = this.linear(this.norm(x, `${at}.norm`), matrix);
    let [query, key, value] = graph.split("Split", [all], 3, { axis: 1, num_outputs: 3 });
    if (crossed) [key, value] = [key, value].map((each) => graph.op("Gather", [each, this.swapped], { axis: 0 }));
    const shaped = (each, shape) => graph.op("Reshape", [each, shape]);
    const mixed = this.mix(index, shaped(query, row), shaped(key, column), shaped(value, row));
    this.#rows.push(key, value);
    const output = this.linear(shaped(mixed, flat), this.matrix(at, ["output"]));
    return graph.op("Add", [x, output]);
  }

  /** Values weighted by the softmax of their keys' scores, `[2, heads, 1, head_dim]`. */
  mix(index, query, key, value) {
    const graph = this.#graph;
    const { heads, context_frames: context } = this.config;
    const before = {
      keys: graph.input(`keys${index}`, [CHANNELS, heads, this.headDim, context]),
      values: graph.input(`values${index}`, [CHANNELS, heads, context, this.headDim]),
    };
    const past = graph.op("MatMul", [query, before.keys]);
    const present = graph.op("MatMul", [query, key]);
    const scores = graph.op("Add", [graph.op("Concat", [past, present], { axis: 3 }), this.bias]);
    const shares = graph.op("Softmax", [scores], { axis: 3 });
    const sizes = graph.integers(context, 1);
    const [ofPast, ofPresent] = graph.split("Split", [shares, sizes], 2, { axis: 3 });
    return graph.op("Add", [graph.op("MatMul", [ofPast, before.values]), graph.op("Mul", [ofPresent, value])]);
  }

  feedForward(x, at) {
    const graph = this.#graph;
    const wide = this.linear(this.norm(x, `${at}.feed_forward.norm`), this.matrix(`${at}.feed_forward`, ["expand"]));
    const output = this.linear(graph.op("Gelu", [wide]), this.matrix(`${at}.feed_forward`, ["contract"]));
    return graph.op("Add", [x, output]);
  }

  /** Logits of each channel, seen beside the other, then overlap of the sum; the caller puts them in order. */
  heads(x) {
    const graph = this.#graph;
    const other = graph.op("Gather", [x, this.swapped], { axis: 0 });
    const both = graph.op("Concat", [x, other], { axis: 1 });
    const each = this.linear(both, this.matrix("heads", ["projection", "eot", "backchannel", "vad"]));
    const sum = graph.op("ReduceSum", [x, graph.integers(0)], { keepdims: 1 });
    const overlap = this.linear(sum, this.matrix("heads", ["overlap"]));
    const flat = graph.op("Reshape", [each, graph.integers(1, CHANNELS * CHANNEL_OUTPUTS)]);
    graph.output("logits", graph.op("Concat", [flat, overlap], { axis: 1 }), [1, CHANNELS * CHANNEL_OUTPUTS + 1]);
  }

  norm(x, at) {
    const { dim, norm_epsilon } = this.config;
    const [scale, shift] = ["weight", "bias"].map((part) => {
      return this.#graph.constant(this.weights[`${at}.${part}`].values, [dim]);
    });
    return this.#graph.op("LayerNormalization", [x, scale, shift], { axis: 1, epsilon: { float: norm_epsilon } });
  }

  /** Rows of the linears `at.part`, which read the same input, each times its factor. */
  matrix(at, parts, factors = {}) {
    const rows = [];
    for (const part of parts) {
      const weight = this.weights[`${at}.${part}.weight`];
      const bias = this.weights[`${at}.${part}.bias`].values;
      rows.push(...this.rows(weight, bias, factors[part] ?? 1, (column) => column));
    }
    return rows;
  }

  /** A convolution's kernel as rows over a window of its input, oldest first. */
  kernel(at) {
    const weight = this.weights[`${at}.weight`];
    const [, inputs, taps] = weight.shape;
    // `[out, in, kernel]` to `[out, kernel x in]`.
    const place = (column) => (column % inputs) * taps + Math.floor(column / inputs);
    return this.rows(weight, this.weights[`${at}.bias`].values, 1, place);
  }

  /** `{ cells, scale, bias }` for each output: floats with scale 1, or the integers as they are stored. */
  rows({ values, integers, scales }, bias, factor, place) {
    const width = values.length / bias.length;
    if (this.int8 && !integers) throw new Error("expected a model file with int8 storage, found floats");
    return Array.from(bias, (b, row) => {
      const cells = Array.from({ length: width }, (_, column) => {
        const at = row * width + place(column);
        return this.int8 ? integers[at] : values[at] * factor;
      });
      return { cells, scale: this.int8 ? scales[row] * factor : 1, bias: b * factor };
    });
  }

  /** `x W + b`, from the rows of the transposed matrix. */
  linear(x, rows) {
    const graph = this.#graph;
    const [inputs, outputs] = [rows[0].cells.length, rows.length];
    const bias = graph.constant(Float32Array.from(rows, (row) => row.bias), [outputs]);
    const turned = (Type) => {
      const data = new Type(inputs * outputs);
      rows.forEach(({ cells }, column) => cells.forEach((x, i) => (data[i * outputs + column] = x)));
      return data;
    };
    if (!this.int8) return graph.op("Gemm", [x, graph.constant(turned(Float32Array), [inputs, outputs]), bias]);
    const [quantised, scale, zero] = graph.split("DynamicQuantizeLinear", [x], 3);
    const weight = graph.constant(turned(Int8Array), [inputs, outputs], "int8");
    const weightZero = graph.constant(new Int8Array(outputs), [outputs], "int8");
    const weightScale = graph.constant(Float32Array.from(rows, (row) => row.scale), [outputs]);
    const product = graph.op("MatMulInteger", [quantised, weight, zero, weightZero]);
    const scales = graph.op("Mul", [scale, weightScale]);
    const float = graph.op("Mul", [graph.op("Cast", [product], { to: 1 }), scales]);
    return graph.op("Add", [float, bias]);
  }
}
