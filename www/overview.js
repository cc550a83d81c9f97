// The whole session in one strip, to find a place in it.
import { fitted, palette } from "./canvas.js";

const TOLD = { endOfTurn: "--ink", backchannel: "--backchannel", interruption: "--interruption" };

/** Draws `record` over `durationMs`, with the time that is shown. */
export function drawOverview(canvas, record, durationMs, timeMs) {
  const { pen, width, height } = fitted(canvas);
  const ink = palette(canvas);
  const x = (ms) => (width * ms) / Math.max(1, durationMs);
  const middle = height / 2;
  pen.fillStyle = ink["--lane"];
  pen.fillRect(0, 0, width, height);
  const { frames, levels, full } = record;
  const columns = Math.floor(width);
  ["--user", "--agent"].forEach((colour, speaker) => {
    pen.fillStyle = ink[colour];
    const sign = speaker === 0 ? -1 : 1;
    for (let column = 0; column < columns; column++) {
      const [from, to] = [column, column + 1].map((at) => Math.floor((at * durationMs) / columns / 20));
      let peak = 0;
      for (let at = from; at < Math.min(Math.max(to, from + 1), frames.length); at++) peak = Math.max(peak, levels[at][speaker]);
      pen.fillRect(column, middle, 1, (sign * (middle - 4) * peak) / full[speaker]);
    }
  });
  for (const { type, timeMs: ms } of record.events) {
    if (!TOLD[type]) continue;
    pen.fillStyle = ink[TOLD[type]];
    pen.fillRect(x(ms) - 0.75, 0, 1.5, 5);
  }
  pen.fillStyle = ink["--ink"];
  pen.fillRect(Math.min(width - 2, x(timeMs) - 1), 0, 2, height);
}
