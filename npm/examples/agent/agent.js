// An agent's voice that gives way to the user, and the events that move it.

const QUIET = 0.25;
const RAMP_S = 0.03;
/** How much of what was said is said again where it goes on. */
const AGAIN_S = 0.5;

/** Plays what the agent says. `state` is `silent`, `speaking`, `quiet` or `stopped`: in the middle of something. */
export class Voice {
  state = "silent";
  onchange = () => undefined;
  #speech;
  #source;
  /** Time of the context at which the speech began, or would have. */
  #startS = 0;
  /** Where it was stopped. */
  #stoppedS = 0;

  constructor(context) {
    this.context = context;
    /** The voice at its full level: the agent's channel of `listen`. */
    this.said = new GainNode(context);
    this.level = new GainNode(context);
    this.said.connect(this.level).connect(context.destination);
  }

  say(speech, fromS = 0) {
    this.#end();
    this.#speech = speech;
    this.#source = new AudioBufferSourceNode(this.context, { buffer: speech });
    this.#source.connect(this.said);
    this.#source.onended = () => this.#set("silent");
    this.#startS = this.context.currentTime - fromS;
    this.#source.start(0, fromS);
    this.#set("speaking");
  }

  quieten() {
    if (this.state === "speaking") this.#set("quiet");
  }

  restore() {
    if (this.state === "quiet") this.#set("speaking");
  }

  stop() {
    if (this.state !== "speaking" && this.state !== "quiet") return;
    this.#stoppedS = this.context.currentTime - this.#startS;
    this.#end();
    this.#set("stopped");
  }

  /** Goes on shortly before the place where it was stopped. */
  resume() {
    this.say(this.#speech, Math.max(0, this.#stoppedS - AGAIN_S));
  }

  #end() {
    if (!this.#source) return;
    this.#source.onended = null;
    this.#source.stop();
    this.#source.disconnect();
    this.#source = undefined;
  }

  #set(state) {
    this.state = state;
    this.level.gain.setTargetAtTime(state === "quiet" ? QUIET : 1, this.context.currentTime, RAMP_S);
    this.onchange();
  }
}

/** Lets the events of a session move the voice; `answer` is called when the user has ended a turn. */
export function converse(session, voice, answer) {
  const onUser = (type, act) => session.addEventListener(type, ({ detail }) => detail.speaker === "user" && act());
  onUser("overlapStart", () => voice.quieten());
  onUser("overlapEnd", () => voice.restore());
  onUser("backchannel", () => voice.restore());
  onUser("interruption", () => voice.stop());
  onUser("endOfTurn", () => {
    if (voice.state === "stopped") voice.resume();
    else if (voice.state === "silent") answer();
  });
}
