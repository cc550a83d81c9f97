// Where the GPU binary lies. Loaded only where it may be used, so that bundlers keep its address out of what every page loads.
import { fileIn, type LoadOptions } from "../wasm/load.js";

/** By default: in the folder given, else beside this code. */
export function defaultGpuWasm(base?: LoadOptions["assetBase"]): URL | string {
  return fileIn(base, "vap_gpu_bg.wasm") ?? new URL("./vap_gpu_bg.wasm", import.meta.url);
}
