// One conversation whose model is computed on the GPU; from the moment on that the GPU is lost, on the CPU.
import { VapTurnError, asVapTurnError } from "../common/errors.js";
import { HOP_MS } from "../common/frames.js";
import { steered, type PolicyAnswer, type PolicyRequest } from "../wasm/policy-in-force.js";
import type { RawOutput, Relay, Session } from "../wasm/vap_wasm.js";
import type { BackendName } from "./adapter.js";
import { within } from "./pace.js";
import type { GpuStream } from "./stream.js";

export class GpuConversation {
  /** Told when the CPU has taken over. */
  onlost: ((reason: VapTurnError) => void) | undefined;
  #relay: Relay | undefined;
  /** In place of the relay. */
  #session: Session | undefined;
  /** Ends the wait for a step when the session has taken over. */
  #leave: (() => void) | undefined;
  readonly #gpu: GpuStream;
  /** Hops that a step may take, the most first; few, since each number may need shaders of its own. */
  readonly #sizes: readonly number[];

  readonly #patienceMs: number;

  /** Takes over the relay and the stream; a step that takes longer than `patienceMs` counts as a lost GPU. */
  constructor(relay: Relay, gpu: GpuStream, sizes: readonly number[], patienceMs: number) {
    this.#relay = relay;
    this.#gpu = gpu;
    this.#sizes = sizes;
    this.#patienceMs = patienceMs;
  }

  get backend(): BackendName {
    return this.#relay ? "webgpu" : "cpu";
  }

  /** Hops that wait for {@link step}. */
  get waiting(): number {
    return (this.#relay ?? this.#open()).waiting();
  }

  /** Takes sound of both channels. */
  hear(user: Float32Array | undefined, agent: Float32Array | undefined): void {
    (this.#relay ?? this.#open()).hear(user, agent);
  }

  /** Where the GPU does not keep up: the CPU takes over. */
  giveUp(): void {
    if (this.#relay) this.#comeHome(this.#relay, new VapTurnError("backend", "GPU: it is too slow"));
  }

  /** Works hops that wait and gives what they tell. */
  async step(): Promise<RawOutput> {
    const relay = this.#relay;
    if (!relay) return this.#work(this.#open());
    const waiting = relay.waiting();
    const mels = relay.lend(this.#sizes.find((hops) => hops <= waiting) ?? 1);
    const left = new Promise<undefined>((resolve) => {
      this.#leave = () => {
        resolve(undefined);
      };
    });
    try {
      const logits = await Promise.race([left, within(this.#patienceMs, this.#gpu.step(mels))]);
      if (logits && this.#relay === relay) return relay.tell(logits);
    } catch (error) {
      if (this.#relay === relay) this.#comeHome(relay, asVapTurnError(error));
    }
    // What was out has come home with the rest.
    return this.#work(this.#open());
  }

  /** Changes policy or expectation from the next hop on that is decided; a relay has told every hop that is, up to `toldMs`. */
  steer(request: PolicyRequest, toldMs: number): PolicyAnswer {
    if (this.#relay) return steered(this.#relay, request, toldMs);
    const session = this.#open();
    return steered(session, request, HOP_MS * session.frames());
  }

  /** Ends the sound; the last hops may then wait. */
  endSound(): void {
    this.#relay?.endSound();
  }

  /** Ends the conversation, after the last hop. */
  finish(): RawOutput {
    return (this.#relay ?? this.#open()).finish();
  }

  free(): void {
    const relay = this.#relay;
    this.#relay = undefined;
    relay?.free();
    this.#session?.free();
    this.#session = undefined;
    this.#gpu.free();
  }

  #comeHome(relay: Relay, reason: VapTurnError): Session {
    this.#relay = undefined;
    this.#session = relay.comeHome();
    this.#leave?.();
    this.onlost?.(reason);
    return this.#session;
  }

  #work(session: Session): RawOutput {
    while (session.work());
    return session.output();
  }

  #open(): Session {
    if (this.#session) return this.#session;
    throw closed();
  }
}

function closed(): VapTurnError {
  return new VapTurnError("closed", "conversation: it was closed");
}
