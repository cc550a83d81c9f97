// Whether there is a GPU, asked before anything is fetched for it.
import { VapTurnError } from "../common/errors.js";

/** Where the model can be computed. */
export const BACKENDS = ["cpu", "webgpu"] as const;

/** One of them. */
export type BackendName = (typeof BACKENDS)[number];

/** What a race of both measured: time of a hop, in ms. */
export interface Race {
  cpuMs: number;
  /** Undefined when the GPU gave no answer in time, or none at all. */
  webgpuMs: number | undefined;
}

/** The adapter that the browser prefers, or undefined. */
export async function adapterOf(navigator: Navigator | undefined): Promise<GPUAdapter | undefined> {
  const gpu = (navigator as { gpu?: GPU } | undefined)?.gpu;
  try {
    return (await gpu?.requestAdapter({ powerPreference: "high-performance" })) ?? undefined;
  } catch {
    return undefined;
  }
}

/** Whether the GPU may be tried: always where it is asked for, which throws without one; by `"auto"` not in software. */
export async function mayTry(wanted: BackendName | "auto"): Promise<boolean> {
  if (wanted === "cpu") return false;
  const adapter = await adapterOf(globalThis.navigator);
  if (wanted === "auto") return adapter !== undefined && !inSoftware(adapter);
  if (adapter) return true;
  throw new VapTurnError("gpu", "WebGPU: expected a browser and a GPU that offer it, found no adapter");
}

function inSoftware(adapter: GPUAdapter): boolean {
  const older = adapter as { isFallbackAdapter?: boolean };
  return (adapter.info as Partial<GPUAdapterInfo> | undefined)?.isFallbackAdapter ?? older.isFallbackAdapter ?? false;
}
