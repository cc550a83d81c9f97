// Brings the wasm binary and the model into memory, in Node and in the browser.
// The default files are named by `new URL(..., import.meta.url)`, which bundlers follow.
import { checkNames } from "../common/checks.js";
import { VapTurnError, guarded, messageOf } from "../common/errors.js";
import type { BinarySource, ModelInfo } from "../common/options.js";
import init, { Model } from "./vap_wasm.js";

/** Where the package's own files come from; by default they lie beside its code. */
export interface LoadOptions {
  /** The model file, or a model that is already loaded; by default `optimized.safetensors`. */
  model?: BinarySource | TurnModel;
  /** The wasm binary; by default `vap_wasm_bg.wasm`. It is loaded once a page or process: the first to ask decides. */
  wasm?: BinarySource | WebAssembly.Module;
  /**
   * Folder of `vap_wasm_bg.wasm` and `optimized.safetensors`: a URL, in Node a path too; by default they lie beside the
   * package's code. `model` and `wasm` go first.
   */
  assetBase?: URL | string;
}

type Base = LoadOptions["assetBase"];

/** Where the wasm binary lies by default: in the folder given, else beside this code. @internal */
export function defaultWasm(base?: Base): URL | string {
  return fileIn(base, "vap_wasm_bg.wasm") ?? new URL("./vap_wasm_bg.wasm", import.meta.url);
}

/** Where the model file lies by default: in the folder given, else beside this code. @internal */
export function defaultModel(base?: Base): URL | string {
  return fileIn(base, "optimized.safetensors") ?? new URL("../../models/optimized.safetensors", import.meta.url);
}

/** A file of the folder that `assetBase` names; a path stays one where there is no page to resolve it. @internal */
export function fileIn(base: Base, file: string): URL | string | undefined {
  if (base === undefined) return undefined;
  if (typeof base === "string" && typeof location === "undefined" && !SCHEME.test(base)) return `${base.replace(/[\\/]$/, "")}/${file}`;
  return urlIn(base, file);
}

/** Two letters at least: a drive of Windows has one. */
const SCHEME = /^[a-z][a-z\d+.-]+:/i;

/** A file of a folder whose address may lack the slash at its end. @internal */
export function urlIn(base: URL | string, file: string): URL {
  try {
    const folder = new URL(base, typeof location === "undefined" ? undefined : location.href);
    if (!folder.pathname.endsWith("/")) folder.pathname += "/";
    return new URL(file, folder);
  } catch (error) {
    throw new VapTurnError("option", `option assetBase: expected a URL, found ${String(base)}`, error);
  }
}

let instance: Promise<void> | undefined;

/** Compiles the wasm binary, once a page or process; later calls wait for the first and ignore their source. */
export function loadWasm(source?: LoadOptions["wasm"], assetBase?: LoadOptions["assetBase"]): Promise<void> {
  instance ??= compile(source ?? defaultWasm(assetBase)).catch((error: unknown) => {
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
    throw new VapTurnError("load", `wasm binary: ${messageOf(error)}`, error);
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
  static async load(options: Omit<LoadOptions, "model"> & { model?: BinarySource } = {}): Promise<TurnModel> {
    checkNames(options, ["model", "wasm", "assetBase"]);
    const source = options.model ?? defaultModel(options.assetBase);
    const [bytes] = await Promise.all([readBytes(source, "model file"), loadWasm(options.wasm, options.assetBase)]);
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

/** The bytes of a source, those of a caller's `ArrayBuffer` not copied; `what` names it in errors. @internal */
export async function readBytes(source: BinarySource, what: string): Promise<Uint8Array<ArrayBuffer>> {
  const opened = await open(source, what);
  if (opened instanceof Uint8Array) return opened;
  try {
    return new Uint8Array(await opened.arrayBuffer());
  } catch (error) {
    throw failure(source, what, error);
  }
}

async function open(source: BinarySource, what: string): Promise<Uint8Array<ArrayBuffer> | Response> {
  try {
    if (source instanceof ArrayBuffer) return new Uint8Array(source);
    if (ArrayBuffer.isView(source)) return new Uint8Array(source.buffer, source.byteOffset, source.byteLength).slice();
    if (source instanceof Response) return checked(source);
    if (typeof source === "string" || source instanceof URL) return await fetched(source);
  } catch (error) {
    throw failure(source, what, error);
  }
  throw new VapTurnError("option", `${what}: expected a URL, path, Response, ArrayBuffer or view of one`);
}

function failure(source: BinarySource, what: string, error: unknown): VapTurnError {
  const bytes = source instanceof ArrayBuffer || ArrayBuffer.isView(source);
  const name = bytes ? "the bytes" : source instanceof Response ? source.url : String(source);
  return new VapTurnError("load", `${what}: cannot load ${name}: ${messageOf(error)}`, error);
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
