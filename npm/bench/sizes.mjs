// What a config says about a model: its weights by name and shape (vap-core/src/params.rs), and what a hop costs at
// least: multiplications, and bytes that must be read.

export const HOP_MS = 20;
export const CHANNELS = 2;
export const MEL_BANDS = 80;
export const MELS_A_FRAME = 2;
export const CONV1_KERNEL = 3;
export const BINS = 10;
/** Numbers a channel: bins, end of turn, backchannel, VAD. */
export const CHANNEL_OUTPUTS = BINS + 3;
export const OUTPUTS = 2 * CHANNEL_OUTPUTS + 1;

/** Bytes of a weight and of a cached number, by how a model is stored. */
const STORAGES = { f32: { weightBytes: 4, cachedBytes: 4 }, int8: { weightBytes: 1, cachedBytes: 2 } };

/** How an encoder is built: as here, or as Whisper's. */
export const VAP = "vap";
export const WHISPER = "whisper";

/** Kernel of the second convolution. */
export const conv2Kernel = ({ encoder = VAP }) => (encoder === WHISPER ? 3 : 4);

/** Width of the stereo layers and heads, and their attention heads. */
export function stereo({ dim, heads, stereo_dim = dim, stereo_heads = heads }) {
  return { dim: stereo_dim, heads: stereo_heads };
}

/** Whether a weight is stored as integers where matrices are. */
export const isMatrix = ({ name, shape }) => shape.length >= 2 && !name.endsWith(".distance_bias");

/** Name and shape of every weight. */
export function params(config) {
  const { dim: encoderDim, heads, context_frames, feed_forward_factor, channel_layers, num_layers } = config;
  const whisper = config.encoder === WHISPER;
  const { dim: stereoDim } = stereo(config);
  const list = [];
  let dim = encoderDim;
  const add = (name, ...shape) => list.push({ name, shape });
  const linear = (at, output, input) => {
    add(`${at}.weight`, output, input);
    add(`${at}.bias`, output);
  };
  const norm = (at) => {
    add(`${at}.weight`, dim);
    add(`${at}.bias`, dim);
  };
  const attention = (at) => {
    norm(`${at}.norm`);
    for (const part of ["query", "key", "value", "output"]) linear(`${at}.${part}`, dim, dim);
  };
  const feedForward = (at) => {
    norm(`${at}.feed_forward.norm`);
    linear(`${at}.feed_forward.expand`, dim * feed_forward_factor, dim);
    linear(`${at}.feed_forward.contract`, dim, dim * feed_forward_factor);
  };
  add("encoder.conv1.weight", dim, MEL_BANDS, CONV1_KERNEL);
  add("encoder.conv1.bias", dim);
  add("encoder.conv2.weight", dim, dim, conv2Kernel(config));
  add("encoder.conv2.bias", dim);
  if (whisper) add("encoder.position", dim);
  else norm("encoder.norm");
  for (let i = 0; i < channel_layers; i++) {
    attention(`encoder.layers.${i}.self_attention`);
    if (whisper) add(`encoder.layers.${i}.self_attention.distance_bias`, heads, context_frames);
    feedForward(`encoder.layers.${i}`);
  }
  if (whisper) norm("encoder.norm");
  if (stereoDim !== encoderDim) linear("bridge", stereoDim, encoderDim);
  dim = stereoDim;
  for (let i = 0; i < num_layers; i++) {
    attention(`transformer.layers.${i}.self_attention`);
    attention(`transformer.layers.${i}.cross_attention`);
    feedForward(`transformer.layers.${i}`);
  }
  norm("transformer.norm");
  for (const [head, outputs] of [["projection", BINS], ["eot", 1], ["backchannel", 1], ["vad", 1]]) {
    linear(`heads.${head}`, outputs, 2 * dim);
  }
  linear("heads.overlap", 1, dim);
  return list;
}

/** Names of the attentions in the order of their caches, and whether they hear the other channel. */
export function attentions({ channel_layers, num_layers }) {
  const list = [];
  for (let i = 0; i < channel_layers; i++) list.push({ at: `encoder.layers.${i}.self_attention`, crossed: false });
  for (let i = 0; i < num_layers; i++) {
    for (const kind of ["self", "cross"]) {
      list.push({ at: `transformer.layers.${i}.${kind}_attention`, crossed: kind === "cross" });
    }
  }
  return list;
}

export const length = (shape) => shape.reduce((product, x) => product * x, 1);

/**
 * What one hop of both channels takes: multiplications with weights and with cached keys and values, and bytes of
 * matrices (each read once for both channels), keys and values.
 */
export function work(config, storage) {
  const { dim, channel_layers, num_layers, context_frames } = config;
  const { weightBytes, cachedBytes } = STORAGES[storage];
  const width = channel_layers * dim + 2 * num_layers * stereo(config).dim;
  const cached = width * CHANNELS * 2 * context_frames;
  let [weights, macs] = [0, cached];
  for (const { name, shape } of params(config).filter(isMatrix)) {
    weights += length(shape);
    const times = name === "heads.overlap.weight" ? 1 : CHANNELS;
    // The first convolution runs at the rate of the mel frames.
    macs += length(shape) * times * (name === "encoder.conv1.weight" ? MELS_A_FRAME : 1);
  }
  return { storage, bytes: weights * weightBytes + cached * cachedBytes, macs };
}
