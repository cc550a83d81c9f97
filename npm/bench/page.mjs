// What runs in the page, called from browser.mjs.
import { measureHops } from "./hops.mjs";
import { materials } from "./materials.mjs";
import { SILERO, worked } from "./products.mjs";
import { measureSlices } from "./slices.mjs";

const { crossOriginIsolated, fetch } = globalThis;
const RUNTIME = "/ort/ort.wasm.bundle.min.mjs";

/** The wasm package under a path, loaded. */
async function door(path) {
  const glue = await import(`${path}/vap_wasm.js`);
  await glue.default({ module_or_path: `${path}/vap_wasm_bg.wasm` });
  return glue;
}

/** onnxruntime-web's smallest build, the one that vad-web takes. */
async function runtime() {
  const ort = await import(RUNTIME);
  ort.env.wasm.numThreads = 1;
  return ort;
}

async function bytes(path) {
  const response = await fetch(path);
  if (!response.ok) throw new Error(`expected ${path} to be served, found status ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}

globalThis.bench = {
  /** Hops of the whole cast; `doors` are paths by name. */
  async hops({ doors, config, lengths }) {
    if (!crossOriginIsolated) throw new Error("expected a cross-origin isolated page: the clock is too coarse");
    const loaded = {};
    for (const [name, path] of Object.entries(doors)) loaded[name] = await door(path);
    const runtimes = { "onnxruntime-web": await runtime() };
    const silero = await bytes(`/models/${SILERO}`);
    return measureHops(loaded, runtimes, materials(config, silero), lengths);
  },

  /** Every call on the audio thread. */
  async slices({ path, file, seconds }) {
    return measureSlices(await door(path), await bytes(`/models/${file}`), seconds);
  },

  /** A product loaded and worked in this page. */
  load({ product, doors, lengths }) {
    const readCode = () => (product.kind === "ours" ? door(doors[product.code]) : runtime());
    return worked(product, readCode, () => bytes(`/models/${product.file}`), lengths);
  },
};
