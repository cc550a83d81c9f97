// Sound as callers hold it: floats, 16-bit integers, or the bytes of a line, to the floats that the model hears.
import { checkNames, shown } from "./checks.js";
import { VapTurnError, guarded } from "./errors.js";
import { loadWasm } from "../wasm/load.js";
import type { LoadOptions } from "./options.js";
import { decodeG711 as decode } from "../wasm/vap_wasm.js";

/**
 * What the bytes of a channel are: G.711 as telephone lines send it (`alaw` is PCMA, `mulaw` PCMU), or `s16le`, 16-bit
 * integers, little-endian.
 */
export type Encoding = "alaw" | "mulaw" | "s16le";

const ENCODINGS = ["alaw", "mulaw", "s16le"] as const satisfies readonly Encoding[];

/**
 * Samples of one channel: floats nominally in [-1, 1], 16-bit integers, or bytes in the `encoding` that the options
 * name (a Node `Buffer` is a `Uint8Array`).
 */
export type Samples = Float32Array | Int16Array | Uint8Array;

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
  return guarded(() => decode(bytes, encoding));
}

/** Refuses an encoding that is none. @internal */
export function checkEncoding(encoding: unknown): Encoding | undefined {
  if (encoding === undefined || ENCODINGS.some((known) => known === encoding)) return encoding as Encoding | undefined;
  throw new VapTurnError("option", `option encoding: expected one of ${ENCODINGS.join(", ")}, found ${shown(encoding)}`);
}

/** Refuses what is no Uint8Array; `name` says whose in errors. @internal */
export function checkBytes(name: string, given: unknown): asserts given is Uint8Array {
  if (!(given instanceof Uint8Array)) {
    throw new VapTurnError("option", `${name}: expected a Uint8Array, found ${shown(given)}`);
  }
  checkThere(name, given);
}

/** Refuses what are no samples; `name` says whose in errors. @internal */
export function checkSamples(name: string, given: unknown, encoding: Encoding | undefined): void {
  if (!(given instanceof Float32Array || given instanceof Int16Array || given instanceof Uint8Array)) {
    const expected = "expected a Float32Array, Int16Array, Uint8Array or undefined";
    throw new VapTurnError("option", `${name}: ${expected}, found ${shown(given)}`);
  }
  if (given instanceof Uint8Array && encoding === undefined) {
    throw new VapTurnError("option", `${name}: bytes need the option encoding: ${ENCODINGS.join(", ")}`);
  }
  if (given instanceof Uint8Array && encoding === "s16le" && given.length % 2 !== 0) {
    throw new VapTurnError("length", `${name}: expected whole samples of 2 bytes, found ${given.length} bytes`);
  }
  checkThere(name, given);
}

/** Number of samples. @internal */
export function sampleCount(given: Samples, encoding: Encoding | undefined): number {
  return given instanceof Uint8Array && encoding === "s16le" ? given.length / 2 : given.length;
}

/** Samples as floats; those that are floats are not copied. Needs the wasm binary for G.711. @internal */
export function floats(given: Samples, encoding: Encoding | undefined): Float32Array {
  if (given instanceof Float32Array) return given;
  if (given instanceof Int16Array) return Float32Array.from(given, (sample) => sample / 32768);
  if (encoding === "alaw" || encoding === "mulaw") return guarded(() => decode(given, encoding));
  const view = new DataView(given.buffer, given.byteOffset, given.byteLength);
  const samples = new Float32Array(given.length / 2);
  for (let at = 0; at < samples.length; at++) samples[at] = view.getInt16(2 * at, true) / 32768;
  return samples;
}

/** Refuses an array whose buffer was transferred away, which looks empty. */
function checkThere(name: string, { length, buffer }: Samples): void {
  if (length > 0) return;
  try {
    new Uint8Array(buffer);
  } catch {
    throw new VapTurnError("option", `${name}: expected a buffer at hand, found one that was transferred away`);
  }
}
