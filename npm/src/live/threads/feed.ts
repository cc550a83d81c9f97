// Sound that a page pushes, on its way into the audio thread: taken out at its own rate, by the clock of the context.

/** A queue of pushed samples; what is asked for and not there is silence. */
export class Feed {
  #chunks: Float32Array[] = [];
  /** Samples taken of the first chunk. */
  #taken = 0;
  /** Parts of a sample that are owed, in 1 / contextRate. */
  #owed = 0;

  /** Rates in Hz, of the pushed sound and of the context. */
  constructor(
    readonly rate: number,
    readonly contextRate: number,
  ) {}

  push(samples: Float32Array): void {
    this.#chunks.push(samples);
  }

  clear(): void {
    this.#chunks = [];
    this.#taken = 0;
  }

  /** Writes to `into`, from `at` on, what sounds while the context renders `block` frames; gives how much that is. */
  take(block: number, into: Float32Array, at: number): number {
    this.#owed += block * this.rate;
    const wanted = Math.floor(this.#owed / this.contextRate);
    this.#owed -= wanted * this.contextRate;
    const end = at + wanted;
    for (let chunk = this.#chunks[0]; chunk && at < end; chunk = this.#chunks[0]) {
      const stop = Math.min(end, at + chunk.length - this.#taken);
      while (at < stop) into[at++] = chunk[this.#taken++] ?? 0;
      if (this.#taken === chunk.length) {
        this.#chunks.shift();
        this.#taken = 0;
      }
    }
    into.fill(0, at, end);
    return wanted;
  }
}

/** Writes to `into` what an input brings in `[from, from + block)`, or silence where it is not connected. */
export function takeInput(input: Float32Array | undefined, from: number, block: number, into: Float32Array, at: number): number {
  if (!input) {
    into.fill(0, at, at + block);
    return block;
  }
  for (let i = 0; i < block; i++) into[at + i] = input[from + i] ?? 0;
  return block;
}
