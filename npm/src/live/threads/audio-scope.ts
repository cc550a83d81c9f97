// What an audio thread's global scope offers. The DOM types leave it out, and a page must not see it.

/** Base of every processor. */
interface Processor {
  readonly port: MessagePort;
}

interface AudioScope {
  readonly AudioWorkletProcessor: new () => Processor;
  /** First frame of the block that is rendered now. */
  readonly currentFrame: number;
  /** Sample rate of the context, in Hz. */
  readonly sampleRate: number;
  registerProcessor(name: string, processor: new () => Processor & ProcessorBody): void;
}

interface ProcessorBody {
  process(inputs: Float32Array[][], outputs: Float32Array[][]): boolean;
}

/** The global scope, for code that runs on the audio thread. */
export const scope = globalThis as unknown as AudioScope;
