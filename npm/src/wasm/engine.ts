// The wasm session as the runners use it: made from bytes, fed through its own memory, asked slice by slice.
import { HOP_MS, INPUT_SAMPLES } from "../common/contract.js";
import type { EngineParts, PolicyAnswer, PolicyRequest, SessionStart } from "../common/conversation.js";
import { VapTurnError, messageOf } from "../common/errors.js";
import { inForce, steered } from "./policy-in-force.js";
import { Model, Session, initSync, type SessionOutput, type RemoteSession } from "./vap_wasm.js";

/** One conversation on the thread that made it. */
export class Engine {
  readonly start: SessionStart;
  /** Longest time between the end of a hop going in and its work beginning, in ms. */
  readonly heldBackMs: number;
  readonly #memory: WebAssembly.Memory;
  readonly #session: Session;
  #inputs: [Float32Array, Float32Array];

  /** Compiles, loads and makes, at once. */
  constructor({ wasm, model, rates: [userRate, agentRate], policy, expect }: EngineParts) {
    this.#memory = compiled(wasm);
    const weights = Model.load(model);
    try {
      this.#session = new Session(weights, { userRate, agentRate, ...(policy && { policy }), ...(expect && { expect }) });
      this.start = { model: weights.info(), inForce: inForce(this.#session) };
    } finally {
      weights.free();
    }
    this.heldBackMs = this.#session.delayMs();
    this.#inputs = this.#views();
  }

  /** Where the next sound of a channel is written, `INPUT_SAMPLES` samples of it. */
  input(channel: 0 | 1): Float32Array {
    // A view dies when the memory grows.
    if (this.#inputs[channel].length === 0) this.#inputs = this.#views();
    return this.#inputs[channel];
  }

  /** Takes that many samples of each input. */
  hear(user: number, agent: number): void {
    this.#session.hearInput(user, agent);
  }

  /** Does one slice of the work that waits; true while there is more. */
  work(): boolean {
    return this.#session.work();
  }

  /** Takes sound of any length and does its work. */
  push(user: Float32Array, agent: Float32Array): SessionOutput {
    return this.#session.push(user, agent);
  }

  /** What was told since last asked. */
  output(): SessionOutput {
    return this.#session.output();
  }

  /** Changes policy or expectation from the next hop on that is decided; what is refused leaves the old one. */
  steer(request: PolicyRequest): PolicyAnswer {
    return steered(this.#session, request, HOP_MS * this.#session.frames());
  }

  finish(): SessionOutput {
    return this.#session.finish();
  }

  reset(): void {
    this.#session.reset();
    this.#inputs = this.#views();
  }

  /** The same conversation from its beginning, for a model that is computed elsewhere. */
  remote(): RemoteSession {
    return this.#session.remote();
  }

  free(): void {
    this.#session.free();
  }

  #views(): [Float32Array, Float32Array] {
    const view = (channel: 0 | 1): Float32Array => new Float32Array(this.#memory.buffer, this.#session.input(channel), INPUT_SAMPLES);
    return [view(0), view(1)];
  }
}

function compiled(wasm: Uint8Array<ArrayBuffer>): WebAssembly.Memory {
  try {
    return initSync({ module: wasm }).memory;
  } catch (error) {
    throw new VapTurnError("load", `wasm binary: ${messageOf(error)}`, error);
  }
}
