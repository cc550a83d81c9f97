// A call that sounds while it is heard: its samples are pushed as they are, and played in step with the session.
import { PcmInput } from "../npm/dist/index.js";
import { begin, infoOf, restContext, steer } from "./live.js";
import { callLevels } from "./source.js";

/** Where each channel sounds, from left to right. */
const PAN = { user: -0.5, agent: 0.5 };
/** Time to schedule the sound in, in s. */
const LEAD_S = 0.05;

export class PlayedCall {
  #call;
  #policy;
  #session;
  #nodes = [];
  #stopped = false;

  constructor({ call, policy }) {
    this.#call = call;
    this.#policy = policy;
  }

  get info() {
    return { ...infoOf(this.#session), durationMs: durationMs(this.#call) };
  }

  async start() {
    const call = this.#call;
    const inputs = [call.user, call.agent].map(({ samples, rate }) => {
      const input = new PcmInput({ rate });
      input.push(samples);
      return input;
    });
    const policy = this.#policy;
    const session = await begin(this, { user: inputs[0], agent: inputs[1], policy }, (frame) => callLevels(call, frame.timeMs));
    if (this.#stopped) return session.close();
    this.#session = session;
    session.addEventListener("frame", () => this.#play(session), { once: true });
    session.addEventListener("frame", ({ detail }) => {
      if (detail.timeMs >= durationMs(call)) void this.#finish(session);
    });
    if (this.#policy !== policy) await steer(session, this.#policy);
  }

  /** Another policy from the next hop on; gives the time of it in ms, or nothing before the session is open. */
  async setPolicy(policy) {
    this.#policy = policy;
    return (await steer(this.#session, policy))?.fromMs;
  }

  stop() {
    this.#stopped = true;
    this.#session?.close();
    for (const node of this.#nodes.splice(0)) node.disconnect();
    restContext();
  }

  async #finish(session) {
    await session.finish();
    if (this.#stopped) return;
    this.stop();
    this.onend();
  }

  #play(session) {
    const { context } = session;
    const when = context.currentTime + LEAD_S;
    for (const [speaker, { samples, rate }] of Object.entries(this.#call)) {
      const buffer = new AudioBuffer({ length: samples.length, sampleRate: rate });
      buffer.copyToChannel(samples, 0);
      const source = new AudioBufferSourceNode(context, { buffer });
      const panner = new StereoPannerNode(context, { pan: PAN[speaker] });
      source.connect(panner).connect(context.destination);
      source.start(when, Math.max(0, when - session.startTime));
      this.#nodes.push(source, panner);
    }
  }
}

function durationMs({ user, agent }) {
  return Math.max(...[user, agent].map(({ samples, rate }) => (1000 * samples.length) / rate));
}
