// One conversation whose model is computed on the GPU; from the moment on that the GPU is lost, on the CPU.
import { VapTurnError, asVapTurnError } from "./errors.js";
import type { BackendName } from "./gpu-adapter.js";
import type { GpuStream } from "./gpu.js";
import type { Steer, Steered } from "./messages.js";
import { steered } from "./policy-in-force.js";
import type { RawOutput, Relay, Session } from "./vap_wasm.js";

export class GpuConversation {
  /** Told when the CPU has taken over. */
  onlost: ((reason: VapTurnError) => void) | undefined;
  #relay: Relay | undefined;
  /** In place of the relay. */
  #session: Session | undefined;
  readonly #gpu: GpuStream;
  /** Hops of one step at most. */
  readonly #most: number;

  /** Takes over the relay and the stream. */
  constructor(relay: Relay, gpu: GpuStream, most: number) {
    this.#relay = relay;
    this.#gpu = gpu;
    this.#most = most;
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

  /** Works hops that wait and gives what they tell. */
  async step(): Promise<RawOutput> {
    if (!this.#relay) return this.#work(this.#open());
    const relay = this.#relay;
    // Shapes are few, since each may need shaders of its own.
    const hops = 2 ** Math.floor(Math.log2(Math.min(this.#most, relay.waiting())));
    const mels = relay.lend(hops);
    let logits;
    try {
      logits = await this.#gpu.step(mels);
    } catch (error) {
      if (this.#relay !== relay) throw closed();
      return this.#comeHome(relay, asVapTurnError(error));
    }
    if (this.#relay !== relay) throw closed();
    return relay.tell(logits);
  }

  /** Changes policy or expectation from the hop on that ends after `fromMs`. */
  steer(message: Steer, fromMs: number): Steered {
    return steered(this.#relay ?? this.#open(), message, fromMs);
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

  #comeHome(relay: Relay, reason: VapTurnError): RawOutput {
    this.#relay = undefined;
    this.#session = relay.comeHome();
    this.onlost?.(reason);
    return this.#work(this.#session);
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
