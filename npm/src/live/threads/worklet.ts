// The worklet: the whole computation inside the audio thread, a few slices in every block, so that no block has to
// wait for it. Built into one file without imports.
import "./polyfill.js";
import { asVapTurnError } from "../../common/errors.js";
import { HOP_MS, NUMBERS } from "../../common/frames.js";
import { Engine, ROOM } from "../../wasm/engine.js";
import { WORKLET, type Begin, type Counters, type ToPage, type ToWorklet } from "../messages.js";
import { scope } from "./audio-scope.js";
import { Feed, takeInput } from "./feed.js";

/** Slices of a hop before any was counted. */
const SLICES = 16;
/** Hops of silence before the first sound: the engine compiles its functions as they are first called. */
const WARM_UP_HOPS = 3;
/** Highest rate of a pushed channel over that of the context: 96 kHz into 8 kHz. */
const MOST_SAMPLES_A_FRAME = 12;
const PIECE_FRAMES = Math.floor(ROOM / MOST_SAMPLES_A_FRAME);

class WorkletProcessor extends scope.AudioWorkletProcessor {
  #engine: Engine | undefined;
  #feeds: [Feed | undefined, Feed | undefined] = [undefined, undefined];
  #listening = false;
  #closed = false;
  /** First frame that was heard, and the next one expected. */
  #start = -1;
  #next = -1;
  /** Slices of the hop in hand so far, and of a hop as last counted. */
  #worked = 0;
  #slices = SLICES;
  #hops = 0;
  /** Sums of a clock that ticks in ms: wrong for a block, right on average. */
  #workMs = 0;
  #overruns = 0;

  constructor() {
    super();
    this.port.onmessage = ({ data }: MessageEvent<ToWorklet>) => {
      this.#guarded(() => {
        this.#take(data);
      });
    };
  }

  process(inputs: Float32Array[][], [output]: Float32Array[][]): boolean {
    const block = output?.[0]?.length ?? 0;
    if (this.#engine && this.#listening && block > 0) {
      const before = Date.now();
      try {
        this.#hear(this.#engine, inputs, block);
        this.#work(this.#engine, block);
      } catch (error) {
        this.#fail(error);
      }
      const spent = Date.now() - before;
      this.#workMs += spent;
      if (spent - 1 > (1000 * block) / scope.sampleRate) this.#overruns++;
    }
    return !this.#closed;
  }

  #take(message: ToWorklet): void {
    switch (message.kind) {
      case "begin":
        this.#begin(message);
        break;
      case "listen":
        this.#listening = true;
        this.#post({ kind: "listening" });
        break;
      case "pcm":
        this.#feeds[message.channel]?.push(message.samples);
        break;
      case "clear":
        this.#feeds[message.channel]?.clear();
        break;
      case "steer":
        if (this.#engine) this.#post({ kind: "steered", id: message.id, ...this.#engine.steer(message) });
        break;
      case "finish":
        if (this.#engine) this.#tell(this.#engine.finish(), 0, true);
        this.#close();
        break;
      case "close":
        this.#close();
        break;
    }
  }

  #begin(begin: Begin): void {
    const engine = new Engine(begin);
    for (let hop = 0; hop < WARM_UP_HOPS; hop++) {
      const [user, agent] = begin.rates.map((rate) => new Float32Array(Math.ceil((rate * HOP_MS) / 1000))) as [Float32Array, Float32Array];
      engine.push(user, agent);
    }
    engine.reset();
    const feed = (rate: number | undefined): Feed | undefined => (rate === undefined ? undefined : new Feed(rate, scope.sampleRate));
    this.#feeds = [feed(begin.pushed[0]), feed(begin.pushed[1])];
    this.#engine = engine;
    this.#post({ kind: "ready", start: engine.start });
  }

  #hear(engine: Engine, inputs: Float32Array[][], block: number): void {
    if (this.#start < 0) {
      this.#start = this.#next = scope.currentFrame;
      this.#post({ kind: "started", frame: this.#start });
    }
    // Blocks may pass without a call, as when the page connects nodes: they were silent.
    if (this.#next < scope.currentFrame) this.#write(engine, undefined, scope.currentFrame - this.#next);
    this.#write(engine, inputs, block);
    this.#next = scope.currentFrame + block;
  }

  #write(engine: Engine, inputs: Float32Array[][] | undefined, block: number): void {
    for (let from = 0; from < block; from += PIECE_FRAMES) {
      const frames = Math.min(PIECE_FRAMES, block - from);
      const [user, agent] = [engine.room(0), engine.room(1)];
      engine.hear(
        this.#feeds[0]?.take(frames, user, 0) ?? takeInput(inputs?.[0]?.[0], from, frames, user, 0),
        this.#feeds[1]?.take(frames, agent, 0) ?? takeInput(inputs?.[1]?.[0], from, frames, agent, 0),
      );
    }
  }

  /** This block's share: the slices of a hop are done in as many blocks as surely come before the next hop does. */
  #work(engine: Engine, block: number): void {
    const blocks = (scope.sampleRate * HOP_MS) / 1000 / block;
    const share = Math.ceil(this.#slices / Math.max(1, Math.floor(blocks))) * Math.ceil(1 / blocks);
    for (let slice = 0; slice < share; slice++) {
      const more = engine.work();
      this.#worked++;
      if (more) continue;
      // The first call after a hop says that nothing waits; a hop has more slices than one.
      if (this.#worked > 1) {
        this.#slices = this.#worked;
        this.#tell(engine.output(), block, false);
      }
      this.#worked = 0;
      return;
    }
    // More than was counted: behind by a hop, or a hop of more slices.
    this.#slices = Math.max(this.#slices, this.#worked);
  }

  #tell({ frames, events, bargeIns }: ReturnType<Engine["output"]>, block: number, finished: boolean): void {
    this.#hops += frames.length / NUMBERS;
    const heardMs = (1000 * (scope.currentFrame + block - this.#start)) / scope.sampleRate;
    const counters: Counters = {
      hopMs: this.#workMs / Math.max(1, this.#hops),
      overruns: this.#overruns,
      droppedHops: 0,
      delayMs: Math.max(0, heardMs - HOP_MS * this.#hops),
    };
    this.#post({ kind: "output", frames, events, bargeIns, counters, finished }, [frames.buffer as ArrayBuffer]);
  }

  #close(): void {
    this.#closed = true;
    this.#engine?.free();
    this.#engine = undefined;
    this.#feeds = [undefined, undefined];
  }

  #fail(error: unknown): void {
    const { code, message } = asVapTurnError(error);
    // What failed may be in no state to be freed.
    this.#engine = undefined;
    this.#closed = true;
    this.#post({ kind: "failed", code, message });
  }

  #guarded(call: () => void): void {
    try {
      call();
    } catch (error) {
      this.#fail(error);
    }
  }

  #post(message: ToPage, transfer: Transferable[] = []): void {
    this.port.postMessage(message, transfer);
  }
}

scope.registerProcessor(WORKLET, WorkletProcessor);
