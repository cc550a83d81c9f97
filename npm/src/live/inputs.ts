// The ways a channel's sound comes in: the microphone, a MediaStream, an AudioNode, or samples that the page pushes.
import { VapTurnError, messageOf } from "../common/errors.js";
import type { Speaker } from "../common/events.js";
import type { Lifetime } from "../common/lifetime.js";

/**
 * Where a channel's sound comes from. `"microphone"` asks the person for it, with echo cancellation; nothing else does.
 */
export type TurnInput = "microphone" | MediaStream | AudioNode | PcmInput;

/** Where pushed samples go while a session listens to them. @internal */
export interface PcmSink {
  push(samples: Float32Array<ArrayBuffer>): void;
  clear(): void;
}

/**
 * A channel whose samples the page pushes, such as speech of an agent that arrives over a socket. What is pushed is
 * heard one chunk behind the other in the time of the AudioContext, from the moment it arrives; silence where nothing is
 * left. So push a chunk when it begins to play.
 */
export class PcmInput {
  /** Sample rate, in Hz. */
  readonly rate: number;
  #sink: PcmSink | undefined;
  /** Pushed before a session listens. */
  #early: Float32Array<ArrayBuffer>[] = [];

  /** `rate` in Hz, 8000 to 96000. */
  constructor({ rate }: { rate: number }) {
    if (!Number.isSafeInteger(rate) || rate < 8000 || rate > 96_000) {
      throw new VapTurnError("sample-rate", `PcmInput: expected a rate of 8000 to 96000 Hz, found ${String(rate)}`);
    }
    this.rate = rate;
  }

  /** Takes mono samples, nominally in [-1, 1], any number of them; they are copied. */
  push(samples: Float32Array): void {
    if (!((samples as unknown) instanceof Float32Array)) {
      throw new VapTurnError("option", `PcmInput: expected a Float32Array, found ${typeof samples}`);
    }
    if (samples.length === 0) return;
    const copy = new Float32Array(samples);
    if (this.#sink) this.#sink.push(copy);
    else this.#early.push(copy);
  }

  /** Forgets what was pushed and not heard yet, as when an interruption stops the agent. */
  clear(): void {
    this.#early = [];
    this.#sink?.clear();
  }

  /** Begins to give to `sink`, or stops. @internal */
  attach(sink: PcmSink | undefined): void {
    if (sink && this.#sink) throw new VapTurnError("option", "PcmInput: another session listens to it");
    this.#sink = sink;
    for (const samples of sink ? this.#early.splice(0) : []) sink?.push(samples);
  }
}

/** An input that is open. */
export interface OpenInput {
  /** What brings the sound; undefined for pushed samples. */
  node: AudioNode | undefined;
  /** Tracks of a stream. */
  tracks: MediaStreamTrack[];
}

/** Opens an input in the context. */
export async function openInput(name: Speaker, input: TurnInput | undefined, context: BaseAudioContext, life: Lifetime): Promise<OpenInput> {
  if (input === undefined || input instanceof PcmInput) return { node: undefined, tracks: [] };
  if (input instanceof AudioNode) return { node: input, tracks: [] };
  if (input instanceof MediaStream) return openStream(name, input, context, life);
  const stream = await microphone();
  life.own(() => {
    for (const track of stream.getTracks()) track.stop();
  });
  return openStream(name, stream, context, life);
}

async function microphone(): Promise<MediaStream> {
  const devices = (navigator as { mediaDevices?: MediaDevices }).mediaDevices;
  if (!devices) throw new VapTurnError("microphone", "microphone: expected a secure context (https or localhost)");
  try {
    return await devices.getUserMedia({ audio: { echoCancellation: true, channelCount: 1 } });
  } catch (error) {
    const refused = error instanceof DOMException && (error.name === "NotAllowedError" || error.name === "SecurityError");
    throw new VapTurnError(refused ? "permission" : "microphone", `microphone: ${messageOf(error)}`, error);
  }
}

function openStream(name: Speaker, stream: MediaStream, context: BaseAudioContext, life: Lifetime): OpenInput {
  const tracks = stream.getAudioTracks();
  if (tracks.length === 0) throw new VapTurnError("option", `option ${name}: expected a MediaStream with an audio track, found none`);
  if (!(context instanceof AudioContext)) {
    throw new VapTurnError("option", `option ${name}: a MediaStream needs an AudioContext, not an OfflineAudioContext`);
  }
  // Chromium feeds the stream of a peer connection to Web Audio only while a media element pulls it as well.
  const element = new Audio();
  element.muted = true;
  element.srcObject = stream;
  element.play().catch(() => undefined);
  life.own(() => {
    element.pause();
    element.srcObject = null;
  });
  try {
    return { node: context.createMediaStreamSource(stream), tracks };
  } catch (error) {
    throw new VapTurnError("context", `option ${name}: ${messageOf(error)}`, error);
  }
}
