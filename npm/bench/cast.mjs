// Everything that is timed against everything else, as runners of one shape. The same in Node and in a browser.
import { Onnx, Ours, Silero } from "./runners.mjs";
import { HOP_MS } from "./sizes.mjs";

export const BURN = "Burn";
export const KERNELS = "kernels";

/**
 * Runners `{ name, what, storage, stepMs, hop, logits, free }`. `doors` are loaded `vap_wasm.js` by name, `runtimes`
 * are onnxruntimes by name.
 */
export async function cast(doors, runtimes, materials) {
  const list = [];
  for (const [name, door] of Object.entries(doors)) {
    for (const storage of storages(name)) {
      for (const rate of Object.keys(materials.sound)) list.push(ours(name, door, materials, storage, Number(rate)));
    }
  }
  for (const [name, ort] of Object.entries(runtimes)) {
    for (const storage of ["f32", "int8"]) list.push(await onnx(name, ort, materials, storage));
    list.push(await vad(name, ort, materials));
  }
  return list;
}

/** Burn has no integer products: it would show the same figure twice. */
export const storages = (name) => (name === BURN ? ["f32"] : ["f32", "int8"]);

function ours(name, door, { models, sound }, storage, rate) {
  const runner = new Ours(door, models[storage], sound[rate], rate, { burn: name === BURN });
  return {
    name: `${name} ${storage}, ${rate / 1000} kHz`,
    what: "sound to events",
    storage,
    stepMs: HOP_MS,
    hop: (i) => runner.hop(i),
    // Resampled sound is not what the others hear.
    logits: rate === 16_000 ? Ours.logits : undefined,
    free: () => runner.free(),
  };
}

async function onnx(name, ort, { onnx, config, mels }, storage) {
  const runner = await Onnx.load(ort, onnx[storage], config, mels);
  return {
    name: `${name} ${storage}`,
    what: "network alone",
    storage,
    stepMs: HOP_MS,
    hop: (i) => runner.hop(i),
    logits: Onnx.logits,
    free: () => runner.free(),
  };
}

async function vad(name, ort, { silero, sound }) {
  const runner = await Silero.load(ort, silero, sound[16_000][0]);
  return {
    name: `Silero VAD v5, ${name}`,
    what: `one channel, no turns; steps of ${Silero.STEP_MS} ms scaled to ${HOP_MS} ms`,
    stepMs: Silero.STEP_MS,
    hop: (i) => runner.hop(i),
    free: () => runner.free(),
  };
}
