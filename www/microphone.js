// The person at the microphone as the user, and an agent with a recorded voice that answers when the user's turn ends
// and stops when it is interrupted.
import { begin, infoOf, restContext, runningContext, steer } from "./live.js";

/** What the agent of the sample call says, from and to, in s. */
const ANSWERS = [[26.1, 36.6], [40.2, 42.2], [45.4, 53], [57.1, 59], [63.8, 66.8]];
const FADE_S = 0.03;
/** Samples looked at for a level, about 20 ms. */
const LEVEL_SAMPLES = 1024;
/** A gated microphone and an agent that says nothing are digitally silent, which the weights take for sound: -60 dB of noise stand in. */
const FLOOR = 1e-3;
const FLOOR_S = 3;

export class Microphone {
  #call;
  #policy;
  #session;
  #stream;
  #inputs;
  #voice;
  #stopped = false;

  constructor({ call, policy }) {
    this.#call = call;
    this.#policy = policy;
  }

  get info() {
    return infoOf(this.#session);
  }

  async start() {
    if (!navigator.mediaDevices) throw new Error("the microphone needs https or localhost");
    this.#stream = await navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: true, channelCount: 1 } });
    if (this.#stopped) return this.stop();
    const context = await runningContext();
    this.#voice = new Voice(context, this.#call.agent);
    const microphone = new MediaStreamAudioSourceNode(context, { mediaStream: this.#stream });
    const [user, agent] = [microphone, this.#voice.node].map((node) => withFloor(context, node));
    const meters = [microphone, this.#voice.node].map((node) => new Meter(context, node));
    this.#inputs = { user: user.sum, agent: agent.sum, sources: [microphone, this.#voice.node, user.noise, agent.noise], meters };
    await this.#listen();
  }

  /** Another policy from the next hop on; gives the time of it in ms, or nothing before the session is open. */
  async setPolicy(policy) {
    this.#policy = policy;
    return (await steer(this.#session, policy))?.fromMs;
  }

  stop() {
    this.#stopped = true;
    this.#session?.close();
    this.#voice?.stop();
    for (const source of this.#inputs?.sources ?? []) source.disconnect();
    for (const track of this.#stream?.getTracks() ?? []) track.stop();
    restContext();
  }

  async #listen() {
    const { user, agent, meters } = this.#inputs;
    const policy = this.#policy;
    const session = await begin(this, { user, agent, policy }, () => meters.map((meter) => meter.level()));
    if (this.#stopped) return session.close();
    this.#session = session;
    if (this.#policy !== policy) await steer(session, this.#policy);
    session.addEventListener("turn", ({ detail: { type, speaker } }) => {
      if (speaker !== "user") return;
      if (type === "endOfTurn") this.#voice.answer();
      if (type === "interruption") this.#voice.stop();
    });
  }
}

/** A voice that says one answer after the other. */
class Voice {
  node;
  #buffer;
  #next = 0;
  #speaking;

  constructor(context, { samples, rate }) {
    this.node = new GainNode(context);
    this.node.connect(context.destination);
    this.#buffer = new AudioBuffer({ length: samples.length, sampleRate: rate });
    this.#buffer.copyToChannel(samples, 0);
  }

  answer() {
    if (this.#speaking) return;
    const [from, to] = ANSWERS[this.#next++ % ANSWERS.length];
    const { context } = this.node;
    const source = new AudioBufferSourceNode(context, { buffer: this.#buffer });
    const fade = new GainNode(context);
    source.connect(fade).connect(this.node);
    source.start(0, from, to - from);
    source.onended = () => {
      fade.disconnect();
      if (this.#speaking?.source === source) this.#speaking = undefined;
    };
    this.#speaking = { source, fade };
  }

  stop() {
    if (!this.#speaking) return;
    const { source, fade } = this.#speaking;
    const { currentTime } = this.node.context;
    fade.gain.setTargetAtTime(0, currentTime, FADE_S / 3);
    source.stop(currentTime + FADE_S);
    this.#speaking = undefined;
  }
}

/** What a node brings, above a floor of noise. */
function withFloor(context, node) {
  const { sampleRate } = context;
  const buffer = new AudioBuffer({ length: FLOOR_S * sampleRate, sampleRate });
  buffer.copyToChannel(Float32Array.from({ length: buffer.length }, () => FLOOR * (2 * Math.random() - 1)), 0);
  const noise = new AudioBufferSourceNode(context, { buffer, loop: true });
  const sum = new GainNode(context, { channelCount: 1, channelCountMode: "explicit" });
  node.connect(sum);
  noise.connect(sum);
  noise.start();
  return { sum, noise };
}

/** Level of what a node brings now. */
class Meter {
  #analyser;
  #samples = new Float32Array(LEVEL_SAMPLES);

  constructor(context, node) {
    this.#analyser = new AnalyserNode(context, { fftSize: LEVEL_SAMPLES });
    node.connect(this.#analyser);
  }

  level() {
    this.#analyser.getFloatTimeDomainData(this.#samples);
    return this.#samples.reduce((peak, sample) => Math.max(peak, Math.abs(sample)), 0);
  }
}
