// How much memory the wasm of others takes: it is caught as it is made. The same in Node and in a browser.
const { WebAssembly } = globalThis;

/** From now on every wasm memory counts; gives a function that says their bytes. */
export function watchMemories() {
  const { Memory, instantiate, instantiateStreaming } = WebAssembly;
  const memories = new Set();
  WebAssembly.Memory = class extends Memory {
    constructor(descriptor) {
      super(descriptor);
      memories.add(this);
    }
  };
  const watched = (start) => async (...given) => {
    const result = await start(...given);
    const { exports } = result.instance ?? result;
    for (const value of Object.values(exports)) if (value instanceof Memory) memories.add(value);
    return result;
  };
  WebAssembly.instantiate = watched(instantiate);
  WebAssembly.instantiateStreaming = watched(instantiateStreaming);
  return () => [...memories].reduce((sum, { buffer }) => sum + buffer.byteLength, 0);
}
