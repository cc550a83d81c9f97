// How tests and benches get at the processors of an audio thread: code that goes ahead of the worklet's own, and nodes kept
// in the page.

/** Text to put before a worklet's own code; `extend(Processor)` gives the class that is registered in place of each. */
export const ahead = (extend) => `{
  const register = globalThis.registerProcessor;
  const extend = ${extend};
  globalThis.registerProcessor = (name, Processor) => register(name, extend(Processor));
}
`;

/** Answers `{ weigh: true }` with the bytes of the wasm memory. */
export function weighed(Processor) {
  const { Instance } = WebAssembly;
  let memory;
  WebAssembly.Instance = function (...given) {
    const instance = new Instance(...given);
    memory = instance.exports.memory;
    return instance;
  };
  return class extends Processor {
    constructor() {
      super();
      this.port.addEventListener("message", ({ data }) => data.weigh && this.port.postMessage({ bytes: memory.buffer.byteLength }));
    }
  };
}

/** In the page: every node that is made from now on is in `nodes`, and `weigh()` asks the last of them. */
export function keeping() {
  const nodes = (globalThis.nodes = []);
  globalThis.AudioWorkletNode = class extends AudioWorkletNode {
    constructor(...given) {
      super(...given);
      nodes.push(this);
    }
  };
  globalThis.weigh = () =>
    new Promise((resolve) => {
      const { port } = nodes.at(-1);
      port.addEventListener("message", ({ data }) => data.bytes && resolve(data.bytes));
      port.postMessage({ weigh: true });
    });
}
