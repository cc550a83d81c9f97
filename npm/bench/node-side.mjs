// What runs in Node: our doors, and both onnxruntimes.
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

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
