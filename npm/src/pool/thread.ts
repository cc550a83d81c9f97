// One thread of a pool, as the pool sees it: orders in, answers out, and another in its place when it dies.
import type { Worker as NodeWorker } from "node:worker_threads";
import { VapTurnError, messageOf } from "../common/errors.js";
import type { ModelInfo } from "../common/options.js";
import type { Answer, ThreadData, FromThread, Order } from "./messages.js";

/** What a thread tells its pool. */
export interface ThreadHandlers {
  answer: (answer: Answer) => void;
  /** It died, and what it held is lost. */
  died: (thread: PoolThread) => void;
}

/** A thread that starts, works and may die. */
export class PoolThread {
  /** What is known about the model, once the thread is ready. */
  readonly ready: Promise<ModelInfo>;
  /** Calls that live here. */
  calls = 0;
  /** It was ready. */
  started = false;
  /** It takes no more orders. */
  dead = false;
  readonly #worker: NodeWorker;
  readonly #handlers: ThreadHandlers;
  readonly #gone: Promise<void>;
  #orders: Order[] = [];
  #due = false;

  constructor(script: URL, workerData: ThreadData, handlers: ThreadHandlers) {
    const { Worker } = process.getBuiltinModule("node:worker_threads");
    this.#handlers = handlers;
    this.#worker = new Worker(script, { workerData, name: "vap-turn" });
    let why: unknown;
    this.ready = new Promise((resolve, reject) => {
      this.#worker.on("message", (message: FromThread) => {
        if (message.kind === "ready") resolve(message.model);
        else if (message.kind === "broken") reject(new VapTurnError(message.code, `pool: ${message.message}`));
        else for (const answer of message.answers) this.#hear(answer);
      });
      this.#worker.once("exit", () => {
        reject(new VapTurnError("load", `pool: a thread ended before it was ready${why === undefined ? "" : `: ${messageOf(why)}`}`));
      });
    });
    this.ready.then(() => (this.started = true), () => undefined);
    // An error is followed by the exit.
    this.#worker.on("error", (error) => (why = error));
    this.#gone = new Promise((resolve) => {
      this.#worker.once("exit", () => {
        const before = this.dead;
        this.dead = true;
        resolve();
        if (!before) handlers.died(this);
      });
    });
  }

  /** Sends an order with the next message. */
  order(order: Order): void {
    this.#orders.push(order);
    if (this.#due) return;
    this.#due = true;
    // Sound of many calls arrives in one turn of the event loop.
    setImmediate(() => {
      this.#due = false;
      const orders = this.#orders;
      this.#orders = [];
      if (!this.dead) this.#worker.postMessage(orders);
    });
  }

  /** Ends it; its death is not told. */
  async end(): Promise<void> {
    this.dead = true;
    await this.#worker.terminate();
    await this.#gone;
  }

  /** The worker, for tests that kill it. @internal */
  get worker(): NodeWorker {
    return this.#worker;
  }

  #hear(answer: Answer): void {
    // What a thread said before it died is still heard, unless its calls live elsewhere by now.
    if (this.dead) return;
    this.#handlers.answer(answer);
    if (answer.kind === "failed" && answer.fault) void this.#worker.terminate();
  }
}
