// Whole recordings on WebGPU. Loaded only where it may be used.
import { HOP_MELS } from "../common/contract.js";
import type { BinarySource } from "../common/options.js";
import { readBytes, type LoadOptions } from "../wasm/load.js";
import type { SessionOutput, Session } from "../wasm/vap_wasm.js";
import type { BackendName } from "./adapter.js";
import { GpuConversation } from "./conversation.js";
import { defaultGpuWasm } from "./file.js";
import { within } from "./pace.js";
import { GpuStream } from "./stream.js";

/** Hops that go to the GPU at once. */
const GPU_HOPS = 512;
/** Hops of silence on which the CPU is timed, after as many for its compiler. */
const CPU_HOPS = 150;
/** How long a step may take, the first with its shaders included. */
const PATIENCE_MS = 60_000;
/** How long a race may take, the loading of the GPU included. */
const RACE_MS = 10_000;
/** Time on the CPU below which there is none. */
const WORTH_MS = 5000;

/** What is needed to hear on the GPU. */
export interface GpuPlan {
  wasm: BinarySource | undefined;
  /** Where it lies otherwise. */
  assetBase: LoadOptions["assetBase"];
  model: Uint8Array;
  backend: "auto" | "webgpu";
  /** Length of the recording. */
  hops: number;
}

/** Hears a recording on the GPU, from where `session` begins; undefined where the CPU is faster. */
export async function gpuHearing(session: Session, plan: GpuPlan): Promise<GpuHearing | undefined> {
  const { backend, hops } = plan;
  if (backend === "webgpu") return new GpuHearing(session, await opened(plan));
  const cpuMs = cpuHopMs(session);
  // Not worth a race: the CPU is done before.
  if (cpuMs * hops < WORTH_MS) return undefined;
  const opening = opened(plan).then(async (stream) => ({ stream, hopMs: await gpuHopMs(stream) }));
  const gpu = await within(RACE_MS, opening).catch(() => undefined);
  if (gpu && gpu.hopMs < cpuMs) return new GpuHearing(session, gpu.stream);
  opening.then(({ stream }) => { stream.free(); }, () => undefined);
  return undefined;
}

/** A recording on its way over the GPU. */
export class GpuHearing {
  readonly #conversation: GpuConversation;

  constructor(session: Session, stream: GpuStream) {
    this.#conversation = new GpuConversation(session.remote(), stream, [GPU_HOPS, 32, 4, 1], PATIENCE_MS);
  }

  /** What computes the model: no longer the GPU when it was lost. */
  get backend(): BackendName {
    return this.#conversation.backend;
  }

  /** Takes the next sound, and ends the conversation if it is the last. */
  async hear(user: Float32Array, agent: Float32Array, last: boolean): Promise<SessionOutput[]> {
    this.#conversation.hear(user, agent);
    if (last) this.#conversation.endSound();
    const told: SessionOutput[] = [];
    while (this.#conversation.waiting > 0) told.push(await this.#conversation.step());
    if (last) told.push(this.#conversation.finish());
    return told;
  }

  close(): void {
    this.#conversation.free();
  }
}

async function opened({ wasm, assetBase, model }: GpuPlan): Promise<GpuStream> {
  return GpuStream.open(await readBytes(wasm ?? defaultGpuWasm(assetBase), "GPU binary"), model);
}

function cpuHopMs(session: Session): number {
  const [user, agent] = Array.from(session.rates(), (rate) => new Float32Array(Math.ceil((rate * CPU_HOPS) / 50)));
  session.push(user, agent);
  const start = performance.now();
  session.push(user, agent);
  const hopMs = (performance.now() - start) / CPU_HOPS;
  session.reset();
  return hopMs;
}

/** Without the features, which are the CPU's share either way. */
async function gpuHopMs(stream: GpuStream): Promise<number> {
  const mels = new Float32Array(2 * GPU_HOPS * HOP_MELS);
  await stream.step(mels);
  const start = performance.now();
  await stream.step(mels);
  const hopMs = (performance.now() - start) / GPU_HOPS;
  stream.reset();
  return hopMs;
}
