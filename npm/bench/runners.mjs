// What is timed, in one shape: `hop(i)` works hop `i` of an endless sound and returns its 27 logits, or a promise of
// them. The same in Node and in a browser.
import {
  BINS, CHANNELS, CHANNEL_OUTPUTS, HOP_MS, MELS_A_FRAME, MEL_BANDS, OUTPUTS, attentions,
} from "./sizes.mjs";

/** One thread and every optimisation: what suits two rows a hop best. */
const ORT_OPTIONS = {
  executionProviders: ["cpu"],
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  executionMode: "sequential",
  graphOptimizationLevel: "all",
};
/** Score of a slot out of sight. */
const MASKED = -1e30;

/**
 * The package's own path from sound to events: `door` is a loaded `vap_wasm.js`, `sound` both channels at `rateHz`.
 * `burn` has Burn do the work; `stepMs` is how much sound a "hop" takes.
 */
export class Ours {
  #model;
  #session;
  #sound;
  #length;

  constructor(door, model, sound, rateHz, { burn = false, stepMs = HOP_MS } = {}) {
    this.#model = burn ? door.Model.loadBurn(model) : door.Model.load(model);
    this.#session = new door.Session(this.#model, { userRate: rateHz, agentRate: rateHz });
    this.#sound = sound;
    this.#length = (rateHz * stepMs) / 1000;
  }

  hop(i) {
    const hops = Math.floor(this.#sound[0].length / this.#length);
    const at = (i % hops) * this.#length;
    const [user, agent] = this.#sound.map((samples) => samples.subarray(at, at + this.#length));
    return this.#session.push(user, agent).frames;
  }

  /** Logits of what `hop` gave: the door gives probabilities. */
  static logits(frames) {
    return Float32Array.from(frames.subarray(0, OUTPUTS), (p) => Math.log(p / (1 - p)));
  }

  free() {
    this.#session.free();
    this.#model.free();
  }
}

/**
 * The network alone, by onnxruntime: `mels` are both channels' normalised frames, `[frames, 80]` each. Every tensor
 * is made once and fed again; keys and values lie in rings here, and a hop writes its rows over the oldest.
 */
export class Onnx {
  #session;
  #feeds;
  #mels;
  #rings;
  #bias;
  #config;
  #position = 0;

  static async load(ort, file, config, mels) {
    return new Onnx(ort, await ort.InferenceSession.create(file, ORT_OPTIONS), config, mels);
  }

  constructor(ort, session, config, mels) {
    const { dim, heads, context_frames: context } = config;
    const zeros = (...dims) => new ort.Tensor("float32", new Float32Array(dims.reduce((a, b) => a * b)), dims);
    this.#session = session;
    this.#config = config;
    this.#mels = mels;
    this.#feeds = {
      mels: zeros(CHANNELS, 2 * MELS_A_FRAME * MEL_BANDS),
      frames: zeros(CHANNELS, MELS_A_FRAME * dim),
      bias: zeros(1, heads, 1, context + 1),
    };
    this.#rings = attentions(config).map((_, index) => {
      const keys = (this.#feeds[`keys${index}`] = zeros(CHANNELS, heads, dim / heads, context));
      const values = (this.#feeds[`values${index}`] = zeros(CHANNELS, heads, context, dim / heads));
      return { keys: keys.data, values: values.data };
    });
    this.#bias = distances(config);
  }

  async hop(i) {
    const { context_frames: context } = this.#config;
    const { mels, bias, frames } = this.#feeds;
    const half = MELS_A_FRAME * MEL_BANDS;
    const at = (i % Math.floor(this.#mels[0].length / half)) * half;
    for (let channel = 0; channel < CHANNELS; channel++) {
      const start = channel * 2 * half;
      mels.data.copyWithin(start, start + half, start + 2 * half);
      mels.data.set(this.#mels[channel].subarray(at, at + half), start + half);
    }
    const slot = this.#position % context;
    bias.data.set(this.#bias[Math.min(this.#position, context + slot)]);
    const { logits, next_frames, rows } = await this.#session.run(this.#feeds);
    frames.data.set(next_frames.data);
    this.#write(rows.data, slot);
    this.#position++;
    return logits.data;
  }

  /** The hop's keys and values over the oldest; `rows` is `[attentions, 2, 2, dim]`. */
  #write(rows, slot) {
    const { dim, heads, context_frames: context } = this.#config;
    const headDim = dim / heads;
    let at = 0;
    for (const { keys, values } of this.#rings) {
      for (let i = 0; i < CHANNELS * dim; i++) keys[i * context + slot] = rows[at + i];
      at += CHANNELS * dim;
      for (let head = 0; head < CHANNELS * heads; head++, at += headDim) {
        values.set(rows.subarray(at, at + headDim), (head * context + slot) * headDim);
      }
    }
  }

  free() {
    return this.#session.release();
  }

  /** Logits in the package's order: a channel's stand together here, a head's there. */
  static logits(data) {
    const out = [];
    for (let channel = 0; channel < CHANNELS; channel++) {
      out.push(...data.subarray(channel * CHANNEL_OUTPUTS, channel * CHANNEL_OUTPUTS + BINS));
    }
    for (let at = BINS; at < CHANNEL_OUTPUTS; at++) {
      for (let channel = 0; channel < CHANNELS; channel++) out.push(data[channel * CHANNEL_OUTPUTS + at]);
    }
    return Float32Array.of(...out, data[OUTPUTS - 1]);
  }
}

/** Biases `[heads, context + 1]` of ring slots and of the frame itself: of each early position, then of each slot. */
function distances({ heads, context_frames: context }) {
  return Array.from({ length: 2 * context }, (_, position) => {
    const bias = new Float32Array(heads * (context + 1));
    const slot = position % context;
    for (let head = 0; head < heads; head++) {
      const slope = 2 ** ((-8 * (head + 1)) / heads);
      for (let at = 0; at < context; at++) {
        const age = at < slot ? slot - at : slot + context - at;
        const seen = age < context && age <= position;
        bias[head * (context + 1) + at] = seen ? -slope * age : MASKED;
      }
    }
    return bias;
  });
}

/** Silero VAD v5, as vad-web feeds it: 512 samples of one channel at 16 kHz a step, which is 32 ms. */
export class Silero {
  static STEP_MS = 32;
  #session;
  #feeds;
  #sound;

  static async load(ort, file, sound) {
    return new Silero(ort, await ort.InferenceSession.create(file, ORT_OPTIONS), sound);
  }

  constructor(ort, session, sound) {
    this.#session = session;
    this.#sound = sound;
    this.#feeds = {
      input: new ort.Tensor("float32", new Float32Array(512), [1, 512]),
      state: new ort.Tensor("float32", new Float32Array(256), [2, 1, 128]),
      sr: new ort.Tensor("int64", BigInt64Array.of(16_000n), []),
    };
  }

  async hop(i) {
    const { input, state } = this.#feeds;
    const at = (i % Math.floor(this.#sound.length / input.size)) * input.size;
    input.data.set(this.#sound.subarray(at, at + input.size));
    const { output, stateN } = await this.#session.run(this.#feeds);
    state.data.set(stateN.data);
    return output.data;
  }

  free() {
    return this.#session.release();
  }
}
