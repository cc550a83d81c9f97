// The model on WebGPU, on the thread that asks for it: hops of mels in, logits out.
import { VapTurnError, asVapTurnError, messageOf } from "../common/errors.js";
import { adapterOf } from "./adapter.js";
import init, { Gpu, type GpuModel, type GpuStream as RawStream } from "./vap_gpu.js";

let compiled: Promise<unknown> | undefined;
/** Whether no other wasm code than this package's runs on this thread. */
let ownThread = false;
/** The device of this thread, until it fails. */
let device: Promise<Gpu> | undefined;

/** Tells that the thread is the GPU Worker's: every fault of wasm code is then one of this package. */
export function claimThread(): void {
  ownThread = true;
}

/** One stream on the GPU. */
export class GpuStream {
  readonly #model: GpuModel;
  #stream: RawStream;

  private constructor(model: GpuModel) {
    this.#model = model;
    this.#stream = model.stream();
  }

  /** Opens the GPU, once a thread, and puts the weights of a model file on it. */
  static async open(wasm: BufferSource, model: Uint8Array): Promise<GpuStream> {
    if (!(await adapterOf(globalThis.navigator))) throw new VapTurnError("gpu", "WebGPU: there is no adapter");
    compiled ??= init({ module_or_path: wasm });
    await compiled.catch((error: unknown) => {
      compiled = undefined;
      throw new VapTurnError("load", `GPU binary: ${messageOf(error)}`, error);
    });
    return failing(async () => {
      device ??= Gpu.open();
      return new GpuStream((await device).load(model));
    });
  }

  /** Takes the next hops, `[2, 2 x hops, 80]`, and gives their logits, `[hops, 27]`. One step at a time. */
  step(mels: Float32Array): Promise<Float32Array> {
    return failing(() => this.#stream.step(mels));
  }

  /** Back to the beginning of a stream. */
  reset(): void {
    this.#stream.free();
    this.#stream = this.#model.stream();
  }

  /** Never throws: a step that trapped keeps its stream, which is lost with the fault. */
  free(): void {
    for (const held of [this.#stream, this.#model]) {
      try {
        held.free();
      } catch {
        continue;
      }
    }
  }
}

/** Whether it happened in the GPU binary: on a thread of its own, in the glue, or where a bundler has put both. */
function ours(event: ErrorEvent | PromiseRejectionEvent, error: WebAssembly.RuntimeError): boolean {
  const place = `${"filename" in event ? event.filename : ""} ${error.stack ?? ""}`;
  return ownThread || /\bvap_gpu(_bg)?\b/.test(place) || place.includes(import.meta.url);
}

/**
 * What `call` gives. When it fails, the device is given up. A fault of the binary inside a callback of the browser, which
 * nobody waits for, counts as well.
 */
async function failing<T>(call: () => Promise<T>): Promise<T> {
  let stop: ((event: ErrorEvent | PromiseRejectionEvent) => void) | undefined;
  const fault = new Promise<never>((_, reject) => {
    stop = (event) => {
      const error: unknown = "reason" in event ? event.reason : event.error;
      if (!(error instanceof WebAssembly.RuntimeError) || !ours(event, error)) return;
      event.preventDefault();
      reject(new VapTurnError("backend", `GPU: ${error.message}`, error));
    };
    globalThis.addEventListener("error", stop);
    globalThis.addEventListener("unhandledrejection", stop);
  });
  try {
    return await Promise.race([fault, call()]);
  } catch (error) {
    device = undefined;
    const known = asVapTurnError(error);
    throw known.code === "internal" ? new VapTurnError("backend", `GPU: ${messageOf(error)}`, error) : known;
  } finally {
    if (stop) {
      globalThis.removeEventListener("error", stop);
      globalThis.removeEventListener("unhandledrejection", stop);
    }
  }
}
