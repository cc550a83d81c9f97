// Bytes of files and lines to the floats that the model hears; the decoders themselves are in the wasm binary.
import { checkNames } from "../common/checks.js";
import { VapTurnError, guarded } from "../common/errors.js";
import { checkBytes, type Encoding, type Samples } from "../common/samples.js";
import { loadWasm, type LoadOptions } from "./load.js";
import { decodeG711 as g711, decodeWav as wav } from "./vap_wasm.js";

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
  return guarded(() => wav(bytes));
}

/** Samples of the bytes of G.711, at the rate of the line, which is 8 kHz but for rare ones. */
export async function decodeG711(
  bytes: Uint8Array,
  encoding: "alaw" | "mulaw",
  options: Pick<LoadOptions, "wasm" | "assetBase"> = {},
): Promise<Float32Array> {
  checkNames(options, ["wasm", "assetBase"]);
  const name: unknown = encoding;
  if (typeof name !== "string") throw new VapTurnError("option", `encoding: expected "alaw" or "mulaw", found ${typeof name}`);
  checkBytes("decodeG711", bytes);
  await loadWasm(options.wasm, options.assetBase);
  return guarded(() => g711(bytes, encoding));
}

/** Samples as floats; those that are floats are not copied. Needs the wasm binary for G.711. @internal */
export function floats(given: Samples, encoding: Encoding | undefined): Float32Array {
  if (given instanceof Float32Array) return given;
  if (given instanceof Int16Array) return Float32Array.from(given, (sample) => sample / 32768);
  if (encoding === "alaw" || encoding === "mulaw") return guarded(() => g711(given, encoding));
  const view = new DataView(given.buffer, given.byteOffset, given.byteLength);
  const samples = new Float32Array(given.length / 2);
  for (let at = 0; at < samples.length; at++) samples[at] = view.getInt16(2 * at, true) / 32768;
  return samples;
}
