// What a page asks of `listen`, checked before anything is opened.
import { checkNames, wrong } from "../common/checks.js";
import { VapTurnError, messageOf } from "../common/errors.js";
import type { BinarySource, Expectation, PolicyOptions } from "../common/options.js";
import { checkedExpectation, checkedPolicy } from "../common/policy-options.js";
import { BACKENDS, type BackendName } from "../gpu/adapter.js";
import { PcmInput, type TurnInput } from "./inputs.js";
import { RUNNERS, type RunIn } from "./runner.js";

/** Options of `listen`; a user, an agent, or both. */
export interface ListenOptions {
  /** Sound of the person. A channel left out is silent. */
  user?: TurnInput;
  /** Sound of the other party. A channel left out is silent. */
  agent?: TurnInput;
  /** Aborts the opening, and closes the session afterwards; by default nothing does. */
  signal?: AbortSignal;
  /**
   * Where it is computed: inside the audio thread, or in a Worker. By default `"auto"`: measured, in the audio thread
   * where the longest slice of work takes less than a tenth of a render block.
   */
  runIn?: RunIn | "auto";
  /**
   * What computes the model: the CPU by default; `"webgpu"`, which fetches the GPU binary and needs the Worker; or
   * `"auto"`: where a GPU is at hand, the faster of both in a race.
   */
  backend?: BackendName | "auto";
  /**
   * Thresholds (0 to 1) and times (ms) that differ from the model's, or what is asked: a `preset`, `maxFalseCutoff` or
   * `meanLatencyMs`. By default those of the model file.
   */
  policy?: PolicyOptions;
  /** What the user will probably say first; by default `"open"`. */
  expect?: Expectation;
  /** The model file; by default `optimized.safetensors`. */
  model?: BinarySource;
  /** The wasm binary; by default `vap_wasm_bg.wasm`. A context compiles it once: the first session decides. */
  wasm?: BinarySource;
  /**
   * Folder of `worklet.js`, `capture.js`, `worker.js`, of the binary and the model, and for the GPU of `gpu-worker.js` and
   * `vap_gpu_bg.wasm`; by default they are found beside the code. `model` and `wasm` go first.
   */
  assetBase?: URL | string;
  /** Makes the Worker of a script, for pages that must do it their way; by default `new Worker(url, { type: "module" })`. */
  createWorker?: (url: URL) => Worker;
  /** Context to listen in, 8 to 96 kHz; by default that of an AudioNode given, else one that the session opens and closes. */
  context?: BaseAudioContext;
}

const NAMES = [
  "user", "agent", "signal", "runIn", "backend", "policy", "expect", "model", "wasm", "assetBase", "createWorker",
  "context",
] as const satisfies readonly (keyof ListenOptions)[];

/** Throws what is wrong with the options. */
export function checked(options: ListenOptions): void {
  if (typeof AudioContext === "undefined") {
    throw new VapTurnError("context", "listen: expected a browser with Web Audio; TurnDetector hears samples anywhere");
  }
  checkNames(options, NAMES);
  const { user, agent } = options;
  if (user === undefined && agent === undefined) throw wrong("user", "a user, an agent, or both", undefined);
  for (const [name, input] of Object.entries({ user, agent })) {
    const ways = [PcmInput, MediaStream, AudioNode];
    if (input !== undefined && input !== "microphone" && !ways.some((way) => input instanceof way)) {
      throw wrong(name, '"microphone", a MediaStream, an AudioNode or a PcmInput', input);
    }
  }
  if (user instanceof PcmInput && user === agent) throw wrong("agent", "another PcmInput than the user's", agent);
  const checks: [keyof ListenOptions, string, (value: unknown) => boolean][] = [
    ["signal", "an AbortSignal", (value) => value instanceof AbortSignal],
    ["runIn", `"auto" or one of ${RUNNERS.join(", ")}`, (value) => value === "auto" || RUNNERS.some((known) => known === value)],
    [
      "backend", `"auto" or one of ${BACKENDS.join(", ")}`,
      (value) => value === "auto" || BACKENDS.some((backend) => backend === value),
    ],
    ["model", "a URL, Response, ArrayBuffer or view of one", isSource],
    ["wasm", "a URL, Response, ArrayBuffer or view of one", isSource],
    ["assetBase", "a URL", isUrl],
    ["createWorker", "a function", (value) => typeof value === "function"],
    ["context", "an AudioContext or OfflineAudioContext", (value) => value instanceof BaseAudioContext],
  ];
  for (const [name, expected, holds] of checks) {
    if (options[name] !== undefined && !holds(options[name])) throw wrong(name, expected, options[name]);
  }
  if (options.policy !== undefined) checkedPolicy(options.policy);
  if (options.expect !== undefined) checkedExpectation(options.expect);
  if (options.backend === "webgpu" && options.runIn === "worklet") {
    throw new VapTurnError("option", 'option backend: "webgpu" needs runIn "worker" or "auto", an audio thread has no GPU');
  }
  contextGiven(options);
}

/** The context to listen in; `own` is one that was opened for it. */
export function contextOf(options: ListenOptions): { context: BaseAudioContext; own?: AudioContext } {
  const given = contextGiven(options);
  if (given) {
    if (given.state === "closed") throw new VapTurnError("context", "option context: it was closed");
    return { context: given };
  }
  try {
    const own = new AudioContext();
    return { context: own, own };
  } catch (error) {
    throw new VapTurnError("context", `AudioContext: ${messageOf(error)}`, error);
  }
}

function contextGiven({ context, user, agent }: ListenOptions): BaseAudioContext | undefined {
  const nodes = [user, agent].filter((input) => input instanceof AudioNode).map((node) => node.context);
  const [first, ...others] = context ? [context, ...nodes] : nodes;
  if (others.some((other) => other !== first)) {
    throw new VapTurnError("context", "options user, agent, context: expected nodes of one AudioContext, found two");
  }
  return first;
}

function isSource(value: unknown): boolean {
  return isUrl(value) || value instanceof Response || value instanceof ArrayBuffer || ArrayBuffer.isView(value);
}

function isUrl(value: unknown): boolean {
  if (value instanceof URL) return true;
  return typeof value === "string" && URL.canParse(value, location.href);
}
