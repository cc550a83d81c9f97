// What comes out of the detector: events as a union that `type` tells apart, and one frame every 20 ms.
// Times are ms since the stream began; `[user, agent]` is the order of every pair.
import type { BargeIn as Pending, Frame as Numbers, TurnEvent } from "./contract.js";

export { SPEAKERS } from "./contract.js";
export type {
  BackchannelEvent, EagerEndOfTurnEvent, EndOfTurnEvent, EndReason, InterruptionEvent, OverlapEndEvent, OverlapStartEvent, Pair,
  Speaker, SpeechEndEvent, SpeechStartEvent, TurnEvent, TurnResumedEvent, TurnShiftEvent,
} from "./contract.js";

/** A sound in the other's turn that is not judged yet, and the evidence so far. */
export type BargeIn = Omit<Pending, "timeMs">;

/** One hop of 20 ms; every number but times is a probability. */
export interface Frame extends Omit<Numbers, "index"> {
  type: "frame";
  /** End of the hop. */
  timeMs: number;
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
