// What a conversation is told and tells besides sound and events, on whatever thread it is computed.
import type { ErrorCode } from "./errors.js";
import type { Pair } from "./events.js";
import type { Expectation, ModelInfo, PolicyChange, PolicyInForce, PolicyOptions } from "./options.js";

/** What an engine is made of. */
export interface EngineParts {
  wasm: Uint8Array<ArrayBuffer>;
  model: Uint8Array<ArrayBuffer>;
  /** Sample rate of each channel, in Hz. */
  rates: Pair;
  policy: PolicyOptions | undefined;
  expect: Expectation | undefined;
}

/** What is known of a conversation at its beginning. */
export interface SessionStart {
  model: ModelInfo;
  inForce: PolicyInForce;
}

/** Another policy or expectation. */
export interface PolicyRequest {
  policy?: PolicyOptions;
  expect?: Expectation;
}

/** What came of it: one of the two. */
export interface PolicyAnswer {
  change?: PolicyChange;
  /** Why the old one stays. */
  refused?: { code: ErrorCode; message: string };
}
