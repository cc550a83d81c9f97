// The public class: sound of both channels in, frames and events out, on the calling thread.
import { checkNames, rateOf } from "./common/checks.js";
import { HOP_MS } from "./common/contract.js";
import { VapTurnError, guarded } from "./common/errors.js";
import type { Output } from "./common/events.js";
import { unpacked } from "./common/frames.js";
import type { ConversationOptions, Expectation, ModelInfo, PolicyChange, PolicyInForce, PolicyOptions } from "./common/options.js";
import { checkedExpectation, checkedPolicy } from "./common/policy-options.js";
import { checkBytes, checkEncoding, checkSamples, type Encoding, type Samples } from "./common/samples.js";
import { floats } from "./wasm/decode.js";
import { TurnModel, type LoadOptions } from "./wasm/load.js";
import { inForce } from "./wasm/policy-in-force.js";
import { Session, type SessionOutput } from "./wasm/vap_wasm.js";

/** Options of {@link TurnDetector.create}: `rate` of both channels, or the rate of each. */
export interface DetectorOptions extends LoadOptions, ConversationOptions {}

/** Options of {@link TurnDetector.restore}: rates, policy and expectation are those of the conversation. */
export type RestoreOptions = LoadOptions & Pick<DetectorOptions, "encoding">;

/** What is known about a detector, thresholds in force included; once restored, not what was `expected` of them. */
export interface DetectorInfo extends PolicyInForce {
  model: ModelInfo;
  userRate: number;
  agentRate: number;
  /** Longest time between the end of a hop going in and its frame coming out, in ms. */
  delayMs: number;
}

const RESTORE_OPTIONS = ["encoding", "model", "wasm", "assetBase"];
/** @internal */
export const DETECTOR_OPTIONS = ["rate", "userRate", "agentRate", "policy", "expect", ...RESTORE_OPTIONS];

/** Listens to one conversation. */
export class TurnDetector {
  #info: DetectorInfo;
  #session: Session | undefined;
  #encoding: Encoding | undefined;
  #hops: number;

  private constructor(session: Session, model: ModelInfo, encoding: Encoding | undefined) {
    this.#session = session;
    this.#encoding = encoding;
    this.#hops = guarded(() => session.frames());
    this.#info = guarded(() => {
      const [userRate = NaN, agentRate = NaN] = session.rates();
      return { model, userRate, agentRate, delayMs: session.delayMs(), ...inForce(session) };
    });
  }

  /** What is known about this detector now. */
  get info(): DetectorInfo {
    return this.#info;
  }

  /** Loads what is not loaded yet and gives a detector at the beginning of a conversation. */
  static async create(options: DetectorOptions): Promise<TurnDetector> {
    checkNames(options, DETECTOR_OPTIONS);
    const encoding = checkEncoding(options.encoding);
    const userRate = rateOf("userRate", options.userRate ?? options.rate);
    const agentRate = rateOf("agentRate", options.agentRate ?? options.rate);
    const policy = options.policy !== undefined && { policy: checkedPolicy(options.policy) };
    const expect = options.expect !== undefined && { expect: checkedExpectation(options.expect) };
    return withModel(options, (model) => {
      const session = guarded(() => new Session(model.raw, { userRate, agentRate, ...policy, ...expect }));
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
  save(): Uint8Array {
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

  /**
   * Other thresholds, or another ask, from the next hop on, given as at the beginning: over those of the model, so that
   * `{}` goes back to them. The conversation goes on and the expectation stays. A wrong policy throws `option` and leaves
   * the old one in force.
   */
  setPolicy(policy: PolicyOptions): PolicyChange {
    const session = this.#open();
    return this.#steered(() => {
      session.setPolicy(checkedPolicy(policy));
    });
  }

  /**
   * Tells what the user will probably say, from the next hop on: patient for `"digits"` and `"spelling"`, quick for
   * `"yesno"`, and `"open"` takes it back exactly. The policy and the agent's turns stay as they are.
   */
  expect(expectation: Expectation): PolicyChange {
    const session = this.#open();
    return this.#steered(() => {
      session.expect(checkedExpectation(expectation));
    });
  }

  /**
   * Back to the beginning of a conversation, as if new; policy and expectation stay. What is pending is forgotten, an
   * eager end too: {@link finish} would decide it.
   */
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
  unpack(raw: SessionOutput): Output {
    const frames = unpacked(raw, this.#hops);
    this.#hops += frames.length;
    return { frames, events: raw.events };
  }

  #open(): Session {
    if (this.#session) return this.#session;
    throw new VapTurnError("closed", "detector: it was closed");
  }

  #steered(steer: () => void): PolicyChange {
    const session = this.#open();
    const now = guarded(() => {
      steer();
      return inForce(session);
    });
    const { model, userRate, agentRate, delayMs } = this.#info;
    this.#info = { model, userRate, agentRate, delayMs, ...now };
    return { ...now, fromMs: HOP_MS * this.#hops };
  }

  #take(call: (session: Session) => SessionOutput): Output {
    const session = this.#open();
    return this.unpack(guarded(() => call(session)));
  }
}

/** Works with the model of the options; one that is loaded for this alone is closed behind it. */
async function withModel<T>(options: LoadOptions, work: (model: TurnModel) => T): Promise<T> {
  if (options.model instanceof TurnModel) return work(options.model);
  const { model: source, wasm, assetBase } = options;
  const model = await TurnModel.load({
    ...(source !== undefined && { model: source }), ...(wasm !== undefined && { wasm }), ...(assetBase !== undefined && { assetBase }),
  });
  try {
    return work(model);
  } finally {
    model.close();
  }
}
