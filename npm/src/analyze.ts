// Whole recordings: samples of both channels to frames and events, a second of sound at a time.
import { checkNames, checkObject, rateOf, wrong } from "./common/checks.js";
import { HOP_MS } from "./common/contract.js";
import { VapTurnError, asVapTurnError, messageOf } from "./common/errors.js";
import type { Output } from "./common/events.js";
import type { BinarySource } from "./common/options.js";
import { checkSamples } from "./common/samples.js";
import { TurnDetector, type DetectorInfo, type DetectorOptions } from "./detector.js";
import { BACKENDS, mayTry, type BackendName } from "./gpu/adapter.js";
import type { GpuHearing, gpuHearing } from "./gpu/recording.js";
import { TurnModel, defaultModel, readBytes } from "./wasm/load.js";

/** One channel of a recording. */
export interface Track {
  /** Mono samples, nominally in [-1, 1]. */
  samples: Float32Array;
  /** Sample rate in Hz. */
  rate: number;
}

/** A recorded conversation; the shorter channel is silent to the end of the longer. */
export interface Call {
  user: Track;
  agent: Track;
}

/** Options of {@link analyze}; the rates are those of the tracks. */
export interface AnalyzeOptions extends Omit<DetectorOptions, "rate" | "userRate" | "agentRate" | "encoding"> {
  /** Told after every second of sound, on the GPU after every ten, both times in ms; by default nobody is. */
  onProgress?: (doneMs: number, totalMs: number) => void;
  /**
   * What computes the model: the CPU by default; `"webgpu"`, where the thread has `navigator.gpu`; or `"auto"`: for long
   * recordings and where a GPU is at hand, the faster of both in a race. The GPU wants a model file, not a `TurnModel`.
   */
  backend?: BackendName | "auto";
  /** The GPU binary; by default `vap_gpu_bg.wasm`. It is loaded once a page: the first to ask decides. */
  gpuWasm?: BinarySource;
}

/** What one second of a recording gave. */
export interface Step extends Output {
  /** End of what was heard so far. */
  doneMs: number;
  totalMs: number;
  /** Time the computation of this step took. */
  computeMs: number;
  /** What computed it. */
  backend: BackendName;
  info: DetectorInfo;
}

/** What a whole recording gave. */
export interface Analysis extends Output {
  durationMs: number;
  /** Time the computation took. */
  computeMs: number;
  /** What computed the end of it: the CPU also where the GPU was lost on the way. */
  backend: BackendName;
  info: DetectorInfo;
}

const OPTIONS = ["policy", "expect", "model", "wasm", "assetBase", "backend", "gpuWasm"];
const STEP_MS = 1000;
/** Few and large steps are what a GPU is good at. */
const GPU_STEP_MS = 10_240;
/** Longest time on the calling thread before others get a turn. */
const BREATH_MS = 30;

/** Length of a track in ms. */
export function lengthMs({ samples, rate }: Track): number {
  return (samples.length / rate) * 1000;
}

/** Analyses a recording. Needs memory for every frame; {@link steps} does not. */
export async function analyze(call: Call, options: AnalyzeOptions = {}): Promise<Analysis> {
  checkNames(options, [...OPTIONS, "onProgress"]);
  const { onProgress, ...rest } = options;
  if (onProgress !== undefined && typeof onProgress !== "function") throw wrong("onProgress", "a function", onProgress);
  const parts: Step[] = [];
  for await (const step of steps(call, rest)) {
    parts.push(step);
    onProgress?.(step.doneMs, step.totalMs);
  }
  return joined(parts);
}

/** The steps of one recording, from first to last, as one analysis. */
export function joined(parts: readonly Step[]): Analysis {
  const last = parts.at(-1);
  if (!last) throw new RangeError("no steps to join");
  return {
    frames: parts.flatMap((step) => step.frames),
    events: parts.flatMap((step) => step.events),
    durationMs: last.totalMs,
    computeMs: parts.reduce((sum, step) => sum + step.computeMs, 0),
    backend: last.backend,
    info: last.info,
  };
}

/** Analyses a recording piece by piece, at least one; leaves the thread to others in between. */
export async function* steps(call: Call, options: Omit<AnalyzeOptions, "onProgress"> = {}): AsyncGenerator<Step> {
  checkNames(options, OPTIONS);
  checkObject("call", call);
  const { user, agent } = call;
  checkTrack("user", user);
  checkTrack("agent", agent);
  const totalMs = Math.max(lengthMs(user), lengthMs(agent));
  const { detector, gpu } = await opened(call, totalMs, options);
  try {
    let breath = performance.now();
    let last = false;
    const stepMs = gpu ? GPU_STEP_MS : STEP_MS;
    for (let fromMs = 0; !last; fromMs += stepMs) {
      last = fromMs + stepMs >= totalMs;
      const doneMs = Math.min(fromMs + stepMs, totalMs);
      const sound = [cut(user, fromMs, doneMs), cut(agent, fromMs, doneMs)] as const;
      const start = performance.now();
      const output: Output = { frames: [], events: [] };
      if (gpu) {
        for (const raw of await gpu.hear(...sound, last).catch(rethrown)) append(output, detector.unpack(raw));
      } else {
        append(output, detector.push(...sound));
        if (last) append(output, detector.finish());
      }
      const now = performance.now();
      yield { ...output, doneMs, totalMs, computeMs: now - start, backend: gpu?.backend ?? "cpu", info: detector.info };
      if (now - breath > BREATH_MS) {
        await new Promise((resume) => setTimeout(resume));
        breath = performance.now();
      }
    }
  } finally {
    detector.close();
    gpu?.close();
  }
}

interface Opened {
  detector: TurnDetector;
  gpu: GpuHearing | undefined;
}

async function opened({ user, agent }: Call, totalMs: number, options: Omit<AnalyzeOptions, "onProgress">): Promise<Opened> {
  const { backend = "cpu", gpuWasm, ...others } = options;
  const rest = { ...others, userRate: user.rate, agentRate: agent.rate };
  if (backend !== "auto" && !BACKENDS.some((known) => known === backend)) {
    throw wrong("backend", `"auto" or one of ${BACKENDS.join(", ")}`, backend);
  }
  if (backend === "webgpu" && rest.model instanceof TurnModel) {
    throw new VapTurnError("option", "option model: expected a model file for the GPU, found a TurnModel");
  }
  if (backend === "cpu" || rest.model instanceof TurnModel || !(await mayTry(backend))) {
    return { detector: await TurnDetector.create(rest), gpu: undefined };
  }
  const model = await readBytes(rest.model ?? defaultModel(rest.assetBase), "model file");
  const detector = await TurnDetector.create({ ...rest, model });
  try {
    const hearing = await gpuCode(backend);
    const plan = { wasm: gpuWasm, assetBase: rest.assetBase, model, backend, hops: totalMs / HOP_MS };
    return { detector, gpu: await hearing?.(detector.raw, plan) };
  } catch (error) {
    detector.close();
    return rethrown(error);
  }
}

/** What hears on the GPU, fetched only now; undefined where it cannot be and need not. */
async function gpuCode(backend: "auto" | "webgpu"): Promise<typeof gpuHearing | undefined> {
  try {
    return (await import("./gpu/recording.js")).gpuHearing;
  } catch (error) {
    if (backend === "auto") return undefined;
    throw new VapTurnError("load", `GPU code: ${messageOf(error)}`, error);
  }
}

function checkTrack(name: string, track: unknown): asserts track is Track {
  checkObject(name, track);
  const { samples, rate } = track as Partial<Track>;
  if (!(samples instanceof Float32Array)) throw wrong(`${name}.samples`, "a Float32Array", samples);
  checkSamples(`${name}.samples`, samples, undefined);
  rateOf(`${name}.rate`, rate);
}

function rethrown(error: unknown): never {
  throw asVapTurnError(error);
}

function append(output: Output, more: Output): void {
  output.frames.push(...more.frames);
  output.events.push(...more.events);
}

/** Samples of `[fromMs, toMs)`, with silence where the track is over. */
function cut({ samples, rate }: Track, fromMs: number, toMs: number): Float32Array {
  const [from, to] = [Math.round((fromMs * rate) / 1000), Math.round((toMs * rate) / 1000)];
  if (to <= samples.length) return samples.subarray(from, to);
  const padded = new Float32Array(to - from);
  padded.set(samples.subarray(from));
  return padded;
}
