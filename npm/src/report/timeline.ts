// A call as lines of text for people: time, speaker, event, detail.
import type { TurnEvent } from "../common/events.js";
import type { Summary } from "./summary.js";

const NAMES: Record<TurnEvent["type"], string> = {
  speechStart: "speech starts",
  speechEnd: "speech ends",
  eagerEndOfTurn: "turn may end",
  endOfTurn: "END OF TURN",
  turnResumed: "turn goes on",
  turnShift: "TURN SHIFT",
  backchannel: "BACKCHANNEL",
  interruption: "INTERRUPTION",
  overlapStart: "overlap starts",
  overlapEnd: "overlap ends",
};

/** What an event is called in a timeline. */
export function eventName(type: TurnEvent["type"]): string {
  return NAMES[type];
}

/** `m:ss.mmm`. */
export function clock(timeMs: number): string {
  const ms = Math.round(timeMs);
  const seconds = String(Math.floor(ms / 1000) % 60).padStart(2, "0");
  return `${Math.floor(ms / 60_000)}:${seconds}.${String(ms % 1000).padStart(3, "0")}`;
}

/** The line above the events. */
export const COLUMNS = columns("time", "speaker", "event", "detail");

/** One event as a line. */
export function eventLine(event: TurnEvent): string {
  return columns(clock(event.timeMs), event.speaker, eventName(event.type), eventDetail(event)).trimEnd();
}

function columns(time: string, speaker: string, event: string, detail: string): string {
  return `${time.padStart(10)}  ${speaker.padEnd(7)}  ${event.padEnd(14)}  ${detail}`;
}

/** What there is to say of an event besides time, speaker and name. */
export function eventDetail(event: TurnEvent): string {
  switch (event.type) {
    case "speechStart":
    case "turnShift":
    case "overlapStart":
      return `from ${clock(event.startMs)}`;
    case "speechEnd":
    case "overlapEnd":
      return `${clock(event.startMs)} to ${clock(event.endMs)}, ${seconds(event.durationMs)}`;
    case "eagerEndOfTurn":
      return `p ${event.probability.toFixed(2)}, ${seconds(event.silenceMs)} of silence`;
    case "endOfTurn":
      return `${clock(event.startMs)} to ${clock(event.endMs)}, ${why(event)}`;
    case "turnResumed":
      return `it was a pause, p ${event.probability.toFixed(2)}`;
    case "backchannel":
    case "interruption":
      return `from ${clock(event.startMs)}, p ${event.probability.toFixed(2)}`;
  }
}

function why(event: Extract<TurnEvent, { type: "endOfTurn" }>): string {
  const silence = `${seconds(event.silenceMs)} of silence`;
  switch (event.reason) {
    case "model":
      return `p ${event.probability?.toFixed(2) ?? "unknown"}, ${silence}`;
    case "silence":
      return `${silence} were enough`;
    case "shift":
      return "the other took over";
    case "finish":
      return "the call ended";
  }
}

/** The lines below the events; `computeMs` is the time the whole analysis took. */
export function summaryLines(summary: Summary, durationMs: number, computeMs: number): string[] {
  const both = ([user, agent]: readonly [unknown, unknown]): string => `user ${String(user)}, agent ${String(agent)}`;
  const percent = (share: number): string => `${(100 * share).toFixed(0)} %`;
  const hopMs = durationMs > 0 ? computeMs / (durationMs / 20) : 0;
  const speed = computeMs > 0 ? durationMs / computeMs : 0;
  const gap = summary.meanGapMs === undefined ? "none" : `${seconds(summary.meanGapMs)} over ${summary.shifts} shifts`;
  return [
    row("turns", both(summary.turns)),
    row("mean gap", gap),
    row("backchannels", both(summary.backchannels)),
    row("interruptions", both(summary.interruptions)),
    row("speech", both([percent(summary.speechShare[0]), percent(summary.speechShare[1])])),
    row("processing", `${seconds(computeMs)}, ${speed.toFixed(1)} times real time, ${hopMs.toFixed(2)} ms a hop of 20 ms`),
  ];
}

function row(name: string, value: string): string {
  return `${name.padEnd(13)}  ${value}`;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(2)} s`;
}
