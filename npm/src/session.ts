// The public class: sound of both channels in, frames and events out, on the calling thread.
import { VapTurnError, guarded } from "./errors.js";
import type { Output } from "./events.js";
import { unpacked } from "./frames.js";
import { TurnModel } from "./load.js";
import type { Figures, LoadOptions, ModelInfo, Policy, PolicyOptions } from "./options.js";
import { checkBytes, checkEncoding, checkSamples, floats, type Encoding, type Samples } from "./samples.js";
import { Session } from "./vap_wasm.js";

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
  /** What a channel is that comes as bytes (`Uint8Array`, `Buffer`); without it bytes are refused. */
  encoding?: Encoding;
}

/** Options of {@link TurnDetector.restore}: rates and policy are those of the conversation. */
export type RestoreOptions = LoadOptions & Pick<DetectorOptions, "encoding">;

/** What is known about a detector. */
export interface DetectorInfo {
  model: ModelInfo;
  /** Thresholds in use. */
  policy: Policy;
  /**
   * What is expected of them, when they were asked for by `maxFalseCutoff` or `meanLatencyMs`; not known any more once
   * restored.
   */
  expected?: Figures;
  userRate: number;
  agentRate: number;
  /** Longest time between the end of a hop going in and its frame coming out, in ms. */
  delayMs: number;
}

const RESTORE_OPTIONS = ["encoding", "model", "wasm"];
/** @internal */
export const DETECTOR_OPTIONS = ["rate", "userRate", "agentRate", "policy", ...RESTORE_OPTIONS];

/** Listens to one conversation. */
export class TurnDetector {
  /** What is known about this detector. */
  readonly info: DetectorInfo;
  #session: Session | undefined;
  #encoding: Encoding | undefined;
  #hops: number;

  private constructor(session: Session, model: ModelInfo, encoding: Encoding | undefined) {
    this.#session = session;
    this.#encoding = encoding;
    this.#hops = guarded(() => session.frames());
    this.info = guarded(() => {
      const [userRate = NaN, agentRate = NaN] = session.rates();
      const expected = session.expected();
      const known = { policy: session.policy(), userRate, agentRate, delayMs: session.delayMs() };
      return { model, ...known, ...(expected && { expected }) };
    });
  }

  /** Loads what is not loaded yet and gives a detector at the beginning of a conversation. */
  static async create(options: DetectorOptions): Promise<TurnDetector> {
    checkNames(options, DETECTOR_OPTIONS);
    const encoding = checkEncoding(options.encoding);
    const userRate = rateOf("userRate", options.userRate ?? options.rate);
    const agentRate = rateOf("agentRate", options.agentRate ?? options.rate);
    const policy = options.policy ? { policy: options.policy } : {};
    return withModel(options, (model) => {
      const session = guarded(() => new Session(model.raw, { userRate, agentRate, ...policy }));
      return new TurnDetector(session, model.info, encoding);
    });
  }

  /**
   * Goes on where a detector with the same model was saved, in this process or another: it gives what the other would
   * have given, to the bit. Throws `state` for bytes that are no saved conversation with this model.
   */
  static async restore(state: Uint8Array, options: RestoreOptions = {}): Promise<TurnDetector> {
    checkNames(options, RESTORE_OPTIONS);
    const encoding = checkEncoding(options.encoding);
    checkBytes("restore: state", state);
    return withModel(options, (model) => {
      return new TurnDetector(guarded(() => Session.restore(model.raw, state)), model.info, encoding);
    });
  }

  /**
   * Everything that later output depends on, as bytes: 0.84 MB with the weights that ship, whatever the length of
   * the conversation. They hold a second or so of its sound; what was told already is not in them.
   */
  save(): Uint8Array<ArrayBuffer> {
    const session = this.#open();
    return guarded(() => session.save());
  }

  /**
   * Takes the next sound, mono samples, any number of them. The channels may come unequal or in
   * separate calls: the one ahead waits, up to 5 s, then `channels-apart` is thrown. An empty array says that nothing
   * new is there yet; a channel that is undefined or left out is silent for as long as the other sounds.
   */
  push(user?: Samples, agent?: Samples): Output {
    if (user !== undefined) checkSamples("push: user", user, this.#encoding);
    if (agent !== undefined) checkSamples("push: agent", agent, this.#encoding);
    const heard = (given?: Samples): Float32Array | undefined => given && floats(given, this.#encoding);
    return this.#take((session) => session.push(heard(user), heard(agent)));
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

  #open(): Session {
    if (this.#session) return this.#session;
    throw new VapTurnError("closed", "detector: it was closed");
  }

  #take(call: (session: Session) => ReturnType<Session["finish"]>): Output {
    const session = this.#open();
    const raw = guarded(() => call(session));
    const frames = unpacked(raw.frames, this.#hops);
    this.#hops += frames.length;
    return { frames, events: raw.events };
  }
}

/** A rate as a caller gave it. @internal */
export function rateOf(name: string, rate: unknown): number {
  if (Number.isSafeInteger(rate)) return rate as number;
  throw new VapTurnError("option", `option ${name}: expected a whole number of Hz (or rate for both), found ${String(rate)}`);
}

/** Refuses unknown options. @internal */
export function checkNames(options: unknown, known: readonly string[]): void {
  if (typeof options !== "object" || options === null) {
    throw new VapTurnError("option", `options: expected an object, found ${options === null ? "null" : typeof options}`);
  }
  const unknown = Object.keys(options).find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw new VapTurnError("option", `option ${unknown}: unknown, expected one of ${known.join(", ")}`);
  }
}

/** Works with the model of the options; one that is loaded for this alone is closed behind it. */
async function withModel<T>(options: LoadOptions, work: (model: TurnModel) => T): Promise<T> {
  if (options.model instanceof TurnModel) return work(options.model);
  const model = await TurnModel.load(options as { model?: Exclude<typeof options.model, TurnModel> });
  try {
    return work(model);
  } finally {
    model.close();
  }
}
