// The worklet: the whole computation inside the audio thread, a few slices in every block, so that no block has to
// wait for it. Built into one file without imports.
import "./polyfill.js";
import { FRAME_NUMBERS, HOP_MS, INPUT_SAMPLES } from "../../common/contract.js";
import { Engine } from "../../wasm/engine.js";
import { WORKLET, type Begin, type Counters, type Finish, type Steer } from "../messages.js";
import { scope } from "./audio-scope.js";
import { SoundProcessor, type Inputs } from "./processor.js";

/** Slices of a hop before any was counted. */
const SLICES = 16;
/** Hops of silence before the first sound: the engine compiles its functions as they are first called. */
const WARM_UP_HOPS = 3;
/** Highest rate of a pushed channel over that of the context: 96 kHz into 8 kHz. */
const MOST_SAMPLES_A_FRAME = 12;
const PIECE_FRAMES = Math.floor(INPUT_SAMPLES / MOST_SAMPLES_A_FRAME);

class WorkletProcessor extends SoundProcessor<Begin | Steer | Finish> {
  #engine: Engine | undefined;
  /** Slices of the hop in hand so far, and of a hop as last counted. */
  #worked = 0;
  #slices = SLICES;
  #hops = 0;
  /** Sums of a clock that ticks in ms: wrong for a block, right on average. */
  #workMs = 0;
  #overruns = 0;

  protected override hear(inputs: Float32Array[][], block: number): void {
    const before = Date.now();
    super.hear(inputs, block);
    if (this.#engine) this.#work(this.#engine, block);
    const spent = Date.now() - before;
    this.#workMs += spent;
    if (spent - 1 > (1000 * block) / scope.sampleRate) this.#overruns++;
  }

  protected take(message: Begin | Steer | Finish): void {
    switch (message.kind) {
      case "begin":
        this.#begin(message);
        break;
      case "steer":
        if (this.#engine) this.post({ kind: "steered", id: message.id, ...this.#engine.steer(message) });
        break;
      case "finish":
        if (this.#engine) this.#tell(this.#engine.finish(), 0, true);
        this.close();
        break;
    }
  }

  protected write(inputs: Inputs, block: number): void {
    const engine = this.#engine;
    if (!engine) return;
    for (let from = 0; from < block; from += PIECE_FRAMES) {
      const frames = Math.min(PIECE_FRAMES, block - from);
      const length = (channel: 0 | 1): number => this.read(channel, inputs, from, frames, engine.input(channel), 0);
      engine.hear(length(0), length(1));
    }
  }

  protected release(): void {
    this.#engine?.free();
    this.#engine = undefined;
  }

  #begin(begin: Begin): void {
    const engine = new Engine(begin);
    for (let hop = 0; hop < WARM_UP_HOPS; hop++) {
      const [user, agent] = begin.rates.map((rate) => new Float32Array(Math.ceil((rate * HOP_MS) / 1000))) as [Float32Array, Float32Array];
      engine.push(user, agent);
    }
    engine.reset();
    this.feed(begin.pushed);
    this.#engine = engine;
    this.ready = true;
    this.post({ kind: "ready", start: engine.start });
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
    this.#hops += frames.length / FRAME_NUMBERS;
    const heardMs = (1000 * (scope.currentFrame + block - this.start)) / scope.sampleRate;
    const counters: Counters = {
      hopMs: this.#workMs / Math.max(1, this.#hops),
      overruns: this.#overruns,
      droppedHops: 0,
      delayMs: Math.max(0, heardMs - HOP_MS * this.#hops),
    };
    this.post({ kind: "output", frames, events, bargeIns, counters, finished }, [frames.buffer as ArrayBuffer]);
  }
}

scope.registerProcessor(WORKLET, WorkletProcessor);
