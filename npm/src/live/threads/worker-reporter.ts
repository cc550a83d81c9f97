// What the Workers share: counters, and what the page is told.
import { FRAME_NUMBERS, HOP_MS } from "../../common/contract.js";
import { asVapTurnError } from "../../common/errors.js";
import type { Engine } from "../../wasm/engine.js";
import type { SessionOutput } from "../../wasm/vap_wasm.js";
import type { Counters, Free, Sound, ToPage } from "../messages.js";

/** Keeps count, and tells the page. */
export class WorkerReporter {
  readonly #counters: Counters = { hopMs: 0, overruns: 0, droppedHops: 0, delayMs: 0 };
  #heardMs = 0;
  #droppedMs = 0;
  #workMs = 0;
  #hops = 0;

  post(message: ToPage, transfer: Transferable[] = []): void {
    globalThis.postMessage(message, { transfer });
  }

  fail(error: unknown): void {
    const { code, message } = asVapTurnError(error);
    this.post({ kind: "failed", code, message });
  }

  /** Sound was dropped before it came, and heard as silence. */
  dropped(ms: number): void {
    this.#droppedMs += ms;
    this.#heardMs += ms;
    this.#counters.droppedHops = Math.ceil(this.#droppedMs / HOP_MS);
  }

  /** Sound was taken in. */
  heard(ms: number): void {
    this.#heardMs += ms;
  }

  /** A step took `spentMs` over `soundMs` of sound whose end was at `at`, and told `output`. */
  worked(spentMs: number, soundMs: number, { frames }: SessionOutput, at: number): void {
    this.#workMs += spentMs;
    if (spentMs > soundMs) this.#counters.overruns++;
    const told = this.#hops + frames.length / FRAME_NUMBERS;
    this.#counters.hopMs = this.#workMs / Math.max(1, told);
    this.#counters.delayMs = Math.max(0, this.#heardMs - told * HOP_MS) + Math.max(0, Date.now() - at);
  }

  /** End of the last hop that was told, in ms. */
  get toldMs(): number {
    return HOP_MS * this.#hops;
  }

  tell({ frames, events, bargeIns }: SessionOutput, finished: boolean): void {
    this.#hops += frames.length / FRAME_NUMBERS;
    if (frames.length > 0 || finished) {
      this.post({ kind: "output", frames, events, bargeIns, counters: this.#counters, finished }, [frames.buffer as ArrayBuffer]);
    }
  }

  /** Hears and works the next sound at once, and gives its buffer back. */
  hearNow(engine: Engine, sound: Sound, port: MessagePort): void {
    const { lengthMs, lost, lostMs, at } = sound;
    const start = performance.now();
    if (lostMs > 0) {
      this.dropped(lostMs);
      this.tell(engine.push(new Float32Array(lost[0]), new Float32Array(lost[1])), false);
    }
    const output = engine.push(...channelsOf(sound));
    const spent = performance.now() - start;
    giveBack(port, sound.samples);
    this.heard(lengthMs);
    this.worked(spent, lengthMs, output, at);
    this.tell(output, false);
  }
}

/** Samples of the user and the agent. */
export function channelsOf({ samples, lengths: [user, agent] }: Sound): [Float32Array, Float32Array] {
  const half = samples.length / 2;
  return [samples.subarray(0, user), samples.subarray(half, half + agent)];
}

export function giveBack(port: MessagePort, samples: Float32Array<ArrayBuffer>): void {
  const free: Free = { kind: "free", samples };
  port.postMessage(free, [samples.buffer]);
}
