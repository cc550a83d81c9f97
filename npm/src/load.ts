// Brings the wasm binary and the model into memory, in Node and in the browser.
// The default files are named by `new URL(..., import.meta.url)`, which bundlers follow.
import { VapTurnError, guarded, told } from "./errors.js";
import type { BinarySource, LoadOptions, ModelInfo } from "./options.js";
import init, { Model } from "./vap_wasm.js";

/** Where the wasm binary lies beside this code. @internal */
export function defaultWasm(): URL {
  return new URL("./vap_wasm_bg.wasm", import.meta.url);
}

/** Where the GPU binary lies beside this code. @internal */
export function defaultGpuWasm(): URL {
  return new URL("./vap_gpu_bg.wasm", import.meta.url);
}

/** Where the model file lies beside this code. @internal */
export function defaultModel(): URL {
  return new URL("../models/optimized.safetensors", import.meta.url);
}

let instance: Promise<void> | undefined;

/** Compiles the wasm binary, once a page or process; later calls wait for the first and ignore their source. */
export function loadWasm(source?: LoadOptions["wasm"]): Promise<void> {
  instance ??= compile(source ?? defaultWasm()).catch((error: unknown) => {
    instance = undefined;
    throw error;
  });
  return instance;
}

async function compile(source: BinarySource | WebAssembly.Module): Promise<void> {
  const binary = source instanceof WebAssembly.Module ? source : await open(source, "wasm binary");
  try {
    await init({ module_or_path: binary });
  } catch (error) {
    throw new VapTurnError("load", `wasm binary: ${told(error)}`, error);
  }
}

/** Weights in memory, to be shared by any number of detectors. */
export class TurnModel {
  /** What is known about the model. */
  readonly info: ModelInfo;
  #model: Model | undefined;

  private constructor(model: Model) {
    this.#model = model;
    this.info = guarded(() => model.info());
  }

  /** Loads the default model, or the one given. */
  static async load(options: { model?: BinarySource; wasm?: LoadOptions["wasm"] } = {}): Promise<TurnModel> {
    const source = options.model ?? defaultModel();
    const [bytes] = await Promise.all([readBytes(source, "model file"), loadWasm(options.wasm)]);
    return new TurnModel(guarded(() => Model.load(bytes)));
  }

  /** Frees the weights; detectors made from them live on. May be called again. */
  close(): void {
    this.#model?.free();
    this.#model = undefined;
  }

  /** The wasm side of the model. @internal */
  get raw(): Model {
    if (this.#model) return this.#model;
    throw new VapTurnError("closed", "model: it was closed");
  }
}

/** The bytes of a source, those of a caller's buffer not copied; `what` names it in errors. @internal */
export async function readBytes(source: BinarySource, what: string): Promise<Uint8Array<ArrayBuffer>> {
  const opened = await open(source, what);
  return opened instanceof Uint8Array ? opened : new Uint8Array(await opened.arrayBuffer());
}

async function open(source: BinarySource, what: string): Promise<Uint8Array<ArrayBuffer> | Response> {
  if (source instanceof ArrayBuffer || source instanceof Uint8Array) return new Uint8Array(source);
  if (typeof source !== "string" && !(source instanceof URL) && !(source instanceof Response)) {
    throw new VapTurnError("option", `${what}: expected a URL, path, Response, ArrayBuffer or Uint8Array`);
  }
  try {
    return source instanceof Response ? checked(source) : await fetched(source);
  } catch (error) {
    const name = source instanceof Response ? source.url : String(source);
    throw new VapTurnError("load", `${what}: cannot load ${name}: ${told(error)}`, error);
  }
}

async function fetched(source: URL | string): Promise<Uint8Array<ArrayBuffer> | Response> {
  // Asked of the process, not imported: bundlers for the browser see no Node module, though maybe a stand-in process.
  const node: Partial<NodeJS.Process> = typeof process === "object" ? process : {};
  const files = node.getBuiltinModule?.("node:fs/promises");
  const remote = /^(https?|data|blob):/i.test(String(source));
  if (remote || !files) return checked(await fetch(source));
  const path = typeof source === "string" && source.startsWith("file:") ? new URL(source) : source;
  return new Uint8Array(await files.readFile(path));
}

function checked(response: Response): Response {
  if (response.ok) return response;
  throw new VapTurnError("load", `HTTP status ${response.status}`);
}
