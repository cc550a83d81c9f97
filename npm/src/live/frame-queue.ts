// Frames that wait for a reader, a bounded number of them.
import type { Frame } from "../common/events.js";

/** Ten seconds. */
const MOST = 500;

/** One reader's frames, in order; the oldest go when it does not keep up. */
export class FrameQueue implements AsyncIterableIterator<Frame> {
  /** Frames that the reader did not get. */
  dropped = 0;
  #frames: Frame[] = [];
  #ended = false;
  #error: Error | undefined;
  #wake: (() => void) | undefined;
  #left: () => void;

  /** `left` is called once, when nothing more is read. */
  constructor(left: () => void) {
    this.#left = left;
  }

  push(frame: Frame): void {
    if (this.#frames.length === MOST) {
      this.#frames.shift();
      this.dropped++;
    }
    this.#frames.push(frame);
    this.#wake?.();
  }

  /** No more frames come; an error is thrown behind the last one. */
  end(error?: Error): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#error = error;
    this.#left();
    this.#wake?.();
  }

  async next(): Promise<IteratorResult<Frame, undefined>> {
    while (this.#frames.length === 0 && !this.#ended) {
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    const value = this.#frames.shift();
    if (value) return { value, done: false };
    const error = this.#error;
    this.#error = undefined;
    if (error) throw error;
    return { value: undefined, done: true };
  }

  return(): Promise<IteratorResult<Frame, undefined>> {
    this.#frames = [];
    this.end();
    return Promise.resolve({ value: undefined, done: true });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
