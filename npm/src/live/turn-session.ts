// A conversation that is listened to live: its events, its frames, its state and its end.
import { VapTurnError } from "../common/errors.js";
import { SPEAKERS, inOrder, type Frame, type Speaker, type TurnEvent } from "../common/events.js";
import { unpacked } from "../common/frames.js";
import type { Lifetime } from "../common/lifetime.js";
import type { Expectation, ModelInfo, PolicyChange, PolicyInForce, PolicyOptions } from "../common/options.js";
import { checkedExpectation, checkedPolicy } from "../common/policy-options.js";
import type { BackendName, Race } from "../gpu/adapter.js";
import { FrameQueue } from "./frame-queue.js";
import type { OpenInput } from "./inputs.js";
import type { Counters, Failed, Moved, Started, Steered, StepOutput } from "./messages.js";
import type { Runner, RunIn } from "./runner.js";
import { Steering } from "./steering.js";

/** Events of a {@link TurnSession}, by type; what happened is their `detail`. */
export type TurnSessionEvents = { [E in TurnEvent as E["type"]]: CustomEvent<E> } & {
  /** Any of the turn events, behind the one of its own type. */
  turn: CustomEvent<TurnEvent>;
  /** Every 20 ms. */
  frame: CustomEvent<Frame>;
  /** Policy or expectation changed. */
  policychange: CustomEvent<PolicyChange>;
  /** {@link TurnSession.state} changed. */
  statechange: Event;
  /** A stream has no live track any more: the channel is silent from here on. */
  inputended: CustomEvent<{ speaker: Speaker }>;
  /** The GPU was lost; the CPU goes on where it stood. */
  backendchange: CustomEvent<{ backend: BackendName; reason: string }>;
  /** The session cannot go on; it closes. */
  error: CustomEvent<VapTurnError>;
};

/**
 * `running`; `suspended` while the AudioContext renders nothing (no user gesture yet, or the system took the sound
 * away): nothing is heard then; `closed`.
 */
export type TurnSessionState = "running" | "suspended" | "closed";

/** What is known about a session, thresholds in force included. */
export interface TurnSessionInfo extends PolicyInForce {
  model: ModelInfo;
  /** What was measured where the GPU may be used. */
  race?: Race;
}

/** How a session fares. */
export interface TurnSessionStats {
  /** Where it is computed. */
  runIn: RunIn;
  /** What computes the model. */
  backend: BackendName;
  /** Hops of 20 ms told so far. */
  hops: number;
  /** Time that the work of a hop takes on average, in ms; in the worklet from a coarse clock. */
  hopMs: number;
  /** Steps whose work took longer than their sound lasts: a render block in the worklet, some 10 ms in the Worker. */
  overruns: number;
  /** Hops that were heard as silence because the Worker fell a second behind. */
  droppedHops: number;
  /** From the end of the last hop's sound at the node to its frame, in ms; without the way to the page. */
  delayMs: number;
  /** Frames that a reader of {@link TurnSession.frames} took too late to have. */
  unreadFrames: number;
}

/** What a session is made of. @internal */
export interface Parts {
  context: BaseAudioContext;
  runner: Runner;
  inputs: readonly OpenInput[];
  life: Lifetime;
}

type Listener<T> = ((event: T) => void) | { handleEvent(event: T): void } | null;

/** A conversation, listened to live; made by `listen`. */
export class TurnSession extends EventTarget implements AsyncIterable<Frame> {
  /** The context in whose time it is heard. */
  readonly context: BaseAudioContext;
  #info: TurnSessionInfo;
  #runner: Runner;
  #steering: Steering;
  #backend: BackendName;
  #life: Lifetime;
  #state: TurnSessionState;
  #startTime: number | undefined;
  #hops = 0;
  #counters: Counters = { hopMs: 0, overruns: 0, droppedHops: 0, delayMs: 0 };
  #queues = new Set<FrameQueue>();
  #unread = 0;
  /** Tracks of each channel that is not told to have ended. */
  #live: (MediaStreamTrack[] | undefined)[];
  #finished: Promise<void> | undefined;
  #end: (() => void) | undefined;

  /** @internal */
  constructor({ context, runner, inputs, life }: Parts) {
    super();
    this.context = context;
    const { model, inForce } = runner.start;
    this.#info = { model, ...inForce, ...(runner.race && { race: runner.race }) };
    this.#runner = runner;
    this.#steering = new Steering(runner.steer);
    this.#backend = runner.backend;
    this.#life = life;
    this.#state = stateOf(context);
    this.#live = inputs.map(({ tracks }) => (tracks.length > 0 ? tracks : undefined));
    const changed = (): void => {
      this.#contextChanged();
    };
    context.addEventListener("statechange", changed);
    life.own(() => {
      context.removeEventListener("statechange", changed);
    });
    const ended = (): void => {
      this.#tellEnded();
    };
    for (const track of inputs.flatMap(({ tracks }) => tracks)) {
      track.addEventListener("ended", ended);
      life.own(() => {
        track.removeEventListener("ended", ended);
      });
    }
  }

  /** What is known about this session now. */
  get info(): TurnSessionInfo {
    return this.#info;
  }

  get state(): TurnSessionState {
    return this.#state;
  }

  /** Time of the context at which the stream began (its 0 ms), in s; undefined before the first sound. */
  get startTime(): number | undefined {
    return this.#startTime;
  }

  get stats(): TurnSessionStats {
    const unread = [...this.#queues].reduce((sum, queue) => sum + queue.dropped, this.#unread);
    return { runIn: this.#runner.runIn, backend: this.#backend, hops: this.#hops, ...this.#counters, unreadFrames: unread };
  }

  /** Time of the context, in s, of a time of the stream, in ms; NaN before the first sound. */
  contextTime(timeMs: number): number {
    return (this.#startTime ?? NaN) + timeMs / 1000;
  }

  /**
   * Asks the browser to let a suspended context run, which needs a user gesture. What counts is {@link state}
   * afterwards: some browsers agree and stay silent.
   */
  async resume(): Promise<void> {
    if (this.#state === "suspended" && this.context instanceof AudioContext) await this.context.resume();
  }

  /** Frames from now on, until the session is closed. A reader that falls 10 s behind loses the oldest. */
  frames(): AsyncIterableIterator<Frame> {
    const queue = new FrameQueue(() => {
      this.#queues.delete(queue);
      this.#unread += queue.dropped;
    });
    if (this.#state === "closed") queue.end();
    else this.#queues.add(queue);
    return queue;
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<Frame> {
    return this.frames();
  }

  /**
   * Other thresholds, or another ask, given as at the beginning: over those of the model, so that `{}` goes back to
   * them. They count from the next hop on, the conversation goes on and the expectation stays. Wrong names, kinds and
   * contradictions throw at once; what only the model knows rejects. Either leaves the old policy in force.
   */
  setPolicy(policy: PolicyOptions): Promise<PolicyChange> {
    return this.#steering.ask({ policy: checkedPolicy(policy) });
  }

  /**
   * Tells what the user will probably say, from the next hop on: patient for `"digits"` and `"spelling"`, quick for
   * `"yesno"`, and `"open"` takes it back exactly. The policy and the agent's turns stay as they are.
   */
  expect(expectation: Expectation): Promise<PolicyChange> {
    return this.#steering.ask({ expect: checkedExpectation(expectation) });
  }

  /** Ends the conversation: what is pending is decided and told, then the session is closed. */
  finish(): Promise<void> {
    this.#finished ??= new Promise((resolve) => {
      this.#end = resolve;
      if (this.#state === "closed") resolve();
      else this.#runner.node.port.postMessage({ kind: "finish" });
    });
    return this.#finished;
  }

  /** Stops listening and releases everything that the session opened. May be called again. */
  close(): void {
    if (this.#state === "closed") return;
    this.#life.end();
    this.#setState("closed");
    for (const queue of this.#queues) queue.end();
    this.#steering.end();
    this.#end?.();
  }

  override addEventListener<T extends keyof TurnSessionEvents>(
    type: T,
    listener: Listener<TurnSessionEvents[T]>,
    options?: boolean | AddEventListenerOptions,
  ): void {
    super.addEventListener(type, listener as EventListenerOrEventListenerObject | null, options);
  }

  override removeEventListener<T extends keyof TurnSessionEvents>(
    type: T,
    listener: Listener<TurnSessionEvents[T]>,
    options?: boolean | EventListenerOptions,
  ): void {
    super.removeEventListener(type, listener as EventListenerOrEventListenerObject | null, options);
  }

  /** Takes what the runner says. @internal */
  take(message: Started | StepOutput | Steered | Moved | Failed): void {
    if (this.#state === "closed") return;
    if (message.kind === "started") this.#startTime = message.frame / this.context.sampleRate;
    else if (message.kind === "moved") this.#move(message);
    else if (message.kind === "failed") this.#fail(new VapTurnError(message.code, message.message));
    else if (message.kind === "steered") this.#steered(message);
    else this.#tell(message);
  }

  #steered(message: Steered): void {
    const { change } = message;
    if (change) {
      const { policy, expectation, expected } = change;
      const { model, race } = this.#info;
      this.#info = { model, policy, expectation, ...(expected && { expected }), ...(race && { race }) };
      this.#dispatch("policychange", change);
    }
    this.#steering.answer(message);
  }

  #tell({ frames, events, bargeIns, counters, finished }: StepOutput): void {
    this.#counters = counters;
    const output = { frames: unpacked({ frames, bargeIns }, this.#hops), events };
    this.#hops += output.frames.length;
    for (const frame of output.frames) for (const queue of this.#queues) queue.push(frame);
    for (const told of inOrder(output)) {
      this.#dispatch(told.type, told);
      if (told.type !== "frame") this.#dispatch("turn", told);
      if (this.#closed) return;
    }
    // A page that stops a track itself is sent no event for it.
    this.#tellEnded();
    if (finished) this.close();
  }

  #move({ backend, reason }: Moved): void {
    this.#backend = backend;
    this.#dispatch("backendchange", { backend, reason });
  }

  #fail(error: VapTurnError): void {
    this.#dispatch("error", error);
    for (const queue of this.#queues) queue.end(error);
    this.close();
  }

  #tellEnded(): void {
    for (const [channel, speaker] of SPEAKERS.entries()) {
      if (!this.#live[channel]?.every((track) => track.readyState === "ended")) continue;
      this.#live[channel] = undefined;
      this.#dispatch("inputended", { speaker });
    }
  }

  #contextChanged(): void {
    const state = stateOf(this.context);
    if (state === "closed" && this.context instanceof AudioContext) {
      this.#fail(new VapTurnError("context", "AudioContext: it was closed"));
    } else if (state !== "closed") {
      this.#setState(state);
    }
  }

  #setState(state: TurnSessionState): void {
    if (this.#state === state) return;
    this.#state = state;
    this.dispatchEvent(new Event("statechange"));
  }

  get #closed(): boolean {
    return this.#state === "closed";
  }

  /** Tells, unless a listener has closed the session meanwhile. */
  #dispatch(type: string, detail: unknown): void {
    if (this.#closed) return;
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

/** Any state that is neither running nor closed renders nothing: `suspended`, and `interrupted` on iOS. */
function stateOf({ state }: BaseAudioContext): TurnSessionState {
  return state === "running" || state === "closed" ? state : "suspended";
}
