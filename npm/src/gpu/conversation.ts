// One conversation whose model is computed on the GPU; from the moment on that the GPU is lost, on the CPU.
import { HOP_MS } from "../common/contract.js";
import type { PolicyAnswer, PolicyRequest } from "../common/conversation.js";
import { VapTurnError, asVapTurnError } from "../common/errors.js";
import { steered } from "../wasm/policy-in-force.js";
import type { SessionOutput, RemoteSession, Session } from "../wasm/vap_wasm.js";
import type { BackendName } from "./adapter.js";
import { within } from "./pace.js";
import type { GpuStream } from "./stream.js";

export class GpuConversation {
  /** Told when the CPU has taken over. */
  onlost: ((reason: VapTurnError) => void) | undefined;
  #remote: RemoteSession | undefined;
  /** In place of the remote. */
  #session: Session | undefined;
  /** Ends the wait for a step when the session has taken over. */
  #leave: (() => void) | undefined;
  readonly #gpu: GpuStream;
  /** Hops that a step may take, the most first; few, since each number may need shaders of its own. */
  readonly #sizes: readonly number[];

  readonly #patienceMs: number;

  /** Takes over the remote and the stream; a step that takes longer than `patienceMs` counts as a lost GPU. */
  constructor(remote: RemoteSession, gpu: GpuStream, sizes: readonly number[], patienceMs: number) {
    this.#remote = remote;
    this.#gpu = gpu;
    this.#sizes = sizes;
    this.#patienceMs = patienceMs;
  }

  get backend(): BackendName {
    return this.#remote ? "webgpu" : "cpu";
  }

  /** Hops that wait for {@link step}. */
  get waiting(): number {
    return (this.#remote ?? this.#open()).waiting();
  }

  /** Takes sound of both channels. */
  hear(user: Float32Array | undefined, agent: Float32Array | undefined): void {
    (this.#remote ?? this.#open()).hear(user, agent);
  }

  /** Where the GPU does not keep up: the CPU takes over. */
  giveUp(): void {
    if (this.#remote) this.#fallBack(this.#remote, new VapTurnError("backend", "GPU: it is too slow"));
  }

  /** Works hops that wait and gives what they tell. */
  async step(): Promise<SessionOutput> {
    const remote = this.#remote;
    if (!remote) return this.#work(this.#open());
    const waiting = remote.waiting();
    const mels = remote.nextMels(this.#sizes.find((hops) => hops <= waiting) ?? 1);
    const left = new Promise<undefined>((resolve) => {
      this.#leave = () => {
        resolve(undefined);
      };
    });
    try {
      const logits = await Promise.race([left, within(this.#patienceMs, this.#gpu.step(mels))]);
      if (logits && this.#remote === remote) return remote.pushLogits(logits);
    } catch (error) {
      if (this.#remote === remote) this.#fallBack(remote, asVapTurnError(error));
    }
    // What was out is told with the rest.
    return this.#work(this.#open());
  }

  /** Changes policy or expectation from the next hop on that is decided; a remote has told every hop that is, up to `toldMs`. */
  steer(request: PolicyRequest, toldMs: number): PolicyAnswer {
    if (this.#remote) return steered(this.#remote, request, toldMs);
    const session = this.#open();
    return steered(session, request, HOP_MS * session.frames());
  }

  /** Ends the sound; the last hops may then wait. */
  endSound(): void {
    this.#remote?.endSound();
  }

  /** Ends the conversation, after the last hop. */
  finish(): SessionOutput {
    return (this.#remote ?? this.#open()).finish();
  }

  free(): void {
    const remote = this.#remote;
    this.#remote = undefined;
    remote?.free();
    this.#session?.free();
    this.#session = undefined;
    this.#gpu.free();
  }

  #fallBack(remote: RemoteSession, reason: VapTurnError): Session {
    this.#remote = undefined;
    this.#session = remote.intoSession();
    this.#leave?.();
    this.onlost?.(reason);
    return this.#session;
  }

  #work(session: Session): SessionOutput {
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
