// What the Worker hears by: hands sound of both channels from the audio thread to a Worker. Built into one file
// without imports.
import type { Pair } from "../../common/events.js";
import { CAPTURE, type Finish, type Free, type Open, type Sound } from "../messages.js";
import { scope } from "./audio-scope.js";
import { SoundProcessor, type Inputs } from "./processor.js";

/** Sound in one message; half a hop, so that a hop waits little for the message that completes it. */
const STEP_MS = 10;
/** Sound that may wait for the Worker; what comes then is dropped and counted. */
const QUEUE_MS = 1000;

class CaptureProcessor extends SoundProcessor<Open | Finish> {
  #sound: MessagePort | undefined;
  #free: Float32Array<ArrayBuffer>[] = [];
  /** Buffer in hand, made with the others at the first block. */
  #samples: Float32Array<ArrayBuffer> | undefined;
  #frames = 0;
  #lengths: Pair = [0, 0];
  #lost: Pair = [0, 0];
  #lostMs = 0;

  protected take(message: Open | Finish): void {
    switch (message.kind) {
      case "open":
        this.#open(message);
        break;
      case "finish":
        if (this.#sound && this.#samples) this.#send(this.#sound, this.#samples);
        this.#sound?.postMessage(message);
        this.close();
        break;
    }
  }

  protected write(inputs: Inputs, block: number): void {
    const samples = (this.#samples ??= this.#first(block));
    const sound = this.#sound;
    if (!sound) return;
    const [user, agent] = this.#lengths;
    this.#lengths[0] = user + this.read(0, inputs, 0, block, samples, user);
    this.#lengths[1] = agent + this.read(1, inputs, 0, block, samples, samples.length / 2 + agent);
    this.#frames += block;
    if (this.#frames < this.#step()) return;
    if (this.#free.length > 0) {
      this.#send(sound, samples);
      this.#samples = this.#free.pop();
      return;
    }
    this.#lost[0] += this.#lengths[0];
    this.#lost[1] += this.#lengths[1];
    this.#lostMs += this.#lengthMs();
    this.#clear();
  }

  protected release(): void {
    this.#sound?.close();
    this.#sound = undefined;
    this.#samples = undefined;
    this.#free = [];
  }

  #open({ sound, pushed }: Open): void {
    this.feed(pushed);
    sound.onmessage = ({ data }: MessageEvent<Free>) => {
      this.#free.push(data.samples);
    };
    this.#sound = sound;
    this.ready = true;
  }

  /** Makes every buffer, now that the length of a block is known, and gives one. */
  #first(block: number): Float32Array<ArrayBuffer> {
    const frames = Math.ceil(this.#step() / block) * block;
    const length = 2 * (Math.ceil(frames * this.density) + 1);
    const waiting = Math.ceil((QUEUE_MS * scope.sampleRate) / 1000 / frames);
    this.#free = Array.from({ length: waiting }, () => new Float32Array(length));
    return new Float32Array(length);
  }

  #send(sound: MessagePort, samples: Float32Array<ArrayBuffer>): void {
    const message: Sound = {
      kind: "sound",
      samples,
      lengths: this.#lengths,
      lengthMs: this.#lengthMs(),
      lost: this.#lost,
      lostMs: this.#lostMs,
      at: Date.now(),
    };
    sound.postMessage(message, [samples.buffer]);
    this.#lost[0] = this.#lost[1] = this.#lostMs = 0;
    this.#clear();
  }

  #lengthMs(): number {
    return (1000 * this.#frames) / scope.sampleRate;
  }

  #clear(): void {
    this.#frames = this.#lengths[0] = this.#lengths[1] = 0;
  }

  #step(): number {
    return (scope.sampleRate * STEP_MS) / 1000;
  }
}

scope.registerProcessor(CAPTURE, CaptureProcessor);
