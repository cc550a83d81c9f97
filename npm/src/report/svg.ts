// A call as a picture: rows of half a minute, in each a lane for either speaker, the curves below, time under them.
import { type Analysis, type Call } from "../analyze.js";
import { SPEAKERS, type Speaker, type TurnEvent } from "../common/events.js";
import { of } from "./summary.js";
import { type Stretch, type Window, curves, fullScale, waveform } from "./svg-sound.js";
import {
  COLOUR, FONT, HATCH, HATCH_PATTERN, INK, LANE, MUTED, RULE,
  type MarkType, arrow, box, escaped, mark, num, text, titled,
} from "./svg-style.js";
import { clock, eventDetail, eventName } from "./timeline.js";

/** What a picture shows besides the call. */
export interface PictureOptions {
  /** Line at the top, such as the name of the file; by default `call`. */
  title?: string;
  /** Second line; by default none. */
  subtitle?: string;
}

const WIDTH = 1280;
const LEFT = 76;
const RIGHT = 24;
const HEADER = 128;
/** Heights within a row. */
const STRIP = 18;
const WAVE = 46;
const BETWEEN = 18;
const CURVES = 52;
const AXIS = 22;
const ROW = 2 * (STRIP + WAVE) + BETWEEN + 10 + CURVES + AXIS + 26;
const LONGEST_ROW_MS = 30_000;

const MARKS: readonly MarkType[] = ["turnResumed", "eagerEndOfTurn", "endOfTurn", "backchannel", "interruption"];

/** An SVG of an analysed call. */
export function callSvg(call: Call, analysis: Analysis, { title = "call", subtitle = "" }: PictureOptions = {}): string {
  // The last hop is filled up with silence, and its events count.
  const durationMs = Math.ceil(analysis.durationMs / 20) * 20;
  const rowMs = Math.min(LONGEST_ROW_MS, Math.max(5000, Math.ceil(durationMs / 5000) * 5000));
  const rows = Math.max(1, Math.ceil(durationMs / rowMs));
  const height = HEADER + rows * ROW + 4;
  const scales: Record<Speaker, number> = { user: fullScale(call.user), agent: fullScale(call.agent) };
  const parts = Array.from({ length: rows }, (_, index) => {
    const fromMs = index * rowMs;
    const x = (timeMs: number): number => LEFT + ((timeMs - fromMs) / rowMs) * (WIDTH - LEFT - RIGHT);
    const window = { fromMs, toMs: Math.min(fromMs + rowMs, Math.max(durationMs, 1)), x };
    return row(call, analysis, scales, window, HEADER + index * ROW);
  });
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" ` +
    `font-family="${FONT}" role="img"><title>${escaped(`Turns of ${title}`)}</title>` +
    `${HATCH_PATTERN}${box(0, 0, WIDTH, height, "#fff")}${header(title, subtitle)}${parts.join("")}</svg>\n`
  );
}

function header(title: string, subtitle: string): string {
  return (
    text(LEFT, 34, title, { size: 20, weight: "600" }) + text(LEFT, 56, subtitle, { size: 13, fill: MUTED }) + legend()
  );
}

function legend(): string {
  const half = (x: number, y: number, speaker: Speaker): string => box(x, y, 9, 14, COLOUR[speaker].pale);
  const line = (x: number, y: number): string => `<path d="M${num(x)} ${num(y)}h20" stroke="${INK}"/>`;
  return [
    ...entries(82, [
      [(x, y) => line(x - 2, y) + mark("endOfTurn", x + 18, y), 30, 250, "end of turn, and time since its last sound"],
      [(x, y) => mark("eagerEndOfTurn", x + 6, y), 16, 50, "may end"],
      [(x, y) => mark("turnResumed", x + 6, y), 16, 48, "goes on"],
      [(x, y) => mark("backchannel", x + 6, y), 16, 76, "backchannel"],
      [(x, y) => mark("interruption", x + 6, y), 16, 0, "interruption"],
    ]),
    ...entries(104, [
      [(x, y) => half(x, y - 7, "user") + half(x + 9, y - 7, "agent"), 24, 26, "turn"],
      [(x, y) => arrow(x + 4, y - 7, y + 7, COLOUR.agent.strong) + arrow(x + 15, y + 7, y - 7, COLOUR.user.strong), 26, 72, "floor passes"],
      [(x, y) => box(x, y - 7, 18, 14, HATCH), 24, 66, "both speak"],
      [(x, y) => box(x, y - 7, 9, 7, COLOUR.user.strong) + box(x + 9, y, 9, 7, COLOUR.agent.strong), 24, 248, "who is expected in the next 0.6 s (pNow),"],
      [line, 26, 0, "in 0.6 to 2 s (pFuture)"],
    ]),
  ].join("");
}

/** A line of the legend: what is drawn, the space it takes, the width of its label, the label. */
type Entry = [draw: (x: number, y: number) => string, space: number, width: number, label: string];

function entries(y: number, list: readonly Entry[]): string[] {
  let x = LEFT;
  return list.map(([draw, space, width, label]) => {
    const entry = draw(x, y) + text(x + space, y + 4, label);
    x += space + width + 24;
    return entry;
  });
}

function row(call: Call, analysis: Analysis, scales: Record<Speaker, number>, window: Window, top: number): string {
  const { events, frames } = analysis;
  const width = window.x(window.toMs) - LEFT;
  // The user's marks are above the user's sound, the agent's below the agent's, so that the sounds face each other.
  const waves: Record<Speaker, number> = { user: top + STRIP, agent: top + STRIP + WAVE + BETWEEN };
  const strips: Record<Speaker, number> = { user: top, agent: waves.agent + WAVE };
  const lanes = SPEAKERS.map((speaker) => {
    const speech = shown(of(events, "speechEnd", speaker), window);
    const middle = waves[speaker] + WAVE / 2;
    const colour = COLOUR[speaker];
    return [
      box(LEFT, waves[speaker], width, WAVE, LANE),
      turns(of(events, "endOfTurn", speaker), window, waves[speaker], colour.pale),
      waveform(call[speaker], scales[speaker], speech, window, middle, WAVE / 2 - 2, colour.strong),
      text(LEFT - 10, middle + 4, speaker, { anchor: "end", fill: colour.strong, weight: "600", size: 13 }),
    ].join("");
  });
  const curveTop = strips.agent + STRIP + 10;
  return [
    ...lanes,
    overlaps(events, window, waves.user, waves.agent + WAVE),
    ...SPEAKERS.map((speaker) => marks(events, speaker, window, strips[speaker] + STRIP / 2, waves[speaker])),
    shifts(events, window, waves.user + WAVE, waves.agent),
    text(LEFT - 10, curveTop + 10, "user next", { anchor: "end", fill: COLOUR.user.strong, size: 11 }),
    text(LEFT - 10, curveTop + CURVES - 2, "agent next", { anchor: "end", fill: COLOUR.agent.strong, size: 11 }),
    box(LEFT, curveTop, width, CURVES, LANE),
    titled("area: share of the next 0.6 s (pNow); line: share of 0.6 to 2 s ahead (pFuture)", curves(frames, window, curveTop, CURVES)),
    axis(window, curveTop + CURVES),
  ].join("");
}

function turns(ends: readonly Extract<TurnEvent, { type: "endOfTurn" }>[], window: Window, y: number, fill: string): string {
  const boxes = shown(ends, window).map((turn) => {
    const [from, to] = edges(turn, window);
    const title = `${turn.speaker}'s turn, ${clock(turn.startMs)} to ${clock(turn.endMs)}`;
    return titled(title, box(from, y, Math.max(1, to - from), WAVE, fill, 'rx="3"'));
  });
  return boxes.join("");
}

function overlaps(events: readonly TurnEvent[], window: Window, top: number, bottom: number): string {
  const boxes = shown(of(events, "overlapEnd"), window).map((overlap) => {
    const [from, to] = edges(overlap, window);
    return titled(told(overlap), box(from, top, Math.max(1, to - from), bottom - top, HATCH));
  });
  return boxes.join("");
}

function marks(events: readonly TurnEvent[], speaker: Speaker, window: Window, y: number, wave: number): string {
  const ends = of(events, "endOfTurn", speaker);
  const line = (d: string, more: string): string => `<path d="${d}" stroke="${INK}" ${more}/>`;
  const waits = shown(ends.map(({ endMs, timeMs }) => ({ startMs: endMs, endMs: timeMs })), window).map((wait) => {
    const [from, to] = edges(wait, window);
    return line(`M${num(from)} ${num(y)}H${num(to)}`, 'stroke-width="1.5"');
  });
  const lines = ends.filter(within(window)).map(({ timeMs }) =>
    line(`M${num(window.x(timeMs))} ${num(wave)}v${WAVE}`, 'stroke-opacity="0.35" stroke-dasharray="2 2"'),
  );
  const drawn = MARKS.flatMap((type) =>
    of(events, type, speaker).filter(within(window)).map((event) => titled(told(event), mark(type, window.x(event.timeMs), y))),
  );
  return [...waits, ...lines, ...drawn].join("");
}

function shifts(events: readonly TurnEvent[], window: Window, upper: number, lower: number): string {
  const arrows = of(events, "turnShift").filter(within(window)).map((shift) => {
    const [from, to] = shift.speaker === "user" ? [lower - 1, upper + 1] : [upper + 1, lower - 1];
    return titled(told(shift), arrow(window.x(shift.timeMs), from, to, COLOUR[shift.speaker].strong));
  });
  return arrows.join("");
}

function axis({ fromMs, toMs, x }: Window, y: number): string {
  const ticks: string[] = [];
  for (let timeMs = fromMs; timeMs <= toMs; timeMs += 1000) {
    const major = timeMs % 5000 === 0;
    ticks.push(`<path d="M${num(x(timeMs))} ${num(y)}v${major ? 7 : 4}" stroke="${major ? MUTED : RULE}"/>`);
    if (major) ticks.push(text(x(timeMs), y + 20, clock(timeMs).slice(0, -4), { size: 11, fill: MUTED, anchor: "middle" }));
  }
  return ticks.join("");
}

function told(event: TurnEvent): string {
  return `${clock(event.timeMs)} ${event.speaker}: ${eventName(event.type).toLowerCase()}, ${eventDetail(event)}`;
}

function shown<T extends Stretch>(stretches: readonly T[], { fromMs, toMs }: Window): T[] {
  return stretches.filter(({ startMs, endMs }) => endMs > fromMs && startMs < toMs);
}

function edges({ startMs, endMs }: Stretch, { fromMs, toMs, x }: Window): [number, number] {
  return [x(Math.max(startMs, fromMs)), x(Math.min(endMs, toMs))];
}

function within({ fromMs, toMs }: Window): (event: TurnEvent) => boolean {
  return ({ timeMs }) => timeMs > fromMs && timeMs <= toMs;
}
