// What a program would load, each apart: code, and a model file. The same in Node and in a browser.
import { BURN, KERNELS } from "./cast.mjs";
import { Onnx, Ours, Silero } from "./runners.mjs";
import { list, random, talk } from "./random.mjs";
import { MEL_BANDS } from "./sizes.mjs";
import { watchMemories } from "./wasm-memory.mjs";

const { performance } = globalThis;

export const SILERO = "silero_vad_v5.onnx";
const SECONDS = 2;
const RATE_HZ = 16_000;

const onRuntime = (code, inPage) => [
  { name: `${code} f32`, kind: "onnx", code, file: "light-f32.onnx", inPage },
  { name: `${code} int8`, kind: "onnx", code, file: "light-int8.onnx", inPage },
  { name: `Silero VAD v5, ${code}`, kind: "silero", code, file: SILERO, inPage },
];

/** `{ name, kind, code, file, inPage }`: `code` names a door or a runtime. Files of f16 are worked in f32. */
export const PRODUCTS = [
  { name: `${BURN} f32`, kind: "ours", code: BURN, file: "light-f16.safetensors", inPage: true },
  { name: `${KERNELS} f32`, kind: "ours", code: KERNELS, file: "light-f16.safetensors", inPage: true },
  { name: `${KERNELS} int8`, kind: "ours", code: KERNELS, file: "light-int8.safetensors", inPage: true },
  ...onRuntime("onnxruntime-web", true),
  ...onRuntime("onnxruntime-node", false),
];

const SOUND = [1, 2].map((seed) => talk(seed, RATE_HZ, SECONDS));
/** Numbers as large as normalised frames are. */
const MELS = [1, 2].map((seed) => list(random(seed), SECONDS * 100 * MEL_BANDS, 2));

const RUNNERS = {
  ours: (door, bytes, { code }) => new Ours(door, bytes, SOUND, RATE_HZ, { burn: code === BURN }),
  onnx: (ort, bytes, { config }) => Onnx.load(ort, bytes, config, MELS),
  silero: (ort, bytes) => Silero.load(ort, bytes, SOUND[0]),
};

/**
 * Loads a product and works `bins` x `hops` hops: time to the first frame and to that after `warmUpHops`, then the mean
 * ms a hop in each bin, and bytes of wasm memory before the bins and behind them.
 */
export async function worked(product, readCode, readModel, { warmUpHops, bins, hops }) {
  const memoryBytes = watchMemories();
  const start = performance.now();
  const [code, bytes] = await Promise.all([readCode(), readModel()]);
  const runner = await RUNNERS[product.kind](code, bytes, product);
  let at = 0;
  const work = async (count) => {
    for (const end = at + count; at < end; at++) {
      const answer = runner.hop(at);
      if (answer instanceof Promise) await answer;
    }
    return performance.now();
  };
  const firstFrameMs = (await work(1)) - start;
  const warmMs = (await work(warmUpHops)) - start;
  const wasmBytes = [memoryBytes()];
  const meanMs = [];
  for (let bin = 0; bin < bins; bin++) {
    const begin = performance.now();
    meanMs.push(((await work(hops)) - begin) / hops);
  }
  wasmBytes.push(memoryBytes());
  return { firstFrameMs, warmMs, meanMs, wasmBytes };
}
