// Chooses a runner by measurement.
import { VapTurnError } from "../common/errors.js";
import { openWorker, startWorker, type ReadyWorker } from "./runner-worker.js";
import { openWorklet } from "./runner-worklet.js";
import type { Runner, RunIn, Plan } from "./runner.js";

/** Largest share of a block that a slice may take inside the audio thread. */
const SHARE = 0.1;
/** Frames of a block where the browser does not say: what the standard fixes. */
const STANDARD_BLOCK = 128;

/** Opens the runner that was asked for, or the one that suits the machine. */
export async function openRunner(plan: Plan, wanted: RunIn | "auto"): Promise<Runner> {
  // Nothing waits for a Worker while a context renders as fast as it can.
  if (wanted === "worklet" || (wanted === "auto" && !(plan.context instanceof AudioContext))) return openWorklet(plan);
  const worker = await raced(plan).catch((error: unknown) => {
    if (wanted === "auto" && error instanceof VapTurnError && error.code === "load") return undefined;
    throw error;
  });
  if (!worker) return openWorklet(plan);
  if (wanted === "worker" || worker.ready.backend === "webgpu" || !fits(worker, plan.context)) return openWorker(plan, worker);
  worker.worker.terminate();
  return { ...(await openWorklet(plan)), race: worker.ready.race };
}

/** Starts the Worker, without the GPU where that was to be raced and its script cannot be loaded. */
async function raced(plan: Plan): Promise<ReadyWorker> {
  const { gpu, ...begin } = plan.begin;
  try {
    return await startWorker(plan);
  } catch (error) {
    if (gpu?.backend === "auto" && error instanceof VapTurnError && error.code === "load") return startWorker({ ...plan, begin });
    throw error;
  }
}

function fits({ ready: { pace } }: ReadyWorker, context: BaseAudioContext): boolean {
  const block = (context as { renderQuantumSize?: number }).renderQuantumSize ?? STANDARD_BLOCK;
  const blockMs = (1000 * block) / context.sampleRate;
  return pace !== undefined && pace.sliceMs < SHARE * blockMs;
}
