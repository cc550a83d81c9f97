// The one error class of the package, and how failures of the wasm side become it.

/** Kinds of failure, stable for programs. */
export const ERROR_CODES = [
  /** The model file holds a configuration that is not valid. */
  "config",
  /** An option or a policy threshold is unknown, missing or out of range. */
  "option",
  /** A sample rate that cannot be resampled. */
  "sample-rate",
  /** One channel ran ahead of the other by more than a session keeps. */
  "channels-apart",
  /** Not a WAV file that this package reads. */
  "wav",
  /** A WAV file that ends before its header says. */
  "wav-truncated",
  /** A model file that cannot be read. */
  "model-file",
  /** A model file of another format version. */
  "model-version",
  /** The model gave a value that is not finite. */
  "not-finite",
  /** Lengths that must agree do not. */
  "length",
  /** Bytes that are not the saved state of a conversation with this model. */
  "state",
  /** Sound came faster than it is computed, and more of it waits than may. */
  "behind",
  /** The stream was finished: `reset()` begins another. */
  "finished",
  /** The device that computes failed. */
  "backend",
  /** There is no GPU to compute on: no WebGPU, no adapter, or no device. */
  "gpu",
  /** The detector or model was closed. */
  "closed",
  /** A file of the package (wasm binary, model, worklet, Worker) could not be fetched, read, compiled or started. */
  "load",
  /** The person, or a policy of the page, does not allow the microphone. */
  "permission",
  /** There is no microphone, or it cannot be opened. */
  "microphone",
  /** There is no AudioContext, or it is closed or of another session's input. */
  "context",
  /** The caller's signal was aborted; its reason is the `cause`. */
  "aborted",
  /** A fault inside the wasm binary, out of memory included; it needs a fresh page or process. */
  "internal",
] as const;

/** One of {@link ERROR_CODES}. */
export type ErrorCode = (typeof ERROR_CODES)[number];

/** Every failure of this package is one of these. */
export class VapTurnError extends Error {
  override readonly name = "VapTurnError";
  /** Kind of failure. */
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}

function isCode(code: unknown): code is ErrorCode {
  return ERROR_CODES.some((known) => known === code);
}

/** Calls into wasm, and gives what it throws as {@link VapTurnError}. */
export function guarded<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw asVapTurnError(error);
  }
}

/** Anything thrown as {@link VapTurnError}; the original is its `cause`. */
export function asVapTurnError(error: unknown): VapTurnError {
  if (error instanceof VapTurnError) return error;
  const message = messageOf(error);
  if (error instanceof Error && "code" in error && isCode(error.code)) {
    return new VapTurnError(error.code, message, error);
  }
  return new VapTurnError("internal", `internal fault: ${message}`, error);
}

/** The message of anything thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
