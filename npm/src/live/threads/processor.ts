// What both processors share: messages of the page, and sound of both channels, block by block, from the moment it listens.
import { asVapTurnError } from "../../common/errors.js";
import type { Clear, Close, Listen, Pcm, PushedRates, ToPage } from "../messages.js";
import { scope } from "./audio-scope.js";
import { Feed, takeInput } from "./feed.js";

/** What the page says to either. */
type Common = Listen | Pcm | Clear | Close;

/** Inputs of a node in a block; undefined where a block passed without a call. */
export type Inputs = Float32Array[][] | undefined;

/** A processor that takes the messages `Own` besides those that either takes. */
export abstract class SoundProcessor<Own> extends scope.AudioWorkletProcessor {
  /** First frame that was heard; none before the first block. */
  protected start = -1;
  /** Whether there is what takes the sound. */
  protected ready = false;
  #feeds: (Feed | undefined)[] = [];
  #listening = false;
  #closed = false;
  /** Next frame expected. */
  #next = -1;

  constructor() {
    super();
    this.port.onmessage = ({ data }: MessageEvent<unknown>) => {
      this.#guarded(() => {
        this.#receive(data as Common);
      });
    };
  }

  /** Takes a message of its own. */
  protected abstract take(message: Own): void;

  /** Takes the next `block` frames in, by way of {@link read}. */
  protected abstract write(inputs: Inputs, block: number): void;

  /** Frees what it holds; nothing more is heard. */
  protected abstract release(): void;

  process(inputs: Float32Array[][], [output]: Float32Array[][]): boolean {
    const block = output?.[0]?.length ?? 0;
    if (this.#listening && this.ready && block > 0) {
      this.#guarded(() => {
        this.hear(inputs, block);
      });
    }
    return !this.#closed;
  }

  /** Channels that are pushed, at their rates. */
  protected feed(rates: PushedRates): void {
    this.#feeds = rates.map((rate) => (rate === undefined ? undefined : new Feed(rate, scope.sampleRate)));
  }

  /** Largest number of samples a frame of the context. */
  protected get density(): number {
    return Math.max(1, ...this.#feeds.map((feed) => (feed ? feed.rate / scope.sampleRate : 1)));
  }

  protected hear(inputs: Float32Array[][], block: number): void {
    if (this.start < 0) {
      this.start = this.#next = scope.currentFrame;
      this.post({ kind: "started", frame: this.start });
    }
    // Blocks may pass without a call, as when the page connects nodes: they were silent.
    for (; this.#next < scope.currentFrame; this.#next += block) this.write(undefined, block);
    this.write(inputs, block);
    this.#next = scope.currentFrame + block;
  }

  /** Writes frames `[from, from + frames)` of a channel to `into`, from `at` on; gives how many samples they are. */
  protected read(channel: 0 | 1, inputs: Inputs, from: number, frames: number, into: Float32Array, at: number): number {
    const [input] = inputs?.[channel] ?? [];
    return this.#feeds[channel]?.take(frames, into, at) ?? takeInput(input, from, frames, into, at);
  }

  protected post(message: ToPage, transfer: Transferable[] = []): void {
    this.port.postMessage(message, transfer);
  }

  protected close(): void {
    if (this.#end()) this.release();
  }

  #receive(message: Common): void {
    switch (message.kind) {
      case "listen":
        this.#listening = true;
        this.post({ kind: "listening" });
        break;
      case "pcm":
        this.#feeds[message.channel]?.push(message.samples);
        break;
      case "clear":
        this.#feeds[message.channel]?.clear();
        break;
      case "close":
        this.close();
        break;
      default:
        // One of its own.
        this.take(message);
    }
  }

  /** False where it had ended before. */
  #end(): boolean {
    if (this.#closed) return false;
    this.#closed = true;
    this.ready = false;
    this.#feeds = [];
    return true;
  }

  /** Calls, and tells the page of what is thrown. */
  #guarded(call: () => void): void {
    try {
      call();
    } catch (error) {
      // Nothing is released: what failed may be in no state to be.
      if (!this.#end()) return;
      const { code, message } = asVapTurnError(error);
      this.post({ kind: "failed", code, message });
    }
  }
}
