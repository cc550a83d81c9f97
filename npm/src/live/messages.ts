// Every message that crosses between the page, the audio thread and the Worker.
import type { EngineParts, PolicyAnswer, PolicyRequest, SessionStart } from "../common/conversation.js";
import type { ErrorCode } from "../common/errors.js";
import type { Pair, TurnEvent } from "../common/events.js";
import type { BackendName, Race } from "../gpu/adapter.js";

/** Names under which the processors are registered. */
export const WORKLET = "vap-turn-worklet";
export const CAPTURE = "vap-turn-capture";

/** Sample rates of channels that are pushed, in Hz; undefined for those that the node's inputs bring. */
export type PushedRates = readonly [user: number | undefined, agent: number | undefined];

/** Page to worklet or Worker: begin a conversation. */
export interface Begin extends EngineParts {
  kind: "begin";
  pushed: PushedRates;
  /** The GPU binary, for the Worker that may use it, and whether it must. */
  gpu?: { wasm: Uint8Array<ArrayBuffer>; backend: "auto" | "webgpu" };
}

/** Page to worklet or capture: the conversation begins with the next block. */
export interface Listen {
  kind: "listen";
}

/** Worklet or capture to page: it does. */
export interface Listening {
  kind: "listening";
}

/** Page to Worker: sound comes by this port. */
export interface Attend {
  kind: "attend";
  sound: MessagePort;
}

/** Page to capture: hand sound to this port. */
export interface Open {
  kind: "open";
  sound: MessagePort;
  pushed: PushedRates;
}

/** Page to worklet or capture: sound of a pushed channel, to be heard behind what was pushed before. */
export interface Pcm {
  kind: "pcm";
  channel: 0 | 1;
  samples: Float32Array<ArrayBuffer>;
}

/** Page to worklet or capture: forget what was pushed and not heard yet. */
export interface Clear {
  kind: "clear";
  channel: 0 | 1;
}

/** Page to worklet or Worker: another policy or expectation. */
export interface Steer extends PolicyRequest {
  kind: "steer";
  /** Number of the question, for its answer. */
  id: number;
}

/** Worklet or Worker to page: what came of it. */
export interface Steered extends PolicyAnswer {
  kind: "steered";
  id: number;
}

/** Page to worklet or capture, and capture to Worker: end the conversation. */
export interface Finish {
  kind: "finish";
}

/** Page to worklet or capture: stop and free everything. */
export interface Close {
  kind: "close";
}

/** Capture to Worker: the next sound of both channels. */
export interface Sound {
  kind: "sound";
  /** Samples of the user in the first half, of the agent in the second; the buffer is transferred and comes back. */
  samples: Float32Array<ArrayBuffer>;
  /** How many of each. */
  lengths: Pair;
  /** How long this sound is, in ms. */
  lengthMs: number;
  /** Samples of each channel that were dropped before these; silence stands for them. */
  lost: Pair;
  /** How long they were, in ms. */
  lostMs: number;
  /** `Date.now()` at its end. */
  at: number;
}

/** Worker to capture: a buffer that may be filled again. */
export interface Free {
  kind: "free";
  samples: Float32Array<ArrayBuffer>;
}

/** What a warm-up measured. */
export interface Pace {
  /** Time of a hop. */
  hopMs: number;
  /** Time of the longest slice of its work, or of taking in a block of its sound. */
  sliceMs: number;
}

/** Worklet or Worker to page: ready for sound. */
export interface Ready {
  kind: "ready";
  start: SessionStart;
  /** From the Worker. */
  pace?: Pace;
  /** From the Worker that may use the GPU. */
  backend?: BackendName;
  race?: Race;
}

/** Worker to page: the GPU was lost, and this goes on in its place. */
export interface Moved {
  kind: "moved";
  backend: BackendName;
  reason: string;
}

/** Worklet or capture to page: the conversation begins at this frame of the context. */
export interface Started {
  kind: "started";
  frame: number;
}

/** Counters of a runner, from the beginning on. */
export interface Counters {
  /** Time that a hop took, on average. */
  hopMs: number;
  /** Steps (blocks in the worklet, pieces of sound in the Worker) that took longer than their sound lasts. */
  overruns: number;
  /** Hops whose sound was dropped, rounded up. */
  droppedHops: number;
  /** From the end of the last hop's sound to the end of its work. */
  delayMs: number;
}

/** Worklet or Worker to page: what the last hops told. */
export interface StepOutput {
  kind: "output";
  frames: Float32Array;
  events: TurnEvent[];
  bargeIns: Float64Array;
  counters: Counters;
  /** Nothing more comes: the conversation was finished. */
  finished: boolean;
}

/** Worklet, capture or Worker to page: it cannot go on. */
export interface Failed {
  kind: "failed";
  code: ErrorCode;
  message: string;
}

export type ToWorklet = Begin | Listen | Pcm | Clear | Steer | Finish | Close;
export type ToCapture = Open | Listen | Pcm | Clear | Finish | Close;
export type ToWorker = Begin | Attend | Steer;
export type ToPage = Ready | Listening | Started | StepOutput | Steered | Moved | Failed;
