// Many live calls on the threads of a Node process: sound goes to a call's thread, events come back. A thread that dies
// takes no call with it.
import { checkNames, rateOf, wrong } from "../common/checks.js";
import { VapTurnError, messageOf } from "../common/errors.js";
import type { Frame, TurnEvent } from "../common/events.js";
import type { BinarySource, ConversationOptions, ModelInfo } from "../common/options.js";
import { checkedExpectation, checkedPolicy } from "../common/policy-options.js";
import { checkBytes, checkEncoding } from "../common/samples.js";
import { TurnModel, defaultModel, defaultWasm, readBytes } from "../wasm/load.js";
import { PoolCall } from "./call.js";
import type { Answer, ThreadData } from "./messages.js";
import { PoolThread } from "./thread.js";

/** Options of {@link createPool}. */
export interface PoolOptions {
  /** Threads that compute; by default one less than the machine has cores, at least one. */
  threads?: number;
  /** The model file; by default `optimized.safetensors`. Every thread loads it once. */
  model?: BinarySource;
  /** The wasm binary; by default `vap_wasm_bg.wasm`. */
  wasm?: BinarySource | WebAssembly.Module;
  /** Folder of both files, by default beside the code; those named one by one go first. */
  assetBase?: URL | string;
  /**
   * How much sound of a call lies between two saves of its state, in ms; by default 5000. What was pushed since is kept
   * to be heard again should the thread die.
   */
  saveEveryMs?: number;
  /** How much sound of a call may wait for its thread, in ms; by default 10 000. */
  maxQueueMs?: number;
  /** Where the script of a thread lies, as a `file:` or `data:` URL; by default beside the code. */
  script?: URL;
}

/** Options of {@link TurnPool.open}. */
export interface CallOptions extends ConversationOptions {
  /**
   * Goes on from a saved state: policy and expectation are those of the conversation and must be left out, and `rate` must
   * say the same. By default the call begins.
   */
  state?: Uint8Array;
  /** Gives a frame every 20 ms as well, before the events of its hop; by default events alone. */
  frames?: boolean;
  /** Takes what the call tells, instead of a reader. */
  onEvent?: (event: Frame | TurnEvent) => void;
}

/** How a pool fares. */
export interface PoolStats {
  threads: number;
  /** Calls that go on. */
  calls: number;
  /** Hops of 20 ms told so far, of all calls. */
  hops: number;
  /** Sound that waits for its thread now, of all calls, in ms. */
  queuedMs: number;
  /** From a push to what it told, in ms. */
  delayMs: { p50: number; p99: number; max: number };
  /** Threads that died and were replaced. */
  restarts: number;
}

const OPTIONS = ["threads", "model", "wasm", "assetBase", "saveEveryMs", "maxQueueMs", "script"];
const CALL_OPTIONS = ["rate", "userRate", "agentRate", "policy", "expect", "encoding", "state", "frames", "onEvent"];
const MOST_THREADS = 256;
/** Threads in a row that end before they are ready, behind which the pool gives up. */
const MOST_FAILURES = 3;

/** Starts the threads, each with the weights loaded. Node alone has them. */
export async function createPool(options: PoolOptions = {}): Promise<TurnPool> {
  checkNames(options, OPTIONS);
  const { threads, saveEveryMs = 5000, maxQueueMs = 10_000, model, wasm, assetBase, script = defaultScript() } = options;
  const node: Partial<NodeJS.Process> = typeof process === "object" ? process : {};
  const os = node.getBuiltinModule?.("node:os");
  if (!os) throw new VapTurnError("option", "createPool: expected Node 20.16 or later; a page has `listen`");
  const count = whole("threads", threads ?? Math.max(1, os.availableParallelism() - 1), 1, MOST_THREADS);
  whole("saveEveryMs", saveEveryMs, 20, 600_000);
  whole("maxQueueMs", maxQueueMs, 20, 600_000);
  if (!(script instanceof URL) || !["file:", "data:"].includes(script.protocol)) throw wrong("script", "a URL of file: or data:", script);
  if ((model as unknown) instanceof TurnModel) {
    throw new VapTurnError("option", "option model: expected a URL, path, Response or bytes; a loaded TurnModel stays on its thread");
  }
  const [bytes, module] = await Promise.all([readBytes(model ?? defaultModel(assetBase), "model file"), compiled(wasm ?? defaultWasm(assetBase))]);
  // A copy: the caller's own may be changed or transferred away before a thread is replaced.
  const pool = built(() => new TurnPool({ wasm: module, model: bytes.slice() }, script, { count, saveEveryMs, maxQueueMs }));
  try {
    await pool.started();
  } catch (error) {
    await pool.close();
    throw error;
  }
  return pool;
}

function built(make: () => TurnPool): TurnPool {
  try {
    return make();
  } catch (error) {
    throw new VapTurnError("load", `pool: ${messageOf(error)}`, error);
  }
}

// Not a literal in `new URL`, which bundlers for the browser would follow.
const SCRIPT = "./worker.js";

function defaultScript(): URL {
  return new URL(SCRIPT, import.meta.url);
}

async function compiled(wasm: BinarySource | WebAssembly.Module): Promise<WebAssembly.Module> {
  if (wasm instanceof WebAssembly.Module) return wasm;
  const bytes = await readBytes(wasm, "wasm binary");
  try {
    return await WebAssembly.compile(bytes);
  } catch (error) {
    throw new VapTurnError("load", `wasm binary: ${messageOf(error)}`, error);
  }
}

interface Sizes {
  count: number;
  saveEveryMs: number;
  maxQueueMs: number;
}

/** Threads that compute many live calls; made by {@link createPool}. */
export class TurnPool {
  readonly #data: ThreadData;
  readonly #script: URL;
  readonly #sizes: Sizes;
  readonly #calls = new Map<number, PoolCall>();
  readonly #delays = process.getBuiltinModule("node:perf_hooks").createHistogram();
  #threads: PoolThread[] = [];
  #model: ModelInfo | undefined;
  #next = 0;
  #hops = 0;
  #restarts = 0;
  #failures = 0;
  #ended: VapTurnError | undefined;
  /** Resolved when no call is left. */
  #idle: (() => void)[] = [];

  /** @internal */
  constructor(data: ThreadData, script: URL, sizes: Sizes) {
    this.#data = data;
    this.#script = script;
    this.#sizes = sizes;
    for (let thread = 0; thread < sizes.count; thread++) this.#start();
  }

  /** What is known about the model. */
  get model(): ModelInfo {
    if (!this.#model) throw new VapTurnError("closed", "pool: it never started");
    return this.#model;
  }

  get stats(): PoolStats {
    const delay = (nanoseconds: number): number => (this.#delays.count === 0 ? 0 : nanoseconds / 1e6);
    return {
      threads: this.#threads.length,
      calls: this.#calls.size,
      hops: this.#hops,
      queuedMs: [...this.#calls.values()].reduce((sum, { queuedMs }) => sum + queuedMs, 0),
      delayMs: { p50: delay(this.#delays.percentile(50)), p99: delay(this.#delays.percentile(99)), max: delay(this.#delays.max) },
      restarts: this.#restarts,
    };
  }

  /** Begins a call, or goes on with one from its saved state, on the thread that has the fewest. */
  async open(options: CallOptions): Promise<PoolCall> {
    if (this.#ended) throw this.#ended;
    checkNames(options, CALL_OPTIONS);
    const { state, frames = false, onEvent } = options;
    if (typeof frames !== "boolean") throw new VapTurnError("option", `option frames: expected true or false, found ${typeof frames}`);
    if (onEvent !== undefined && typeof onEvent !== "function") {
      throw new VapTurnError("option", `option onEvent: expected a function, found ${typeof onEvent}`);
    }
    if (state !== undefined) checkBytes("option state", state);
    const decided = (["policy", "expect"] as const).find((name) => state !== undefined && options[name] !== undefined);
    if (decided) throw wrong(decided, "to be left out beside state, which has it", options[decided]);
    const encoding = checkEncoding(options.encoding);
    const rates = [rateOf("userRate", options.userRate ?? options.rate), rateOf("agentRate", options.agentRate ?? options.rate)];
    const policy = options.policy === undefined ? undefined : checkedPolicy(options.policy);
    const expect = options.expect === undefined ? undefined : checkedExpectation(options.expect);
    const id = this.#next++;
    const call = new PoolCall({
      open: {
        kind: "open", call: id, seq: 0, rates: rates as [number, number], policy, expect, encoding, frames, state: state && new Uint8Array(state),
      },
      thread: this.#quietest(),
      saveEveryMs: this.#sizes.saveEveryMs,
      maxQueueMs: this.#sizes.maxQueueMs,
      onEvent,
      worked: (delayMs, hops) => {
        this.#delays.record(Math.max(1, Math.round(delayMs * 1e6)));
        this.#hops += hops;
      },
      over: () => {
        this.#calls.delete(id);
        if (this.#calls.size === 0) this.#idle.splice(0).forEach((resolve) => { resolve(); });
      },
    });
    this.#calls.set(id, call);
    await call.opened();
    const { userRate, agentRate } = call.info;
    if (userRate === rates[0] && agentRate === rates[1]) return call;
    call.close();
    throw new VapTurnError("option", `option rate: expected ${userRate} and ${agentRate} Hz as in the state, found ${rates.join(" and ")} Hz`);
  }

  /** Takes no new calls, finishes those that go on, and ends the threads once all is told. */
  async finish(): Promise<void> {
    this.#ended ??= new VapTurnError("closed", "pool: it was finished");
    // How a call ends is told to those who hold it.
    await Promise.allSettled([...this.#calls.values()].map((call) => call.finish()));
    await this.close();
  }

  /** Takes no new calls, and ends the threads and once those that go on have ended of themselves. */
  async drain(): Promise<void> {
    this.#ended ??= new VapTurnError("closed", "pool: it drains");
    if (this.#calls.size > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
    await this.close();
  }

  /** Ends every call and thread at once. May be called again. */
  async close(): Promise<void> {
    await this.#end(new VapTurnError("closed", "pool: it was closed"));
  }

  /** Resolves when every thread is ready. @internal */
  async started(): Promise<void> {
    let model: ModelInfo | undefined;
    // One that died as soon as it was ready has another in its place.
    while (!model || this.#threads.some((thread) => !thread.started)) {
      [model] = await Promise.all(this.#threads.map(({ ready }) => ready));
    }
    this.#model = model;
  }

  /** The threads, for tests that kill them. @internal */
  get threads(): readonly PoolThread[] {
    return this.#threads;
  }

  #start(): void {
    const thread = new PoolThread(this.#script, this.#data, {
      answer: (answer: Answer) => this.#calls.get(answer.call)?.hear(answer),
      died: (dead) => {
        this.#replace(dead);
      },
    });
    thread.ready.then(() => (this.#failures = 0), () => undefined);
    this.#threads.push(thread);
  }

  #replace(dead: PoolThread): void {
    this.#threads = this.#threads.filter((thread) => thread !== dead);
    if (!dead.started) this.#failures++;
    // Before the pool is there, its creator is told.
    if (!this.#model && !dead.started) return;
    if (this.#failures >= MOST_FAILURES) {
      void this.#end(new VapTurnError("load", `pool: ${MOST_FAILURES} threads in a row ended before they were ready`));
      return;
    }
    this.#restarts++;
    this.#start();
    for (const call of this.#calls.values()) if (call.thread === dead) call.move(this.#quietest());
  }

  #quietest(): PoolThread {
    const thread = this.#threads.reduce((least, other) => (other.calls < least.calls ? other : least));
    return thread;
  }

  async #end(error: VapTurnError): Promise<void> {
    this.#ended = error;
    for (const call of this.#calls.values()) call.fail(error);
    const threads = this.#threads;
    this.#threads = [];
    await Promise.all(threads.map((thread) => thread.end()));
  }
}

function whole(name: string, found: number, least: number, most: number): number {
  if (Number.isInteger(found) && found >= least && found <= most) return found;
  throw new VapTurnError("option", `option ${name}: expected a whole number of ${least} to ${most}, found ${String(found)}`);
}
