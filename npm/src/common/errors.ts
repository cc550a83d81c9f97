// The one error class of the package, and how failures of the wasm side become it.
import { ERROR_CODES, type ErrorCode } from "./contract.js";

export { ERROR_CODES, type ErrorCode };

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
