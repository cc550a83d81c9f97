// WAV files to samples; the decoder itself is in the wasm binary.
import { checkNames } from "../common/checks.js";
import { guarded } from "../common/errors.js";
import { loadWasm } from "./load.js";
import type { LoadOptions } from "../common/options.js";
import { checkBytes } from "../common/samples.js";
import { decodeWav as decode } from "./vap_wasm.js";

/** A decoded WAV file. */
export interface Wav {
  /** Sample rate in Hz. */
  sampleRate: number;
  /** Samples of each channel, in [-1, 1]. */
  channels: Float32Array[];
}

/** Decodes a WAV file: PCM of 8, 16, 24 or 32 bits, float, or G.711, at any rate. */
export async function decodeWav(bytes: Uint8Array, options: Pick<LoadOptions, "wasm" | "assetBase"> = {}): Promise<Wav> {
  checkBytes("decodeWav", bytes);
  checkNames(options, ["wasm", "assetBase"]);
  await loadWasm(options.wasm, options.assetBase);
  return guarded(() => decode(bytes));
}
