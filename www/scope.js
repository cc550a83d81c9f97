// The picture: what both said, with events, up to a line; right of it the projection of the next two seconds. All in one
// scale of time, so that a bin stands where the sound it speaks of would be.
import { fitted, palette } from "./canvas.js";
import { MARK_PX, SPEAKERS, bins, marks, stretches, waveform } from "./lanes.js";

const FUTURE_MS = 2000;
/** What pNow speaks of; pFuture speaks of the rest. */
const NEAR_MS = 600;
const AXIS_PX = 22;

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
    const half = (laneHeight - MARK_PX) / 2;
    const lanes = [0, laneHeight + shareHeight].map((top) => ({ top, height: laneHeight, middle: top + MARK_PX + half, half: half - 6 }));
    const share = { top: laneHeight, height: shareHeight };
    const view = { pen, ink, width, height, nowX, x, scale, timeMs, fromMs: timeMs - pastMs, lanes, share };
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

/** pNow as an area, up for the user and down for the agent; pFuture as a line; right of the line, both of this moment. */
function shares({ pen, ink, x, scale, fromMs, timeMs, nowX, share: { top, height } }, { frames }) {
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
  const last = shown.at(-1);
  if (!last) return;
  for (const [value, afterMs, untilMs] of [[last.pNow[0], 0, NEAR_MS], [last.pFuture[0], NEAR_MS, FUTURE_MS]]) {
    pen.fillStyle = ink[value > 0.5 ? "--user" : "--agent"];
    pen.globalAlpha = 0.75;
    pen.fillRect(nowX + afterMs * scale + 2, middle, (untilMs - afterMs) * scale - 3, y(value) - middle);
  }
  pen.globalAlpha = 1;
}

function names({ pen, ink, lanes }) {
  pen.textAlign = "left";
  pen.textBaseline = "middle";
  pen.font = "600 12px system-ui, sans-serif";
  lanes.forEach((lane, speaker) => {
    pen.fillStyle = ink[`--${SPEAKERS[speaker]}`];
    pen.fillText(["User", "Agent"][speaker], 4, lane.top + MARK_PX / 2 + 1);
  });
}
