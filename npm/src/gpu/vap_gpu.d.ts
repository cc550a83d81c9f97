// Made by `cargo xtask build` from the binary's doors in vap-wasm: change it there.

/**
 * A device of the GPU.
 */
export class Gpu {
    private constructor();
    free(): void;
    /**
     * Puts the weights of a model file on it.
     */
    load(bytes: Uint8Array | number[]): GpuModel;
    /**
     * Opens a device.
     */
    static open(): Promise<Gpu>;
}

/**
 * Weights on the GPU, shared by its streams.
 */
export class GpuModel {
    private constructor();
    free(): void;
    /**
     * A stream at its beginning.
     */
    stream(): GpuStream;
}

/**
 * One stream; what it remembers stays on the GPU.
 */
export class GpuStream {
    private constructor();
    free(): void;
    /**
     * Takes the next hops, 1 to 4096: normalised mels `[2, 2 x hops, 80]`, the user's before the agent's. The promise
     * gives their logits, `[hops, 27]`, or `backend` when the GPU is lost.
     */
    step(mels: Float32Array | number[]): Promise<Float32Array>;
}

/**
 * Runs the constructors that Burn's compiler registers itself by, once. Unless the program calls them, the linker has
 * every export run them all, and a step calls exports thousands of times: it would take seconds.
 */
export function construct(): void;

export type InitInput = RequestInfo | URL | Response | BufferSource | WebAssembly.Module;

export interface InitOutput {
    readonly memory: WebAssembly.Memory;
}

export type SyncInitInput = BufferSource | WebAssembly.Module;

/**
 * Instantiates the given `module`, which can either be bytes or
 * a precompiled `WebAssembly.Module`.
 *
 * @param {{ module: SyncInitInput }} module - Passing `SyncInitInput` directly is deprecated.
 *
 * @returns {InitOutput}
 */
export function initSync(module: { module: SyncInitInput } | SyncInitInput): InitOutput;

/**
 * If `module_or_path` is {RequestInfo} or {URL}, makes a request and
 * for everything else, calls `WebAssembly.instantiate` directly.
 *
 * @param {{ module_or_path: InitInput | Promise<InitInput> }} module_or_path - Passing `InitInput` directly is deprecated.
 *
 * @returns {Promise<InitOutput>}
 */
export default function __wbg_init (module_or_path: { module_or_path: InitInput | Promise<InitInput> } | InitInput | Promise<InitInput>): Promise<InitOutput>;
