// The public class: sound of both channels in, frames and events out, on the calling thread.
import { VapTurnError, guarded } from "./errors.js";
import type { Output } from "./events.js";
import { unpacked } from "./frames.js";
import { TurnModel } from "./load.js";
import type { Figures, LoadOptions, ModelInfo, Policy, PolicyOptions } from "./options.js";
import { Session, type RawOutput } from "./vap_wasm.js";

/** Options of {@link TurnDetector.create}: `rate` of both channels, or the rate of each. */
export interface DetectorOptions extends LoadOptions {
  /** Sample rate of both channels, in Hz. */
  rate?: number;
  /** Sample rate of the user's channel, in Hz; instead of `rate`. */
  userRate?: number;
  /** Sample rate of the agent's channel, in Hz; instead of `rate`. */
  agentRate?: number;
  /** Thresholds that differ from the model's, or what is asked: `{ maxFalseCutoff: 0.05 }`, `{ meanLatencyMs: 400 }`. */
  policy?: PolicyOptions;
}

/** What is known about a detector. */
export interface DetectorInfo {
  model: ModelInfo;
  /** Thresholds in use. */
  policy: Policy;
  /** What is expected of them, when they were asked for by `maxFalseCutoff` or `meanLatencyMs`. */
  expected?: Figures;
  userRate: number;
  agentRate: number;
  /** Longest time between the end of a hop going in and its frame coming out, in ms. */
  delayMs: number;
}

const OPTIONS = ["rate", "userRate", "agentRate", "policy", "model", "wasm"];

/** Listens to one conversation. */
export class TurnDetector {
  /** What is known about this detector. */
  readonly info: DetectorInfo;
  #session: Session | undefined;
  #hops = 0;

  private constructor(session: Session, info: DetectorInfo) {
    this.#session = session;
    this.info = info;
  }

  /** Loads what is not loaded yet and gives a detector at the beginning of a conversation. */
  static async create(options: DetectorOptions): Promise<TurnDetector> {
    const unknown = Object.keys(options).find((name) => !OPTIONS.includes(name));
    if (unknown !== undefined) {
      throw new VapTurnError("option", `option ${unknown}: unknown, expected one of ${OPTIONS.join(", ")}`);
    }
    const userRate = rateOf("userRate", options.userRate ?? options.rate);
    const agentRate = rateOf("agentRate", options.agentRate ?? options.rate);
    const shared = options.model instanceof TurnModel ? options.model : undefined;
    const model = shared ?? (await TurnModel.load(options as { model?: Exclude<typeof options.model, TurnModel> }));
    try {
      const policy = options.policy ? { policy: options.policy } : {};
      const session = guarded(() => new Session(model.raw, { userRate, agentRate, ...policy }));
      const known = guarded(() => ({ policy: session.policy(), delayMs: session.delayMs() }));
      const expected = guarded(() => session.expected());
      return new TurnDetector(session, { model: model.info, userRate, agentRate, ...known, ...(expected && { expected }) });
    } finally {
      if (!shared) model.close();
    }
  }

  /**
   * Takes the next sound, mono samples nominally in [-1, 1], any number of them. The channels may come unequal or in
   * separate calls: the one ahead waits, up to 5 s, then `channels-apart` is thrown. An empty array says that nothing
   * new is there yet; a channel that is undefined or left out is silent for as long as the other sounds.
   */
  push(user?: Float32Array, agent?: Float32Array): Output {
    samples("user", user);
    samples("agent", agent);
    return this.#take((session) => session.push(user, agent));
  }

  /** Ends the conversation and gives what was still pending. A second call gives nothing. */
  finish(): Output {
    return this.#take((session) => session.finish());
  }

  /** Back to the beginning of a conversation, as if new. */
  reset(): void {
    const session = this.#open();
    guarded(() => {
      session.reset();
    });
    this.#hops = 0;
  }

  /** Frees the memory. May be called again; every other method then throws `closed`. */
  close(): void {
    this.#session?.free();
    this.#session = undefined;
  }

  /** The wasm side. @internal */
  get raw(): Session {
    return this.#open();
  }

  /** What the wasm side told, as the next output of this detector. @internal */
  unpack({ frames: packed, events }: RawOutput): Output {
    const frames = unpacked(packed, this.#hops);
    this.#hops += frames.length;
    return { frames, events };
  }

  #open(): Session {
    if (this.#session) return this.#session;
    throw new VapTurnError("closed", "detector: it was closed");
  }

  #take(call: (session: Session) => RawOutput): Output {
    const session = this.#open();
    return this.unpack(guarded(() => call(session)));
  }
}

function rateOf(name: string, rate: unknown): number {
  if (Number.isSafeInteger(rate)) return rate as number;
  throw new VapTurnError("option", `option ${name}: expected a whole number of Hz (or rate for both), found ${String(rate)}`);
}

function samples(name: string, given: unknown): void {
  if (given === undefined || given instanceof Float32Array) return;
  throw new VapTurnError("option", `push: expected a Float32Array or undefined for the ${name}, found ${typeof given}`);
}
