// What comes out of the detector: events as a union told apart by `type`, and one frame every 20 ms.
// Times are ms since the stream began; `[user, agent]` is the order of every pair.

/** One of the two channels: the person at the microphone, and the other party. */
export type Speaker = "user" | "agent";

/** Both speakers, in channel order. */
export const SPEAKERS = ["user", "agent"] as const satisfies readonly Speaker[];

/** A number of each speaker, `[user, agent]`. */
export type Pair = [user: number, agent: number];

interface At<Type extends string> {
  type: Type;
  /** Whose speech, turn, sound or claim it is. */
  speaker: Speaker;
  /** End of the hop at which it was decided. */
  timeMs: number;
  /** The same in samples of the 16 kHz stream. */
  sample: number;
}

/** The speaker began to make sound, at `startMs`. */
export interface SpeechStartEvent extends At<"speechStart"> {
  startMs: number;
}

/** The speaker fell silent. */
export interface SpeechEndEvent extends At<"speechEnd"> {
  startMs: number;
  endMs: number;
  durationMs: number;
}

/** The speaker's turn will probably end: start thinking. */
export interface EagerEndOfTurnEvent extends At<"eagerEndOfTurn"> {
  silenceMs: number;
  probability: number;
}

/** Why a turn ended: the model was sure, the silence was too long, the other took the floor, the stream ended. */
export type EndReason = "model" | "silence" | "shift" | "finish";

/** The speaker's turn has ended: speak. Start, end and length are those of the turn's sound. */
export interface EndOfTurnEvent extends At<"endOfTurn"> {
  startMs: number;
  endMs: number;
  durationMs: number;
  silenceMs: number;
  probability: number;
  reason: EndReason;
}

/** An eager end was taken back: it was a pause. `startMs` is that of the new sound, when one told so. */
export interface TurnResumedEvent extends At<"turnResumed"> {
  probability: number;
  startMs?: number;
}

/** The floor passed to the speaker, whose turn began at `startMs`. */
export interface TurnShiftEvent extends At<"turnShift"> {
  startMs: number;
}

/**
 * A short sound that does not claim the floor: keep talking. `durationMs` is its length so far, `overlapMs` how long of it
 * both sounded, `probability` that of a backchannel.
 */
export interface BackchannelEvent extends At<"backchannel"> {
  startMs: number;
  durationMs: number;
  overlapMs: number;
  probability: number;
}

/**
 * An overlap by which the speaker claims the floor: stop talking. `durationMs` is the length of the sound so far,
 * `overlapMs` how long of it both sounded, `probability` that of no backchannel.
 */
export interface InterruptionEvent extends At<"interruption"> {
  startMs: number;
  durationMs: number;
  overlapMs: number;
  probability: number;
}

/** What is known of a sound that is not judged yet. */
interface Evidence {
  /** When the sound began, in ms: the `startMs` of its verdict. */
  soundMs: number;
  /** How long of it both sounded so far, in ms. */
  overlapMs: number;
  /** Probability so far that it is no backchannel. */
  probability: number;
}

/**
 * Both speak; the speaker is the one who came in second. With `soundMs` the sound began in the other's turn and is not
 * judged yet: lower your voice. Exactly one verdict of this speaker with that `startMs` follows: `interruption`,
 * `backchannel`, or, where the other had fallen silent by then, `turnShift`, or `endOfTurn` when that turn is over at once.
 * Only a backchannel that goes on beyond `maxBackchannelMs` is judged once more.
 */
export type OverlapStartEvent = At<"overlapStart"> & { startMs: number } & (Evidence | Partial<Record<keyof Evidence, undefined>>);

/** They no longer both speak; the speaker is that of the `overlapStart`. */
export interface OverlapEndEvent extends At<"overlapEnd"> {
  startMs: number;
  endMs: number;
  durationMs: number;
}

/** What happened in the conversation. */
export type TurnEvent =
  | SpeechStartEvent
  | SpeechEndEvent
  | EagerEndOfTurnEvent
  | EndOfTurnEvent
  | TurnResumedEvent
  | TurnShiftEvent
  | BackchannelEvent
  | InterruptionEvent
  | OverlapStartEvent
  | OverlapEndEvent;

/** A sound in the other's turn that is not judged yet, and the evidence so far. */
export interface BargeIn {
  speaker: Speaker;
  /** When the sound began: the `startMs` of its verdict. */
  startMs: number;
  /** Its length so far, in ms. */
  durationMs: number;
  /** How long of it both sounded so far, in ms. */
  overlapMs: number;
  /** Probability so far that it is no backchannel. */
  probability: number;
}

/** One hop of 20 ms; every number but times is a probability. */
export interface Frame {
  type: "frame";
  /** End of the hop. */
  timeMs: number;
  /** Chance that each speaker speaks in each 0.2 s of the next 2 s, `[speaker][bin]`. */
  bins: [user: number[], agent: number[]];
  /** Share of each speaker in the next 600 ms. */
  pNow: Pair;
  /** Share of each speaker from 600 ms to 2 s ahead. */
  pFuture: Pair;
  /** Chance that each speaker's turn is at its end. */
  eot: Pair;
  /** Chance that what each speaker says is a backchannel. */
  backchannel: Pair;
  /** Chance that each speaker speaks in this hop. */
  vad: Pair;
  /** Chance that both speak in this hop. */
  overlap: number;
  /** While a sound in the other's turn is listened to and not judged yet. */
  bargeIn?: BargeIn;
}

/** What a push gave: the hops it completed and what they told, each in order of time. */
export interface Output {
  frames: Frame[];
  events: TurnEvent[];
}

/** Frames and events in one order of time, a frame before the events of its hop. */
export function inOrder({ frames, events }: Output): (Frame | TurnEvent)[] {
  const line: (Frame | TurnEvent)[] = [];
  let next = 0;
  for (const event of events) {
    for (let frame = frames[next]; frame && frame.timeMs <= event.timeMs; frame = frames[++next]) line.push(frame);
    line.push(event);
  }
  return [...line, ...frames.slice(next)];
}
