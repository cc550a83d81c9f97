// What the package uses of the wasm build that lies beside the compiled files (wasm-bindgen, `--target web`).
// Declared here so that types and lint need no wasm build, and so that no generated type is in the public API.
import type { TurnEvent } from "../common/events.js";
import type { Expectation, Figures, ModelInfo, Policy, PolicyOptions } from "../common/options.js";

export function decodeWav(bytes: Uint8Array): { sampleRate: number; channels: Float32Array[] };

export function decodeG711(bytes: Uint8Array, encoding: string): Float32Array;

export class Model {
  private constructor();
  static load(bytes: Uint8Array): Model;
  info(): ModelInfo;
  free(): void;
}

export class Session {
  constructor(model: Model, options: { userRate: number; agentRate: number; policy?: PolicyOptions; expect?: Expectation });
  static restore(model: Model, bytes: Uint8Array): Session;
  save(): Uint8Array<ArrayBuffer>;
  push(user: Float32Array | undefined, agent: Float32Array | undefined): SessionOutput;
  /** Address in the memory of room for 4096 samples of a channel. */
  input(channel: number): number;
  /** Takes that many samples of each room. */
  hearInput(user: number, agent: number): void;
  /** Does one slice of the work that waits; true while there is more. */
  work(): boolean;
  output(): SessionOutput;
  finish(): SessionOutput;
  reset(): void;
  hear(user: Float32Array | undefined, agent: Float32Array | undefined): void;
  waiting(): number;
  /** A fresh conversation with the same model and options, whose model is computed elsewhere. */
  remote(): RemoteSession;
  delayMs(): number;
  /** Sample rates of user and agent, in Hz. */
  rates(): Uint32Array;
  /** Frames given so far. */
  frames(): number;
  setPolicy(policy: PolicyOptions): void;
  expect(expectation: Expectation): void;
  policy(): Policy;
  expectation(): Expectation;
  expected(): Figures | undefined;
  free(): void;
}

/** A conversation whose model is computed elsewhere. */
export class RemoteSession {
  private constructor();
  hear(user: Float32Array | undefined, agent: Float32Array | undefined): void;
  waiting(): number;
  /** Mels of the next hops, `[2, 2 x hops, 80]`. */
  nextMels(most: number): Float32Array;
  /** Logits of those hops, `[hops, 27]`. */
  pushLogits(logits: Float32Array): SessionOutput;
  endSound(): void;
  finish(): SessionOutput;
  setPolicy(policy: PolicyOptions): void;
  expect(expectation: Expectation): void;
  policy(): Policy;
  expectation(): Expectation;
  expected(): Figures | undefined;
  /** The session that goes on in its place; its `output` is what was out. */
  intoSession(): Session;
  free(): void;
}

/** `frames` is `[n, 31]`: the 27 probabilities of a hop, then pNow and pFuture of user and agent. `bargeIns` is `[m, 6]`, see frames.ts. */
export interface SessionOutput {
  frames: Float32Array;
  events: TurnEvent[];
  bargeIns: Float64Array;
}

export default function init(input: {
  module_or_path: Response | BufferSource | WebAssembly.Module;
}): Promise<unknown>;

export function initSync(input: { module: BufferSource | WebAssembly.Module }): { memory: WebAssembly.Memory };
