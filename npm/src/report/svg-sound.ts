// The continuous parts of a picture: the waveform of a channel and the curves of pNow and pFuture.
import type { Track } from "../analyze.js";
import type { Frame } from "../common/events.js";
import { COLOUR, INK, QUIET, RULE, num } from "./svg-style.js";

/** Part of a row: the ms it shows and where they lie. */
export interface Window {
  fromMs: number;
  toMs: number;
  /** Place of a time, in pixels. */
  x: (timeMs: number) => number;
}

/** A stretch of sound. */
export interface Stretch {
  startMs: number;
  endMs: number;
}

const COLUMN_PX = 2;

/** Loudness that fills a lane: nearly the loudest 10 ms of the channel. */
export function fullScale({ samples, rate }: Track): number {
  const block = Math.max(1, Math.round(rate / 100));
  const peaks: number[] = [];
  for (let at = 0; at < samples.length; at += block) peaks.push(peak(samples, at, at + block));
  peaks.sort((a, b) => a - b);
  return Math.max(1e-3, peaks[Math.floor(0.995 * (peaks.length - 1))] ?? 0);
}

/** Waveform around `middle`: coloured within speech, grey without. */
export function waveform(
  track: Track,
  scale: number,
  speech: readonly Stretch[],
  window: Window,
  middle: number,
  halfHeight: number,
  colour: string,
): string {
  const paths = { loud: "", quiet: "" };
  const [left, right] = [window.x(window.fromMs), window.x(window.toMs)];
  const columns = Math.floor((right - left) / COLUMN_PX);
  const stepMs = (window.toMs - window.fromMs) / Math.max(1, columns);
  for (let column = 0; column < columns; column++) {
    const fromMs = window.fromMs + column * stepMs;
    const sample = (timeMs: number): number => Math.round((timeMs * track.rate) / 1000);
    const loudness = Math.min(1, peak(track.samples, sample(fromMs), sample(fromMs + stepMs)) / scale);
    const half = Math.max(0.3, halfHeight * loudness ** 0.7);
    const inside = speech.some(({ startMs, endMs }) => fromMs + stepMs / 2 >= startMs && fromMs + stepMs / 2 < endMs);
    paths[inside ? "loud" : "quiet"] += `M${num(left + column * COLUMN_PX + 1)} ${num(middle - half)}v${num(2 * half)}`;
  }
  const path = (d: string, stroke: string): string =>
    d === "" ? "" : `<path d="${d}" stroke="${stroke}" stroke-width="1.4" fill="none"/>`;
  return path(paths.quiet, QUIET) + path(paths.loud, colour);
}

function peak(samples: Float32Array, from: number, to: number): number {
  let highest = 0;
  for (let at = Math.max(0, from); at < Math.min(to, samples.length); at++) {
    const level = Math.abs(samples[at] ?? 0);
    if (level > highest) highest = level;
  }
  return highest;
}

/** Curves of the user's share, up for the user and down for the agent: pNow as an area, pFuture as a line. */
export function curves(frames: readonly Frame[], window: Window, top: number, height: number): string {
  const shown = frames.filter((frame) => frame.timeMs > window.fromMs && frame.timeMs <= window.toMs);
  const middle = top + height / 2;
  const rule = `<path d="M${num(window.x(window.fromMs))} ${num(middle)}H${num(window.x(window.toMs))}" stroke="${RULE}"/>`;
  const [first, last] = [shown[0], shown.at(-1)];
  if (!first || !last) return rule;
  const y = (share: number): number => top + height * (1 - share);
  const line = (value: (frame: Frame) => number): string =>
    shown.map((frame) => `${num(window.x(frame.timeMs))} ${num(y(value(frame)))}`).join("L");
  const area = (value: (frame: Frame) => number, fill: string): string => {
    const [from, to] = [num(window.x(first.timeMs)), num(window.x(last.timeMs))];
    return `<path d="M${from} ${num(middle)}L${line(value)}L${to} ${num(middle)}Z" fill="${fill}" fill-opacity="0.8"/>`;
  };
  return (
    area((frame) => Math.max(0.5, frame.pNow[0]), COLOUR.user.strong) +
    area((frame) => Math.min(0.5, frame.pNow[0]), COLOUR.agent.strong) +
    rule +
    `<path d="M${line((frame) => frame.pFuture[0])}" fill="none" stroke="${INK}" stroke-width="1"/>`
  );
}
