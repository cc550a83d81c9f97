// Every message that crosses between a pool and its threads, and what a thread needs of Node.
import type { PolicyAnswer, PolicyRequest } from "../common/conversation.js";
import type { ErrorCode } from "../common/errors.js";
import type { Pair, TurnEvent } from "../common/events.js";
import type { Packed } from "../common/frames.js";
import type { Expectation, ModelInfo, PolicyInForce, PolicyOptions } from "../common/options.js";
import type { Encoding, Samples } from "../common/samples.js";

/** What a thread begins with. */
export interface ThreadData {
  wasm: WebAssembly.Module;
  model: Uint8Array;
}

/** A conversation begins, or goes on from a state. */
export interface OpenOrder {
  kind: "open";
  call: number;
  seq: number;
  rates: Pair;
  policy: PolicyOptions | undefined;
  expect: Expectation | undefined;
  encoding: Encoding | undefined;
  /** Whether frames are told. */
  frames: boolean;
  state: Uint8Array | undefined;
}

/** Sound of a conversation. */
export interface PushOrder {
  kind: "push";
  call: number;
  seq: number;
  user: Samples | undefined;
  agent: Samples | undefined;
  /** Whether the state behind it is wanted. */
  save: boolean;
}

/** The state behind all sound so far, or the end of the conversation. */
export interface EndOrder {
  kind: "save" | "finish";
  call: number;
  seq: number;
}

/** Policy or expectation change behind all sound so far. */
export interface SteerOrder extends PolicyRequest {
  kind: "steer";
  call: number;
  seq: number;
}

/** The conversation is forgotten. */
export interface CloseOrder {
  kind: "close";
  call: number;
}

export type Order = OpenOrder | PushOrder | SteerOrder | EndOrder | CloseOrder;

/** What is known of a call at its beginning. */
export interface CallInfo extends PolicyInForce {
  userRate: number;
  agentRate: number;
  /** Longest time between the end of a hop going in and its frame coming out, in ms. */
  delayMs: number;
}

/** What an order gave. */
export interface CallAnswer {
  kind: "answer";
  call: number;
  seq: number;
  events: TurnEvent[];
  frames: Packed | undefined;
  /** Hops of the conversation so far. */
  hops: number;
  state: Uint8Array | undefined;
  info: CallInfo | undefined;
  /** What a change came to. */
  steered: PolicyAnswer | undefined;
}

/** A conversation that cannot go on. */
export interface CallFailed {
  kind: "failed";
  call: number;
  seq: number;
  code: ErrorCode;
  message: string;
  /** The thread itself cannot go on either. */
  fault: boolean;
}

export type Answer = CallAnswer | CallFailed;

export type FromThread =
  | { kind: "ready"; model: ModelInfo }
  | { kind: "broken"; code: ErrorCode; message: string }
  | { kind: "answers"; answers: Answer[] };
