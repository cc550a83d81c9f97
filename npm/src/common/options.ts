// What a caller can ask for, and what can be read back.
import type { Encoding } from "./samples.js";

/** Where bytes come from: a URL, a path (Node), a response, or the bytes themselves. */
export type BinarySource = URL | string | Response | ArrayBuffer | ArrayBufferView;

/** Names of the presets, from fast to patient. */
export const PRESETS = ["fast", "balanced", "patient"] as const;

/**
 * Which fault weighs more, to answer late or to cut the user off: one false cut-off at every pause counts as much as
 * 1.2 s (`fast`), 3 s (`balanced`) or 6 s (`patient`) of waiting at every end. The cheapest point of the model's
 * calibration is taken.
 */
export type Preset = (typeof PRESETS)[number];

/** Names of the expectations. */
export const EXPECTATIONS = ["open", "yesno", "digits", "spelling"] as const;

/**
 * What the user will probably say next; moves `endThreshold`, `eagerThreshold`, `minSilenceMs` and `maxSilenceMs` of the
 * user's turns. `open`, the default: as the policy says. `yesno`: odds of the thresholds / 3, silences / 2 (not below 200
 * and 600 ms). `digits`: odds x 3, silences x 1.5. `spelling`: odds x 6, silences x 2. Chosen, not measured.
 */
export type Expectation = (typeof EXPECTATIONS)[number];

/** Thresholds (0 to 1) and times (ms) of the events; the defaults are those of the model file. */
export interface Policy {
  /** VAD probability at which a channel becomes loud. */
  vadOnset: number;
  /** VAD probability below which a loud channel becomes quiet. */
  vadOffset: number;
  /** Sound before it counts as speech. */
  minSpeechMs: number;
  /** Quiet before speech counts as ended. */
  minPauseMs: number;
  /** End-of-turn probability for `eagerEndOfTurn`. */
  eagerThreshold: number;
  /** End-of-turn probability for `endOfTurn`. */
  endThreshold: number;
  /** Time constant of the running mean of the end-of-turn probability. */
  eotSmoothingMs: number;
  /** How long speech may go on after an eager end before that end is taken back. */
  eagerHoldMs: number;
  /** Silence below which the model alone never ends a turn. */
  minSilenceMs: number;
  /** Silence that ends a turn whatever the model says. */
  maxSilenceMs: number;
  /** Mean backchannel probability over a sound that makes it a backchannel. */
  backchannelThreshold: number;
  /** Longest sound that can be a backchannel. */
  maxBackchannelMs: number;
  /** How long a sound in the other's turn is listened to before it is judged. */
  decideMs: number;
  /** Overlap probability a hop needs for `overlapStart`. */
  overlapThreshold: number;
  /** Sound of both at once before it is an overlap, or a claim an interruption. */
  minOverlapMs: number;
}

/** Thresholds that an ask decides. */
type Decided = "endThreshold" | "minSilenceMs" | "maxSilenceMs";

interface Ask {
  /**
   * At most this share of the user's pauses taken for the end of the turn (0 to 1), as fast as that allows. Solved from
   * the figures that travel with the weights, held against their upper bound at 90 % confidence.
   */
  maxFalseCutoff: number;
  /** At most this mean silence before `endOfTurn`, in ms, with as few false cut-offs as that allows. */
  meanLatencyMs: number;
  /** `"fast"`, `"balanced"` or `"patient"`: the point of the calibration that is cheapest by that preset's price. */
  preset: Preset;
}

type Without<K extends PropertyKey> = Partial<Record<K, never>>;

/** Thresholds with one ask, which excludes the others and what it decides. */
type Asking<K extends keyof Ask> = Partial<Omit<Policy, Decided>> & Pick<Ask, K> & Without<Decided | Exclude<keyof Ask, K>>;

/**
 * What a caller can want of the events: thresholds that differ from the model's, or one ask, which decides
 * `endThreshold`, `minSilenceMs` and `maxSilenceMs` (and `eagerThreshold`, unless it is given).
 */
export type PolicyOptions =
  | (Partial<Policy> & Without<keyof Ask>)
  | Asking<"maxFalseCutoff">
  | Asking<"meanLatencyMs">
  | Asking<"preset">;

/** What a policy did on held-out dialogues. */
export interface Figures {
  /** Share of the user's pauses taken for the end of the turn. */
  falseCutoff: number;
  /** Upper bound of that share with a confidence of 90 %. */
  falseCutoffBound: number;
  /** Mean silence before `endOfTurn` where the turn ends, in ms. */
  meanLatencyMs: number;
}

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

/** Operating points from fast to cautious, of the model and of a silence timeout. */
export interface Calibration {
  /** Ends of turns they were measured on. */
  ends: number;
  /** Pauses they were measured on. */
  pauses: number;
  points: (Pick<Policy, Decided | "eagerThreshold"> & { expected: Figures })[];
  silence: { timeoutMs: number; expected: Figures }[];
}

/** What is known about a model. */
export interface ModelInfo {
  /** Sizes of the net. */
  config: Record<string, unknown>;
  /** Data, licences, commit, seed and metrics of the training. */
  provenance: unknown;
  /** Thresholds that travel with the weights. */
  policy: Policy;
  /** What can be asked of it; null for a model file that does not know. */
  calibration: Calibration | null;
  /** Number of weights. */
  parameters: number;
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
