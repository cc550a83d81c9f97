// What the package uses of the wasm build on WebGPU that lies beside the compiled files (wasm-bindgen, `--target web`).
// Declared here so that types and lint need no wasm build.

export class Gpu {
  private constructor();
  static open(): Promise<Gpu>;
  load(bytes: Uint8Array): GpuModel;
  free(): void;
}

export class GpuModel {
  private constructor();
  stream(): GpuStream;
  free(): void;
}

export class GpuStream {
  private constructor();
  /** Mels `[2, 2 x hops, 80]` to logits `[hops, 27]`. */
  step(mels: Float32Array): Promise<Float32Array>;
  free(): void;
}

export default function init(input: {
  module_or_path: Response | BufferSource | WebAssembly.Module;
}): Promise<unknown>;
