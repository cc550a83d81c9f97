// Whole recordings: samples of both channels to frames and events, a second of sound at a time.
import type { Output } from "./events.js";
import { TurnDetector, type DetectorInfo, type DetectorOptions } from "./session.js";

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
export interface AnalyzeOptions extends Omit<DetectorOptions, "rate" | "userRate" | "agentRate"> {
  /** Told after every second of sound, both times in ms; by default nobody is. */
  onProgress?: (doneMs: number, totalMs: number) => void;
}

/** What one second of a recording gave. */
export interface Step extends Output {
  /** End of what was heard so far. */
  doneMs: number;
  totalMs: number;
  /** Time the computation of this step took. */
  computeMs: number;
  info: DetectorInfo;
}

/** What a whole recording gave. */
export interface Analysis extends Output {
  durationMs: number;
  /** Time the computation took. */
  computeMs: number;
  info: DetectorInfo;
}

const STEP_MS = 1000;
/** Longest time on the calling thread before others get a turn. */
const BREATH_MS = 30;

/** Length of a track in ms. */
export function lengthMs({ samples, rate }: Track): number {
  return (samples.length / rate) * 1000;
}

/** Analyses a recording. Needs memory for every frame; {@link steps} does not. */
export async function analyze(call: Call, options: AnalyzeOptions = {}): Promise<Analysis> {
  const { onProgress, ...rest } = options;
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
    info: last.info,
  };
}

/** Analyses a recording piece by piece, at least one; leaves the thread to others in between. */
export async function* steps(call: Call, options: Omit<AnalyzeOptions, "onProgress"> = {}): AsyncGenerator<Step> {
  const { user, agent } = call;
  const detector = await TurnDetector.create({ ...options, userRate: user.rate, agentRate: agent.rate });
  const totalMs = Math.max(lengthMs(user), lengthMs(agent));
  try {
    let breath = performance.now();
    let last = false;
    for (let fromMs = 0; !last; fromMs += STEP_MS) {
      last = fromMs + STEP_MS >= totalMs;
      const doneMs = Math.min(fromMs + STEP_MS, totalMs);
      const start = performance.now();
      const output = detector.push(cut(user, fromMs, doneMs), cut(agent, fromMs, doneMs));
      if (last) append(output, detector.finish());
      const now = performance.now();
      yield { ...output, doneMs, totalMs, computeMs: now - start, info: detector.info };
      if (now - breath > BREATH_MS) {
        await new Promise((resume) => setTimeout(resume));
        breath = performance.now();
      }
    }
  } finally {
    detector.close();
  }
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
