// The ear of the Worker: hands sound of both channels from the audio thread to a Worker. Built into one file
// without imports.
import type { Pair } from "../../common/events.js";
import { CAPTURE, type Free, type Listening, type Open, type Sound, type Started, type ToCapture } from "../messages.js";
import { scope } from "./audio-scope.js";
import { Feed, takeInput } from "./feed.js";

/** Sound in one message; half a hop, so that a hop waits little for the message that completes it. */
const STEP_MS = 10;
/** Sound that may wait for the Worker; what comes then is dropped and counted. */
const QUEUE_MS = 1000;

class CaptureProcessor extends scope.AudioWorkletProcessor {
  #sound: MessagePort | undefined;
  #feeds: [Feed | undefined, Feed | undefined] = [undefined, undefined];
  #free: Float32Array<ArrayBuffer>[] = [];
  /** Next frame expected; none before the first block. */
  #next = -1;
  /** Buffer in hand, made with the others at the first block. */
  #samples: Float32Array<ArrayBuffer> | undefined;
  #frames = 0;
  #lengths: Pair = [0, 0];
  #lost: Pair = [0, 0];
  #lostMs = 0;
  #listening = false;
  #closed = false;

  constructor() {
    super();
    this.port.onmessage = ({ data }: MessageEvent<ToCapture>) => {
      this.#take(data);
    };
  }

  process(inputs: Float32Array[][], [output]: Float32Array[][]): boolean {
    const block = output?.[0]?.length ?? 0;
    if (this.#sound && this.#listening && block > 0) this.#hear(this.#sound, inputs, block);
    return !this.#closed;
  }

  #take(message: ToCapture): void {
    switch (message.kind) {
      case "open":
        this.#open(message);
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
      case "finish":
        if (this.#sound && this.#samples) this.#send(this.#sound, this.#samples);
        this.#sound?.postMessage(message);
        this.#close();
        break;
      case "close":
        this.#close();
        break;
    }
  }

  #open({ sound, pushed }: Open): void {
    const feed = (rate: number | undefined): Feed | undefined => (rate === undefined ? undefined : new Feed(rate, scope.sampleRate));
    this.#feeds = [feed(pushed[0]), feed(pushed[1])];
    sound.onmessage = ({ data }: MessageEvent<Free>) => {
      this.#free.push(data.samples);
    };
    this.#sound = sound;
  }

  #hear(sound: MessagePort, inputs: Float32Array[][], block: number): void {
    if (this.#next < 0) this.#start(block);
    // Blocks may pass without a call, as when the page connects nodes: they were silent.
    for (; this.#next < scope.currentFrame; this.#next += block) this.#write(sound, undefined, block);
    this.#write(sound, inputs, block);
    this.#next = scope.currentFrame + block;
  }

  #write(sound: MessagePort, inputs: Float32Array[][] | undefined, block: number): void {
    const samples = this.#samples;
    if (!samples) return;
    const half = samples.length / 2;
    const [user, agent] = this.#lengths;
    this.#lengths[0] = user + (this.#feeds[0]?.take(block, samples, user) ?? takeInput(inputs?.[0]?.[0], 0, block, samples, user));
    const at = half + agent;
    this.#lengths[1] = agent + (this.#feeds[1]?.take(block, samples, at) ?? takeInput(inputs?.[1]?.[0], 0, block, samples, at));
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

  /** Makes every buffer, now that the length of a block is known. */
  #start(block: number): void {
    this.#next = scope.currentFrame;
    this.#post({ kind: "started", frame: this.#next });
    const frames = Math.ceil(this.#step() / block) * block;
    const ratio = Math.max(1, ...this.#feeds.map((feed) => (feed ? feed.rate / scope.sampleRate : 1)));
    const length = 2 * (Math.ceil(frames * ratio) + 1);
    const buffers = 1 + Math.ceil((QUEUE_MS * scope.sampleRate) / 1000 / frames);
    this.#free = Array.from({ length: buffers }, () => new Float32Array(length));
    this.#samples = this.#free.pop();
  }

  #close(): void {
    this.#closed = true;
    this.#sound?.close();
    this.#sound = undefined;
    this.#samples = undefined;
    this.#free = [];
    this.#feeds = [undefined, undefined];
  }

  #post(message: Listening | Started): void {
    this.port.postMessage(message);
  }
}

scope.registerProcessor(CAPTURE, CaptureProcessor);
