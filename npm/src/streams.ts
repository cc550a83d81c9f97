// Streams: sound of both channels in, events out, as fast as the source gives and the reader takes.
import { checkNames, shown } from "./common/checks.js";
import { VapTurnError } from "./common/errors.js";
import { inOrder, type Frame, type Output, type TurnEvent } from "./common/events.js";
import { abortion, unlessAborted } from "./common/lifetime.js";
import { checkSamples, type Samples } from "./common/samples.js";
import { TurnDetector, DETECTOR_OPTIONS, type DetectorOptions } from "./detector.js";

/** Sound of each channel; one that is left out is silent for as long as the other sounds. */
export interface TwoChannels {
  user?: Samples | undefined;
  agent?: Samples | undefined;
}

/**
 * A piece of a two-channel stream: samples of each channel, or of both in turns (user, agent, user, agent, ...), cut
 * anywhere.
 */
export type SoundChunk = TwoChannels | Samples;

/** Sound as it comes: a `ReadableStream`, a Node stream, or anything else that can be iterated. */
export type SoundSource = AsyncIterable<SoundChunk> | Iterable<SoundChunk> | ReadableStream<SoundChunk>;

/** Options of {@link turnEvents} and {@link turnEventStream}. */
export interface StreamOptions extends DetectorOptions {
  /** Gives a frame every 20 ms as well, before the events of its hop; by default events alone. */
  frames?: boolean;
  /** Ends it early: `aborted` is thrown, with the signal's reason as the `cause`; by default nothing does. */
  signal?: AbortSignal;
}

/** What a stream gives. */
export type StreamItem<O> = O extends { frames: true } ? Frame | TurnEvent : TurnEvent;

/**
 * The events of a conversation as they are decided. The source is asked for more only when what it gave has been read,
 * and is told when nothing more is wanted. It is an error of the source, or of the detector, that ends it early.
 */
export async function* turnEvents<O extends StreamOptions>(source: SoundSource, options: O): AsyncGenerator<StreamItem<O>> {
  const detector = await ChunkedDetector.open(options);
  let chunks: AsyncIterator<SoundChunk> | undefined;
  // By its own end or error: then it needs no telling.
  const its = { ended: false };
  try {
    const given = (chunks = iterated(source));
    const ask = async (): Promise<IteratorResult<SoundChunk>> => {
      try {
        const next = await given.next();
        its.ended = next.done === true;
        return next;
      } catch (error) {
        its.ended = true;
        throw error;
      }
    };
    for (;;) {
      const next = await unlessAborted(options.signal, ask(), "stream");
      if (next.done === true) break;
      yield* detector.hear(next.value) as StreamItem<O>[];
    }
    yield* detector.finish() as StreamItem<O>[];
  } finally {
    detector.close();
    // Not waited for: a source that gives nothing may not answer either.
    if (!its.ended) void Promise.resolve().then(() => chunks?.return?.()).catch(() => undefined);
  }
}

/** As {@link turnEvents}, to be piped through: `sound.pipeThrough(turnEventStream({ rate: 8000 }))`. */
export function turnEventStream<O extends StreamOptions>(options: O): TransformStream<SoundChunk, StreamItem<O>> {
  let [detector, over, wanted]: [ChunkedDetector | undefined, boolean, boolean] = [undefined, false, false];
  let [output, input]: [ReadableStreamDefaultController<StreamItem<O>> | undefined, WritableStreamDefaultController | undefined] = [undefined, undefined];
  let asked = (): void => undefined;
  let signal: AbortSignal | undefined;
  const end = (): void => {
    over = true;
    signal?.removeEventListener("abort", stop);
    detector?.close();
    asked();
  };
  const fail = (error: unknown): void => {
    if (over) return;
    end();
    output?.error(error);
  };
  // What the writable side throws or is told fails it already.
  const failBoth = (error: unknown): void => {
    fail(error);
    input?.error(error);
  };
  const stop = (): void => {
    if (signal) failBoth(abortion(signal, "stream"));
  };
  const tell = (items: (Frame | TurnEvent)[]): void => {
    if (items.length > 0) wanted = false;
    for (const item of items) output?.enqueue(item as StreamItem<O>);
  };
  // Not a TransformStream: not every one of them tells of a reader or a writer that goes.
  const readable = new ReadableStream<StreamItem<O>>({
    start(controller) {
      output = controller;
    },
    pull() {
      wanted = true;
      asked();
    },
    cancel: failBoth,
  }, { highWaterMark: 0 });
  const writable = new WritableStream<SoundChunk>({
    async start(controller) {
      input = controller;
      // At once, where `abort` below waits for a write that waits for a reader.
      controller.signal.addEventListener("abort", () => {
        fail(controller.signal.reason);
      });
      try {
        detector = await ChunkedDetector.open(options);
      } catch (error) {
        fail(error);
        throw error;
      }
      signal = options.signal;
      if (over) detector.close();
      else if (signal?.aborted === true) stop();
      else signal?.addEventListener("abort", stop);
    },
    async write(chunk) {
      while (!wanted && !over) await new Promise<void>((resolve) => (asked = resolve));
      if (over || !detector) return;
      try {
        tell(detector.hear(chunk));
      } catch (error) {
        fail(error);
        throw error;
      }
    },
    close() {
      if (over || !detector) return;
      try {
        tell(detector.finish());
        end();
        output?.close();
      } catch (error) {
        fail(error);
        throw error;
      }
    },
    abort: fail,
  });
  return { readable, writable };
}

/** A detector that takes chunks and gives items. */
class ChunkedDetector {
  #detector: TurnDetector;
  #frames: boolean;
  #encoding: StreamOptions["encoding"];
  /** Bytes of a pair of samples that has not come whole. */
  #rest = new Uint8Array(0);
  #kind: string | undefined;

  private constructor(detector: TurnDetector, { frames = false, encoding }: StreamOptions) {
    this.#detector = detector;
    this.#frames = frames;
    this.#encoding = encoding;
  }

  static async open(options: StreamOptions): Promise<ChunkedDetector> {
    checkNames(options, [...DETECTOR_OPTIONS, "frames", "signal"]);
    const { frames, signal, ...rest } = options;
    if (frames !== undefined && typeof frames !== "boolean") {
      throw new VapTurnError("option", `option frames: expected true or false, found ${typeof frames}`);
    }
    if (signal !== undefined && !(signal instanceof AbortSignal)) {
      throw new VapTurnError("option", `option signal: expected an AbortSignal, found ${typeof signal}`);
    }
    if (signal?.aborted === true) throw abortion(signal, "stream");
    return new ChunkedDetector(await TurnDetector.create(rest), options);
  }

  hear(chunk: SoundChunk): (Frame | TurnEvent)[] {
    if (typeof chunk !== "object" || (chunk as unknown) === null) {
      throw new VapTurnError("option", `sound: expected { user, agent } or samples of both in turns, found ${typeof chunk}`);
    }
    const kind = ArrayBuffer.isView(chunk) ? (chunk instanceof Uint8Array ? "bytes" : shown(chunk)) : "{ user, agent }";
    this.#kind ??= kind;
    if (kind !== this.#kind) throw new VapTurnError("option", `sound: expected ${this.#kind} as before, found ${kind}`);
    const { user, agent } = ArrayBuffer.isView(chunk) ? this.#apart(chunk) : chunk;
    return this.#items(this.#detector.push(user, agent));
  }

  finish(): (Frame | TurnEvent)[] {
    if (this.#rest.length > 0) {
      throw new VapTurnError("length", `sound: expected whole samples of both channels, found ${this.#rest.length} bytes more`);
    }
    return this.#items(this.#detector.finish());
  }

  close(): void {
    this.#detector.close();
  }

  #items(output: Output): (Frame | TurnEvent)[] {
    return this.#frames ? inOrder(output) : output.events;
  }

  /** Samples in turns to samples of each. */
  #apart(chunk: Samples): TwoChannels {
    const bytes = chunk instanceof Uint8Array;
    // Bytes may be cut within a sample.
    checkSamples("sound", chunk, bytes && this.#encoding === "s16le" ? "alaw" : this.#encoding);
    const width = bytes ? (this.#encoding === "s16le" ? 2 : 1) : chunk.BYTES_PER_ELEMENT;
    const fresh = new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    const all = new Uint8Array(this.#rest.length + fresh.length);
    all.set(this.#rest);
    all.set(fresh, this.#rest.length);
    const pairs = Math.floor(all.length / (2 * width));
    this.#rest = all.slice(2 * width * pairs);
    const [user, agent] = [new Uint8Array(width * pairs), new Uint8Array(width * pairs)];
    for (let at = 0; at < width * pairs; at++) {
      const from = 2 * at - (at % width);
      user[at] = all[from] ?? 0;
      agent[at] = all[from + width] ?? 0;
    }
    const typed = (side: Uint8Array): Samples => {
      if (bytes) return side;
      return chunk instanceof Int16Array ? new Int16Array(side.buffer) : new Float32Array(side.buffer);
    };
    return { user: typed(user), agent: typed(agent) };
  }
}

function iterated(source: SoundSource): AsyncIterator<SoundChunk> {
  if (typeof source === "object" && (source as unknown) !== null && !ArrayBuffer.isView(source)) {
    if (Symbol.asyncIterator in source) return source[Symbol.asyncIterator]();
    if (Symbol.iterator in source) return promised(source[Symbol.iterator]());
    // Not every browser iterates its streams.
    if ("getReader" in source) return read((source as ReadableStream<SoundChunk>).getReader());
  }
  throw new VapTurnError("option", `source: expected a stream or an iterable of sound, found ${typeof source}`);
}

function promised(chunks: Iterator<SoundChunk>): AsyncIterator<SoundChunk> {
  return {
    next: () => Promise.resolve(chunks.next()),
    return: () => Promise.resolve(chunks.return?.() ?? { done: true, value: undefined }),
  };
}

function read(reader: ReadableStreamDefaultReader<SoundChunk>): AsyncIterator<SoundChunk> {
  return {
    async next() {
      const { done, value } = await reader.read();
      return done ? { done: true, value: undefined } : { done: false, value };
    },
    async return() {
      await reader.cancel();
      return { done: true, value: undefined };
    },
  };
}
