// The lane of a speaker: what was heard, what was told of it, and what is projected.
import { MARKS } from "./marks.js";

export const SPEAKERS = ["user", "agent"];
/** Height of the strip of marks. */
export const MARK_PX = 20;
/** Room for the name of a lane. */
const NAME_PX = 48;
const BIN_MS = 200;
/** Drawn in the lane of their speaker. */
const LANE_MARKS = ["endOfTurn", "eagerEndOfTurn", "turnResumed", "backchannel", "interruption"];

/** Where a speaker was heard to speak. */
export function stretches({ pen, x, timeMs }, { middle, half }, list, colour) {
  pen.fillStyle = colour;
  pen.globalAlpha = 0.13;
  for (const { startMs, endMs } of list) {
    const [from, to] = [x(startMs), x(Math.min(endMs, timeMs))];
    pen.beginPath();
    pen.roundRect(from, middle - half, Math.max(1, to - from), 2 * half, 4);
    pen.fill();
  }
  pen.globalAlpha = 1;
}

/** Peaks of each hop. */
export function waveform({ pen, ink, x, scale, fromMs, timeMs, nowX }, { middle, half }, { frames, levels, full }, speaker) {
  const first = frames[0]?.timeMs ?? 0;
  const index = (ms) => Math.max(0, Math.floor((ms - first) / 20));
  pen.fillStyle = ink["--rule"];
  pen.fillRect(0, middle - 0.5, nowX, 1);
  pen.fillStyle = ink[`--${SPEAKERS[speaker]}`];
  const wide = Math.max(0.8, 20 * scale * 0.72);
  for (let at = index(fromMs); at < frames.length && frames[at].timeMs <= timeMs; at++) {
    const level = Math.min(1, levels[at][speaker] / full[speaker]) ** 0.7;
    if (level < 0.03) continue;
    pen.fillRect(x(frames[at].timeMs) - 20 * scale, middle - half * level, wide, 2 * half * level);
  }
}

/** The projection of a speaker, each bin where its time will be. */
export function bins({ pen, nowX, scale }, { middle, half }, values, colour) {
  const wide = BIN_MS * scale;
  pen.fillStyle = colour;
  values.forEach((value, bin) => {
    const tall = Math.max(1, half * value);
    pen.globalAlpha = 0.3 + 0.7 * value;
    pen.beginPath();
    pen.roundRect(nowX + bin * wide + 2, middle - tall, Math.max(2, wide - 3), 2 * tall, Math.min(3, tall));
    pen.fill();
  });
  pen.globalAlpha = 1;
}

/** Events up to the time shown. */
export function marks({ pen, ink, x, fromMs, timeMs, lanes, share }, events) {
  const open = {};
  for (const { type, speaker, timeMs: ms, startMs, endMs } of events) {
    if (ms > timeMs) break;
    if (type === "overlapStart") open.at = startMs;
    if (type === "overlapEnd") {
      open.at = undefined;
      band(pen, ink["--overlap"], x(startMs), x(endMs), lanes);
    }
    if (ms < fromMs) continue;
    const lane = lanes[SPEAKERS.indexOf(speaker)];
    if (LANE_MARKS.includes(type) && x(ms) > NAME_PX) shape(pen, ink, MARKS[type], x(ms), lane.top + MARK_PX / 2 + 1, 0);
    if (type === "turnShift") shape(pen, ink, MARKS.turnShift, x(ms), share.top + share.height / 2, speaker === "user" ? -Math.PI / 2 : Math.PI / 2);
  }
  if (open.at !== undefined) band(pen, ink["--overlap"], x(open.at), x(timeMs), lanes);
}

function band(pen, colour, from, to, [first, last]) {
  pen.globalAlpha = 0.22;
  pen.fillStyle = colour;
  pen.fillRect(from, first.top + MARK_PX, to - from, last.top + last.height - first.top - MARK_PX);
  pen.globalAlpha = 1;
}

function shape(pen, ink, { path, colour, hollow }, x, y, angle) {
  pen.save();
  pen.translate(x, y);
  pen.rotate(angle);
  const drawn = new Path2D(path);
  pen.lineWidth = hollow ? 1.7 : 3;
  pen.strokeStyle = hollow ? ink[colour] : ink["--card"];
  pen.fillStyle = hollow ? ink["--card"] : ink[colour];
  if (!hollow) pen.stroke(drawn);
  pen.fill(drawn);
  if (hollow) pen.stroke(drawn);
  pen.restore();
}
