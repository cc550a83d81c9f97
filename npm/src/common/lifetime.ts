// What is released when a session ends, wherever it ends: opened halfway, closed, aborted or failed.
import { VapTurnError } from "./errors.js";

/** Owns things until it ends. */
export class Lifetime {
  #releases: (() => void)[] = [];
  #ended = false;

  get ended(): boolean {
    return this.#ended;
  }

  /** Calls `release` at the end, or now if that is past. */
  own(release: () => void): void {
    if (this.#ended) release();
    else this.#releases.push(release);
  }

  /** Releases everything, the last first; a second call does nothing. */
  end(): void {
    this.#ended = true;
    for (let release = this.#releases.pop(); release; release = this.#releases.pop()) release();
  }
}

/** What `work` gives, unless the signal is aborted before: then `aborted` is thrown at once; `who` says whose in errors. */
export async function unlessAborted<T>(signal: AbortSignal | undefined, work: Promise<T>, who: string): Promise<T> {
  if (!signal) return work;
  let stop: (() => void) | undefined;
  const aborted = new Promise<never>((_, reject) => {
    stop = () => {
      reject(abortion(signal, who));
    };
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop);
  });
  try {
    return await Promise.race([aborted, work]);
  } finally {
    if (stop) signal.removeEventListener("abort", stop);
  }
}

/** What is thrown when the signal is aborted. */
export function abortion(signal: AbortSignal, who: string): VapTurnError {
  return new VapTurnError("aborted", `${who}: the signal was aborted`, signal.reason);
}
