// The picture: what both said, with events, up to a line; right of it the projection of the next two seconds. All in one
// scale of time, so that a bin stands where the sound it speaks of would be.
import { MARKS } from "./marks.js";
import { fitted, palette } from "./canvas.js";

const FUTURE_MS = 2000;
const BIN_MS = 200;
const AXIS_PX = 22;
const MARK_PX = 20;
const SPEAKERS = ["user", "agent"];
/** Drawn in the lane of their speaker. */
const LANE_MARKS = ["endOfTurn", "eagerEndOfTurn", "turnResumed", "backchannel", "interruption"];

export class Scope {
  #canvas;

  constructor(canvas) {
    this.#canvas = canvas;
  }

  /** Draws `record` as it was at `timeMs`. */
  draw(record, timeMs) {
    const { pen, width, height } = fitted(this.#canvas);
    const ink = palette(this.#canvas);
    const pastMs = width < 560 ? 5000 : width < 900 ? 9000 : 12_000;
    const scale = width / (pastMs + FUTURE_MS);
    const nowX = Math.round(pastMs * scale);
    const x = (ms) => nowX + (ms - timeMs) * scale;
    const shareHeight = Math.round((height - AXIS_PX) * 0.2);
    const laneHeight = (height - AXIS_PX - shareHeight) / 2;
    const lanes = [0, laneHeight + shareHeight].map((top) => ({ top, height: laneHeight, middle: top + MARK_PX + (laneHeight - MARK_PX) / 2, half: (laneHeight - MARK_PX) / 2 - 6 }));
    const view = { pen, ink, width, height, nowX, x, scale, timeMs, fromMs: timeMs - pastMs, lanes, share: { top: laneHeight, height: shareHeight } };
    const seen = record.speech.filter(({ startMs, endMs }) => endMs > view.fromMs && startMs < timeMs);

    pen.fillStyle = ink["--future"];
    pen.fillRect(nowX, 0, width - nowX, height - AXIS_PX);
    grid(view);
    lanes.forEach((lane, speaker) => {
      stretches(view, lane, seen.filter((stretch) => stretch.speaker === SPEAKERS[speaker]), ink[`--${SPEAKERS[speaker]}`]);
      waveform(view, lane, record, speaker);
    });
    shares(view, record);
    const last = frameAt(record, timeMs);
    if (last) lanes.forEach((lane, speaker) => bins(view, lane, last.bins[speaker], ink[`--${SPEAKERS[speaker]}`]));
    marks(view, record.events);
    names(view);
    pen.fillStyle = ink["--ink"];
    pen.fillRect(nowX - 0.75, 0, 1.5, height - AXIS_PX);
  }
}

/** Frame that ended last at a time. */
export function frameAt({ frames }, timeMs) {
  const first = frames[0]?.timeMs ?? 0;
  return frames[Math.min(frames.length - 1, Math.floor((timeMs - first) / 20))];
}

function grid({ pen, ink, height, width, x, fromMs, timeMs, scale, nowX }) {
  pen.font = "12px system-ui, sans-serif";
  pen.textBaseline = "middle";
  pen.textAlign = "center";
  const stepMs = scale * 1000 < 34 ? 2000 : 1000;
  for (let ms = Math.ceil(Math.max(0, fromMs) / stepMs) * stepMs; ms <= timeMs; ms += stepMs) {
    pen.fillStyle = ink["--rule"];
    pen.fillRect(Math.round(x(ms)), 0, 1, height - AXIS_PX);
    if (x(ms) < 16 || x(ms) > nowX - 26) continue;
    pen.fillStyle = ink["--muted"];
    pen.fillText(`${Math.floor(ms / 60_000)}:${String(Math.floor(ms / 1000) % 60).padStart(2, "0")}`, x(ms), height - AXIS_PX / 2 + 1);
  }
  pen.fillStyle = ink["--rule"];
  pen.fillRect(0, height - AXIS_PX, width, 1);
  pen.fillRect(Math.round(nowX + 1000 * scale), 0, 1, height - AXIS_PX);
  pen.fillStyle = ink["--ink"];
  pen.fillText("now", nowX, height - AXIS_PX / 2 + 1);
  pen.textAlign = "right";
  pen.fillStyle = ink["--muted"];
  pen.fillText("+2 s", width - 4, height - AXIS_PX / 2 + 1);
}

/** Where a speaker was heard to speak. */
function stretches({ pen, x, timeMs }, { middle, half }, list, colour) {
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

function waveform({ pen, ink, x, scale, fromMs, timeMs, nowX }, { middle, half }, { frames, levels, full }, speaker) {
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

/** pNow as an area, up for the user and down for the agent; pFuture as a line. */
function shares({ pen, ink, x, fromMs, timeMs, nowX, share: { top, height } }, { frames }) {
  const middle = top + height / 2;
  pen.fillStyle = ink["--lane"];
  pen.fillRect(0, top, nowX, height);
  const first = frames[0]?.timeMs ?? 0;
  const from = Math.max(0, Math.floor((fromMs - first) / 20));
  const to = Math.min(frames.length, Math.floor((timeMs - first) / 20) + 1);
  const shown = frames.slice(from, to);
  const y = (value) => top + 3 + (height - 6) * (1 - value);
  for (const [colour, clamp] of [["--user", Math.max], ["--agent", Math.min]]) {
    pen.beginPath();
    pen.moveTo(x(shown[0]?.timeMs ?? 0), middle);
    for (const { timeMs: ms, pNow } of shown) pen.lineTo(x(ms), y(clamp(0.5, pNow[0])));
    pen.lineTo(x(shown.at(-1)?.timeMs ?? 0), middle);
    pen.globalAlpha = 0.75;
    pen.fillStyle = ink[colour];
    pen.fill();
    pen.globalAlpha = 1;
  }
  pen.beginPath();
  for (const { timeMs: ms, pFuture } of shown) pen.lineTo(x(ms), y(pFuture[0]));
  pen.strokeStyle = ink["--ink"];
  pen.lineWidth = 1.25;
  pen.stroke();
}

function bins({ pen, nowX, scale }, { middle, half }, values, colour) {
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

function marks({ pen, ink, x, fromMs, timeMs, lanes, share }, events) {
  const open = {};
  for (const { type, speaker, timeMs: ms, startMs, endMs } of events) {
    if (ms > timeMs) break;
    if (type === "overlapStart") open.at = startMs;
    if (type === "overlapEnd") {
      open.at = undefined;
      band(pen, ink["--overlap"], x(startMs), x(endMs), lanes);
    }
    if (ms < fromMs - 500) continue;
    const lane = lanes[SPEAKERS.indexOf(speaker)];
    if (LANE_MARKS.includes(type)) shape(pen, ink, MARKS[type], x(ms), lane.top + MARK_PX / 2 + 1, 0);
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

function names({ pen, ink, lanes, share }) {
  pen.textAlign = "left";
  pen.textBaseline = "middle";
  const label = (text, colour, y, weight) => {
    pen.font = `${weight} 12px system-ui, sans-serif`;
    pen.lineWidth = 4;
    pen.lineJoin = "round";
    pen.strokeStyle = ink["--card"];
    pen.strokeText(text, 6, y);
    pen.fillStyle = ink[colour];
    pen.fillText(text, 6, y);
  };
  lanes.forEach((lane, speaker) => label(["User", "Agent"][speaker], `--${SPEAKERS[speaker]}`, lane.top + MARK_PX / 2 + 1, 600));
  label("who next", "--muted", share.top + 10, 400);
}
