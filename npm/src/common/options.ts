// What a caller can ask for, and what can be read back.
import type { DECIDED, Expectation, Figures, Policy, PolicyAsks } from "./contract.js";
import type { Encoding } from "./samples.js";

/** Where bytes come from: a URL, a path (Node), a response, or the bytes themselves. */
export type BinarySource = URL | string | Response | ArrayBuffer | ArrayBufferView;

export type { Calibration, CalibrationPoint, Expectation, Figures, ModelInfo, Policy, Preset, TimeoutPoint } from "./contract.js";

/** Thresholds that an ask decides. */
type Decided = (typeof DECIDED)[number];

type Without<K extends PropertyKey> = Partial<Record<K, never>>;

/** Thresholds with one ask, which excludes the others and what it decides. */
type Asking<K extends keyof PolicyAsks> = Partial<Omit<Policy, Decided>> & Pick<PolicyAsks, K> & Without<Decided | Exclude<keyof PolicyAsks, K>>;

/**
 * What a caller can want of the events: thresholds that differ from the model's, or one ask, which decides
 * `endThreshold`, `minSilenceMs` and `maxSilenceMs` (and `eagerThreshold`, unless it is given).
 */
export type PolicyOptions =
  | (Partial<Policy> & Without<keyof PolicyAsks>)
  | Asking<"maxFalseCutoff">
  | Asking<"meanLatencyMs">
  | Asking<"preset">;

/** What the events are decided by. */
export interface PolicyInForce {
  /** Thresholds in force for the user's turns; those of the agent's turns are not moved by the expectation. */
  policy: Policy;
  /** What the user is expected to say. */
  expectation: Expectation;
  /** What is expected of the policy, when it was asked for and the expectation is `open`. */
  expected?: Figures;
}

/** A policy or expectation that was changed. */
export interface PolicyChange extends PolicyInForce {
  /** Time of the stream, in ms: it counts for every hop that ends later. */
  fromMs: number;
}

/** What a conversation is told at its beginning: `rate` of both channels, or the rate of each. */
export interface ConversationOptions {
  /** Sample rate of both channels, in Hz; there is no default. */
  rate?: number;
  /** Sample rate of the user's channel, in Hz; instead of `rate`. */
  userRate?: number;
  /** Sample rate of the agent's channel, in Hz; instead of `rate`. */
  agentRate?: number;
  /**
   * Thresholds (0 to 1) and times (ms) that differ from the model's, or what is asked: a `preset`, `maxFalseCutoff` or
   * `meanLatencyMs`. By default those of the model file.
   */
  policy?: PolicyOptions;
  /** What the user will probably say first; by default `"open"`. */
  expect?: Expectation;
  /** What a channel is that comes as bytes (`Uint8Array`, `Buffer`); by default bytes are refused. */
  encoding?: Encoding;
}
