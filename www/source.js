// Where frames and events come from. Every source has start(), stop(), info, and tells onframe(frame, levels),
// onevent(event), onend() and onerror(error); levels are the peaks of [user, agent] in the hop of the frame. Live ones
// have setPolicy(policy), too, and go on.
import { steps } from "../npm/dist/index.js";
import { Microphone } from "./microphone.js";
import { PlayedCall } from "./played-call.js";

/** Makes the source that is asked for: a call or a record, in its own time or at once, or the microphone. */
export function openSource({ kind, call, record, atOnce, policy, model }) {
  if (kind === "microphone") return new Microphone({ call, policy });
  if (kind === "record") return new Replay(record, atOnce);
  return atOnce ? new WholeCall({ call, policy, model }) : new PlayedCall({ call, policy });
}

/** Peaks of both channels in the 20 ms before a time. */
export function callLevels(call, timeMs) {
  return [call.user, call.agent].map(({ samples, rate }) => {
    const end = Math.min(samples.length, Math.round((timeMs * rate) / 1000));
    let peak = 0;
    for (let at = Math.max(0, Math.round(((timeMs - 20) * rate) / 1000)); at < end; at++) peak = Math.max(peak, Math.abs(samples[at]));
    return peak;
  });
}

/** Tells frames and events in order of time. */
function tell(source, frames, events, levels) {
  let next = 0;
  for (const frame of frames) {
    source.onframe(frame, levels(frame));
    for (; next < events.length && events[next].timeMs <= frame.timeMs; next++) source.onevent(events[next]);
  }
  for (; next < events.length; next++) source.onevent(events[next]);
}

/** A call analysed as fast as it goes, on the page's own thread. */
class WholeCall {
  info = { runIn: "page" };
  #options;
  #stopped = false;

  constructor(options) {
    this.#options = options;
  }

  async start() {
    const { call, policy, model } = this.#options;
    let computeMs = 0;
    const run = async () => {
      for await (const step of steps(call, { model, policy })) {
        if (this.#stopped) return;
        computeMs += step.computeMs;
        this.info = { runIn: "page", policy: step.info.policy, durationMs: step.totalMs, hopMs: computeMs / (step.doneMs / 20) };
        tell(this, step.frames, step.events, (frame) => callLevels(call, frame.timeMs));
      }
      this.onend();
    };
    await run();
  }

  stop() {
    this.#stopped = true;
  }
}

/** A recorded session, told again. */
class Replay {
  info;
  #record;
  #atOnce;
  #timer;

  constructor(record, atOnce) {
    this.#record = record;
    this.#atOnce = atOnce;
    this.info = { ...record.info, replayed: true };
  }

  start() {
    const { frames, events, levels } = this.#record;
    const begun = performance.now();
    const firstMs = (frames[0]?.timeMs ?? 0) - 20;
    let [hop, event] = [0, 0];
    const advance = () => {
      const untilMs = this.#atOnce ? Infinity : firstMs + performance.now() - begun;
      const [fromHop, fromEvent] = [hop, event];
      while (hop < frames.length && frames[hop].timeMs <= untilMs) hop++;
      const over = hop === frames.length;
      while (event < events.length && (over || events[event].timeMs <= untilMs)) event++;
      tell(this, frames.slice(fromHop, hop), events.slice(fromEvent, event), (frame) => levels[frames.indexOf(frame, fromHop)]);
      if (!over) return;
      this.stop();
      this.onend();
    };
    this.#timer = setInterval(advance, 20);
    advance();
  }

  stop() {
    clearInterval(this.#timer);
  }
}
