// Made by `cargo xtask build` from the binary's doors in vap-wasm: change it there.

import type { Expectation, Figures, ModelInfo, Policy, TurnEvent } from "../common/contract.js";
import type { PolicyOptions } from "../common/options.js";

/** A decoded WAV file. */
export interface DecodedWav {
    sampleRate: number;
    channels: Float32Array[];
}

/** Options of a session; rates in Hz. */
export interface SessionOptions {
    userRate: number;
    agentRate: number;
    policy?: PolicyOptions;
    expect?: Expectation;
}

/** What a push gave: packed frames, events, packed sounds that are not judged yet. */
export interface SessionOutput {
    frames: Float32Array;
    events: TurnEvent[];
    bargeIns: Float64Array;
}



/**
 * A loaded model, shared by its sessions.
 */
export class Model {
    private constructor();
    free(): void;
    /**
     * What is known about the model.
     */
    info(): ModelInfo;
    /**
     * Reads a model file.
     */
    static load(bytes: Uint8Array | number[]): Model;
}

/**
 * One conversation whose model is computed elsewhere: mels go out, logits come in.
 */
export class RemoteSession {
    private constructor();
    free(): void;
    /**
     * Ends the sound; its last hops still wait to go out.
     */
    endSound(): void;
    /**
     * What the user is expected to say from the next hop on: open, yesno, digits or spelling.
     */
    expect(expectation: Expectation): void;
    /**
     * What the user is expected to say.
     */
    expectation(): Expectation;
    /**
     * What was measured of a policy that was asked for, while it is as it was solved; else undefined.
     */
    expected(): Figures | undefined;
    /**
     * Ends the conversation, after the last hop.
     */
    finish(): SessionOutput;
    /**
     * Takes sound as `Session.hear` does.
     */
    hear(user?: Float32Array | number[] | null, agent?: Float32Array | number[] | null): void;
    /**
     * The session that goes on in its place; its `output` is what was out.
     */
    intoSession(): Session;
    /**
     * Normalised mels of the next hops, at most `most` and 4096: `[2, 2 x hops, 80]`, the user's before the agent's.
     * Empty while others are out.
     */
    nextMels(most: number): Float32Array;
    /**
     * Thresholds in force for the user's turns.
     */
    policy(): Policy;
    /**
     * Takes the logits of the hops that are out, `[hops, 27]`, and gives what they tell; those that are refused leave
     * the hops out.
     */
    pushLogits(logits: Float32Array | number[]): SessionOutput;
    /**
     * Other thresholds from the next hop on, those that wait included, given as in the options; the
     * conversation goes on. Those that are refused leave the old ones.
     */
    setPolicy(policy: PolicyOptions): void;
    /**
     * Hops that wait to go out.
     */
    waiting(): number;
}

/**
 * One conversation, and what was measured of the thresholds it asked for.
 */
export class Session {
    free(): void;
    /**
     * Longest time between the end of a hop going in and its frame coming out, in ms.
     */
    delayMs(): number;
    /**
     * What the user is expected to say from the next hop on: open, yesno, digits or spelling.
     */
    expect(expectation: Expectation): void;
    /**
     * What the user is expected to say.
     */
    expectation(): Expectation;
    /**
     * What was measured of a policy that was asked for, while it is as it was solved; else undefined.
     */
    expected(): Figures | undefined;
    /**
     * Ends the conversation.
     */
    finish(): SessionOutput;
    /**
     * Frames given so far.
     */
    frames(): number;
    /**
     * Takes that many samples of the room for each channel, as `hear` does; -1 leaves a channel out.
     */
    hearInput(user: number, agent: number): void;
    /**
     * Takes sound as `push` does and leaves the work to `work`.
     */
    hear(user?: Float32Array | number[] | null, agent?: Float32Array | number[] | null): void;
    /**
     * Address in the instance's memory of room for 4096 samples of a channel, 0 for the user and 1 for the agent, for
     * as long as the session lives. An audio thread writes there and calls `hearInput`, so that nothing is allocated;
     * a view over the memory must be made anew when the memory has grown.
     */
    input(channel: number): number;
    /**
     * A session at the beginning of a conversation.
     */
    constructor(model: Model, options: SessionOptions);
    /**
     * What the work so far has told, and was not asked for yet.
     */
    output(): SessionOutput;
    /**
     * Thresholds in force for the user's turns.
     */
    policy(): Policy;
    /**
     * Takes sound of both channels. A channel left out is silent for as long as the other sounds; one that is empty
     * has nothing new yet, and the other's sound waits for it.
     */
    push(user?: Float32Array | number[] | null, agent?: Float32Array | number[] | null): SessionOutput;
    /**
     * Sample rates of user and agent, in Hz.
     */
    rates(): Uint32Array;
    /**
     * A remote session at the beginning of a conversation, with the model and the options of this one.
     */
    remote(): RemoteSession;
    /**
     * Samples so far that were not finite and counted as 0.
     */
    replaced(): number;
    /**
     * Back to the beginning of a conversation.
     */
    reset(): void;
    /**
     * A session that goes on where another of the same model was saved.
     */
    static restore(model: Model, bytes: Uint8Array | number[]): Session;
    /**
     * Everything that later output depends on; what was told and not asked for is not in it.
     */
    save(): Uint8Array<ArrayBuffer>;
    /**
     * Other thresholds from the next hop on, those that wait included, given as in the options; the
     * conversation goes on. Those that are refused leave the old ones.
     */
    setPolicy(policy: PolicyOptions): void;
    /**
     * Hops that wait for `work`.
     */
    waiting(): number;
    /**
     * Does one slice of the work that waits; true while there is more.
     */
    work(): boolean;
}

/**
 * Samples of the bytes of G.711; `encoding` is `alaw` or `mulaw`.
 */
export function decodeG711(bytes: Uint8Array | number[], encoding: string): Float32Array;

/**
 * Decodes a WAV file.
 */
export function decodeWav(bytes: Uint8Array | number[]): DecodedWav;

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
