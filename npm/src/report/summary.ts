// What a whole call was like, counted from its events.
import { SPEAKERS, type Pair, type Speaker, type TurnEvent } from "../common/events.js";

/** Counts and shares of a call; pairs are `[user, agent]`. */
export interface Summary {
  turns: Pair;
  backchannels: Pair;
  interruptions: Pair;
  /** Share of the call in which each speaks, 0 to 1. */
  speechShare: Pair;
  /** Times the floor passed. */
  shifts: number;
  /** Mean of the silences between a turn and the other's next one, negative when they overlap; undefined without any. */
  meanGapMs: number | undefined;
}

/** Counts a call of `durationMs`. */
export function summarise(events: readonly TurnEvent[], durationMs: number): Summary {
  const count = (type: TurnEvent["type"]): Pair => pair((speaker) => of(events, type, speaker).length);
  const gaps = of(events, "turnShift").flatMap((shift) => gapBefore(events, shift.speaker, shift.startMs));
  return {
    turns: count("endOfTurn"),
    backchannels: count("backchannel"),
    interruptions: count("interruption"),
    speechShare: pair((speaker) => share(of(events, "speechEnd", speaker), durationMs)),
    shifts: of(events, "turnShift").length,
    meanGapMs: gaps.length > 0 ? gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length : undefined,
  };
}

/** Events of one type, of one speaker or of both. */
export function of<Type extends TurnEvent["type"]>(
  events: readonly TurnEvent[],
  type: Type,
  speaker?: Speaker,
): Extract<TurnEvent, { type: Type }>[] {
  const is = (event: TurnEvent): event is Extract<TurnEvent, { type: Type }> => event.type === type;
  return events.filter(is).filter((event) => speaker === undefined || event.speaker === speaker);
}

function pair(value: (speaker: Speaker) => number): Pair {
  const [user, agent] = SPEAKERS;
  return [value(user), value(agent)];
}

function share(sounds: readonly { durationMs: number }[], durationMs: number): number {
  return durationMs > 0 ? Math.min(1, sounds.reduce((sum, sound) => sum + sound.durationMs, 0) / durationMs) : 0;
}

/** Time from the other's last sound that began before `startMs` to `startMs`; nothing when there was none. */
function gapBefore(events: readonly TurnEvent[], speaker: Speaker, startMs: number): number[] {
  const before = of(events, "speechEnd").filter((end) => end.speaker !== speaker && end.startMs < startMs);
  const last = before.reduce((latest, end) => Math.max(latest, end.endMs), -Infinity);
  return Number.isFinite(last) ? [startMs - last] : [];
}
