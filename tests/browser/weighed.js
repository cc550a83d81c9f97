// Put before the worklet's own code: its processors answer `{ weigh: true }` with the bytes of their wasm memory.

export function weighed() {
  const { Instance } = WebAssembly;
  const register = globalThis.registerProcessor;
  let memory;
  WebAssembly.Instance = function (...given) {
    const instance = new Instance(...given);
    memory = instance.exports.memory;
    return instance;
  };
  globalThis.registerProcessor = (name, Processor) =>
    register(
      name,
      class extends Processor {
        constructor() {
          super();
          this.port.addEventListener("message", ({ data }) => data.weigh && this.port.postMessage({ bytes: memory.buffer.byteLength }));
        }
      },
    );
}

/** In the page: the node that is made next, and the bytes of its processor's wasm memory. */
export function weighing() {
  const nodes = [];
  globalThis.AudioWorkletNode = class extends AudioWorkletNode {
    constructor(...given) {
      super(...given);
      nodes.push(this);
    }
  };
  globalThis.weigh = () =>
    new Promise((resolve) => {
      const node = nodes.at(-1);
      node.port.addEventListener("message", ({ data }) => data.bytes && resolve(data.bytes));
      node.port.postMessage({ weigh: true });
    });
}
