// What runs in Node: our doors, both onnxruntimes, and where packages lie.
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const { resolve: find } = createRequire(import.meta.url);

/** The wasm package in a folder, loaded. */
export async function door(folder) {
  const glue = await import(pathToFileURL(resolve(folder, "vap_wasm.js")).href);
  await glue.default({ module_or_path: await readFile(resolve(folder, "vap_wasm_bg.wasm")) });
  return glue;
}

/** onnxruntime by the name of its npm package. */
export async function runtime(name) {
  const { default: ort } = await import(name);
  if (ort.env.wasm) ort.env.wasm.numThreads = 1;
  return ort;
}

/** Where onnxruntime-web's files lie. */
export const runtimeFolder = () => dirname(find("onnxruntime-web"));

/** Silero VAD v5 as vad-web ships it. */
export const sileroPath = () => find("@ricky0123/vad-web/dist/silero_vad_v5.onnx");
