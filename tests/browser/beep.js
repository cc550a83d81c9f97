// Tells the time of the context, in s, at which a loud sound begins.
/* global AudioWorkletProcessor, currentFrame, registerProcessor, sampleRate */
registerProcessor(
  "beep",
  class extends AudioWorkletProcessor {
    process([[input]]) {
      const at = input?.findIndex((sample) => Math.abs(sample) > 0.3) ?? -1;
      if (at < 0) return true;
      this.port.postMessage((currentFrame + at) / sampleRate);
      return false;
    }
  },
);
