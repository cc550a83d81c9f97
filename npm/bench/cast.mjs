// Everything that is timed against everything else, as runners of one shape. The same in Node and in a browser.
import { Onnx, Ours, Silero } from "./runners.mjs";

/** One thread and every optimisation: what suits two rows a hop best. */
export const ORT_OPTIONS = {
  executionProviders: ["cpu"],
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  executionMode: "sequential",
  graphOptimizationLevel: "all",
};

export const BURN = "Burn";
export const KERNELS = "kernels";

/**
 * Runners `{ name, what, storage, hop, logits, free }`. `doors` are loaded `vap_wasm.js` by name, `runtimes` are
 * onnxruntimes by name; `rates` are those at which ours hear, `silero` asks for it too.
 */
export async function cast({ doors, runtimes }, materials, { rates = [16_000], silero = false } = {}) {
  const list = [];
  for (const [name, door] of Object.entries(doors)) {
    // Burn has no integer products: it would show the same figure twice.
    for (const storage of name === BURN ? ["f32"] : ["f32", "int8"]) {
      for (const rate of rates) list.push(ours(name, door, materials, storage, rate));
    }
  }
  for (const [name, ort] of Object.entries(runtimes)) {
    for (const storage of ["f32", "int8"]) list.push(await onnx(name, ort, materials, storage));
    if (silero) list.push(await vad(name, ort, materials));
  }
  return list;
}

function ours(name, door, { models, sound }, storage, rate) {
  const runner = new Ours(door, models[storage], sound[rate], rate);
  return {
    name: `${name} ${storage}, ${rate / 1000} kHz`,
    what: "sound to events",
    storage,
    hop: (i) => runner.hop(i),
    // Resampled sound is not what the others hear.
    logits: rate === 16_000 ? Ours.logits : undefined,
    free: () => runner.free(),
  };
}

async function onnx(name, ort, { onnx, config, mels }, storage) {
  const session = await ort.InferenceSession.create(onnx[storage], ORT_OPTIONS);
  const runner = new Onnx(ort, session, config, mels);
  return {
    name: `${name} ${storage}`,
    what: "network alone",
    storage,
    hop: (i) => runner.hop(i),
    logits: Onnx.logits,
    free: () => session.release(),
  };
}

async function vad(name, ort, { silero, sound }) {
  const session = await ort.InferenceSession.create(silero, ORT_OPTIONS);
  const runner = new Silero(ort, session, sound[16_000][0]);
  return {
    name: `Silero VAD v5, ${name}`,
    what: `one channel, a step of ${Silero.STEP_MS} ms`,
    stepMs: Silero.STEP_MS,
    hop: (i) => runner.hop(i),
    free: () => session.release(),
  };
}
