// Sound as callers hold it: floats, 16-bit integers, or the bytes of a line.
import { shown } from "./checks.js";
import { VapTurnError } from "./errors.js";

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

/** Refuses an array whose buffer was transferred away, which looks empty. */
function checkThere(name: string, { length, buffer }: Samples): void {
  if (length > 0) return;
  try {
    new Uint8Array(buffer);
  } catch {
    throw new VapTurnError("option", `${name}: expected a buffer at hand, found one that was transferred away`);
  }
}
