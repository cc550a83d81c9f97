// One call of a pool: its sound on the way to a thread, kept until a saved state covers it, and what it told.
import { VapTurnError } from "../common/errors.js";
import { inOrder, type Frame, type TurnEvent } from "../common/events.js";
import { unpacked } from "../common/frames.js";
import type { Expectation, PolicyChange, PolicyOptions } from "../common/options.js";
import { checkedExpectation, checkedPolicy } from "../common/policy-options.js";
import { checkSamples, sampleCount, type Samples } from "../common/samples.js";
import type { Answer, CallInfo, EndOrder, OpenOrder, PushOrder, SteerOrder, CallAnswer } from "./messages.js";
import type { PoolThread } from "./thread.js";

/** Deaths of its thread without anything told in between, behind which a call is given up. */
const STRIKES = 10;
/** Orders behind a saved state, with which another is asked for however short their sound. */
const MOST_KEPT = 500;

/** What a call needs of its pool. @internal */
export interface CallPlan {
  open: OpenOrder;
  thread: PoolThread;
  saveEveryMs: number;
  maxQueueMs: number;
  onEvent: ((event: Frame | TurnEvent) => void) | undefined;
  /** Told how long an order waited for its answer, in ms, and how many hops it gave. */
  worked: (delayMs: number, hops: number) => void;
  /** Told once, when the call is over. */
  over: (call: PoolCall) => void;
}

/** An order that is kept: for its answer, and to be sent again should the thread die. */
interface Kept {
  order: PushOrder | SteerOrder | EndOrder;
  /** Sound of the call up to its end, in ms. */
  endMs: number;
  at: number;
}

interface Waiter<T> {
  resolve: (value: T) => void;
  reject: (error: Error) => void;
}

/**
 * A live call of a pool; made by {@link TurnPool.open}. `for await` gives its events (and frames, where they were asked
 * for) up to its end, to one reader; nothing is dropped, so read them, or give `onEvent`.
 */
export class PoolCall implements AsyncIterableIterator<Frame | TurnEvent> {
  readonly #plan: CallPlan;
  #thread: PoolThread;
  #info: CallInfo | undefined;
  /** Orders behind the last saved state, told or not. */
  #kept: Kept[] = [];
  #state: Uint8Array | undefined;
  /** The last order sent, and the last one told. */
  #seq = 0;
  #told = -1;
  /** Sound of each channel so far, in ms. */
  #heardMs: [number, number] = [0, 0];
  #toldMs = 0;
  #savedMs = 0;
  /** The last order behind which the state was asked for. */
  #savedSeq = 0;
  #hops = 0;
  #strikes = 0;
  #events: (Frame | TurnEvent)[] = [];
  #finishing = false;
  /** Over: by its end, by `close`, or by an error. */
  #over = false;
  #error: VapTurnError | undefined;
  #opened: Waiter<void> | undefined;
  #saves = new Map<number, Waiter<Uint8Array>>();
  #steers = new Map<number, Waiter<PolicyChange>>();
  /** Those who wait for the next change. */
  #waiting: (() => void)[] = [];

  /** @internal */
  constructor(plan: CallPlan) {
    this.#plan = plan;
    this.#thread = plan.thread;
    this.#thread.calls++;
    this.#state = plan.open.state;
    this.#thread.order(plan.open);
  }

  /** Resolves once its thread has taken it. @internal */
  opened(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#opened = { resolve, reject };
    });
  }

  /** What is known about the call. */
  get info(): CallInfo {
    if (!this.#info) throw new VapTurnError("closed", "call: it was never opened");
    return this.#info;
  }

  /** Sound that was pushed and is not told yet, in ms. */
  get queuedMs(): number {
    return this.#over ? 0 : Math.max(...this.#heardMs) - this.#toldMs;
  }

  /** Hops of 20 ms told so far. */
  get hops(): number {
    return this.#hops;
  }

  /**
   * Takes the next sound, as `TurnDetector.push` does, and leaves it to the call's thread; the arrays may be used again.
   * False says that half of what may wait waits: `await call.ready()` before the next. Throws `behind`, and takes
   * nothing, when `maxQueueMs` wait; `finished`, `closed`, or the error that ended the call.
   */
  push(user?: Samples, agent?: Samples): boolean {
    this.#goesOn();
    const { rates, encoding } = this.#plan.open;
    if (user !== undefined) checkSamples("push: user", user, encoding);
    if (agent !== undefined) checkSamples("push: agent", agent, encoding);
    const found = this.queuedMs;
    if (found >= this.#plan.maxQueueMs) {
      const limit = this.#plan.maxQueueMs;
      throw new VapTurnError("behind", `call: expected less than ${limit} ms of sound that waits, found ${Math.round(found)} ms`);
    }
    const lengths = [user, agent].map((given, s) => given && (1000 * sampleCount(given, encoding)) / (rates[s] ?? NaN));
    const silence = Math.max(lengths[0] ?? 0, lengths[1] ?? 0);
    this.#heardMs = [this.#heardMs[0] + (lengths[0] ?? silence), this.#heardMs[1] + (lengths[1] ?? silence)];
    const endMs = Math.max(...this.#heardMs);
    const save = endMs - this.#savedMs >= this.#plan.saveEveryMs;
    if (save) [this.#savedMs, this.#savedSeq] = [endMs, this.#seq + 1];
    const [call, seq] = [this.#plan.open.call, ++this.#seq];
    this.#send({ order: { kind: "push", call, seq, user: copied(user), agent: copied(agent), save }, endMs, at: performance.now() });
    return this.queuedMs < this.#plan.maxQueueMs / 2;
  }

  /** Resolves when less than half of what may wait waits. */
  async ready(): Promise<void> {
    while (!this.#over && this.queuedMs >= this.#plan.maxQueueMs / 2) await this.#change();
    this.#check();
  }

  /**
   * The state behind all sound pushed so far, for `pool.open({ state })` or `TurnDetector.restore`, here or in another
   * process. Events of that sound are told first, so nothing is lost or told twice when the call goes on from it.
   */
  async save(): Promise<Uint8Array> {
    this.#goesOn();
    const seq = this.#ask({ kind: "save" });
    return new Promise((resolve, reject) => {
      this.#saves.set(seq, { resolve, reject });
    });
  }

  /**
   * Other thresholds, or another ask, behind all sound pushed so far, as `TurnDetector.setPolicy` takes them. What the
   * model refuses rejects with `option` and leaves the old ones in force.
   */
  async setPolicy(policy: PolicyOptions): Promise<PolicyChange> {
    return this.#steer({ policy: checkedPolicy(policy) });
  }

  /** Tells what the user will probably say behind all sound pushed so far, as `TurnDetector.expect` does. */
  async expect(expectation: Expectation): Promise<PolicyChange> {
    return this.#steer({ expect: checkedExpectation(expectation) });
  }

  /** Ends the call: what is pending is decided and told, and then it is over. A second call waits for the same. */
  async finish(): Promise<void> {
    if (!this.#finishing && !this.#over) {
      this.#finishing = true;
      this.#ask({ kind: "finish" });
    }
    while (!this.#over) await this.#change();
    if (this.#error) throw this.#error;
  }

  /** Ends the call at once; what was not told is not. May be called again. */
  close(): void {
    if (this.#over) return;
    this.#thread.order({ kind: "close", call: this.#plan.open.call });
    this.#leave(this.#finishing || this.#opened ? new VapTurnError("closed", "call: it was closed") : undefined);
  }

  /** The next event, once there is one. */
  async next(): Promise<IteratorResult<Frame | TurnEvent, undefined>> {
    while (this.#events.length === 0 && !this.#over) await this.#change();
    const value = this.#events.shift();
    if (value) return { value, done: false };
    const error = this.#error;
    if (error) throw error;
    return { value: undefined, done: true };
  }

  /** Ends the reading, and the call with it. */
  return(): Promise<IteratorResult<Frame | TurnEvent, undefined>> {
    this.#events = [];
    this.close();
    return Promise.resolve({ value: undefined, done: true });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Takes what its thread says. @internal */
  hear(answer: Answer): void {
    if (this.#over) return;
    if (answer.kind === "failed") {
      this.fail(new VapTurnError(answer.code, answer.message));
      return;
    }
    if (answer.info) {
      this.#info ??= answer.info;
      this.#opened?.resolve();
      this.#opened = undefined;
    }
    const kept = this.#kept[answer.seq - (this.#kept[0]?.order.seq ?? 0)];
    if (answer.state) {
      this.#state = answer.state;
      this.#kept = this.#kept.filter(({ order }) => order.seq > answer.seq);
    }
    // Told before its thread died.
    if (answer.seq <= this.#told) return;
    this.#told = answer.seq;
    this.#strikes = 0;
    const hops = answer.hops - this.#hops;
    this.#hops = answer.hops;
    if (kept) {
      this.#toldMs = kept.endMs;
      this.#plan.worked(performance.now() - kept.at, hops);
      if (kept.order.kind === "save" && answer.state) this.#saves.get(answer.seq)?.resolve(answer.state);
      if (kept.order.kind === "save") this.#saves.delete(answer.seq);
      if (answer.steered) this.#steered(answer.seq, answer.steered);
    }
    const items = answer.frames ? inOrder({ frames: unpacked(answer.frames, answer.hops - hops), events: answer.events }) : answer.events;
    if (!this.#give(items)) return;
    if (kept?.order.kind === "finish") this.#leave(undefined);
    this.#changed();
  }

  /** Goes on in another thread, from the last state and the sound since. @internal */
  move(thread: PoolThread): void {
    // A thread that never was ready had not seen this call.
    if (this.#thread.started) this.#strikes++;
    if (this.#strikes > STRIKES) {
      this.fail(new VapTurnError("internal", `call: its thread died ${this.#strikes} times before it told anything`));
      return;
    }
    this.#thread = thread;
    thread.calls++;
    const first = this.#kept[0]?.order.seq ?? this.#seq + 1;
    thread.order({ ...this.#plan.open, seq: first - 1, state: this.#state });
    for (const { order } of this.#kept) thread.order(order);
  }

  /** Ends the call by an error. @internal */
  fail(error: VapTurnError): void {
    this.#leave(error);
  }

  /** Where it lives. @internal */
  get thread(): PoolThread {
    return this.#thread;
  }

  #check(): void {
    if (this.#error) throw this.#error;
    if (this.#over) throw new VapTurnError("closed", "call: it is over");
  }

  #steer(request: Pick<SteerOrder, "policy" | "expect">): Promise<PolicyChange> {
    this.#goesOn();
    const seq = this.#ask({ kind: "steer", ...request });
    return new Promise((resolve, reject) => {
      this.#steers.set(seq, { resolve, reject });
    });
  }

  #steered(seq: number, { change, refused }: NonNullable<CallAnswer["steered"]>): void {
    const waiter = this.#steers.get(seq);
    this.#steers.delete(seq);
    if (refused) waiter?.reject(new VapTurnError(refused.code, refused.message));
    if (!change || !this.#info) return;
    const { userRate, agentRate, delayMs } = this.#info;
    const { fromMs, ...inForce } = change;
    this.#info = { userRate, agentRate, delayMs, ...inForce };
    waiter?.resolve({ ...inForce, fromMs });
  }

  #goesOn(): void {
    this.#check();
    if (this.#finishing) throw new VapTurnError("finished", "call: expected one that goes on, found a finished one");
  }

  #ask(order: Pick<EndOrder, "kind"> | Pick<SteerOrder, "kind" | "policy" | "expect">): number {
    const seq = ++this.#seq;
    this.#send({ order: { ...order, call: this.#plan.open.call, seq }, endMs: Math.max(...this.#heardMs), at: performance.now() });
    return seq;
  }

  #send(kept: Kept): void {
    this.#kept.push(kept);
    this.#thread.order(kept.order);
    if (this.#finishing || this.#seq - this.#savedSeq < MOST_KEPT) return;
    this.#savedSeq = this.#seq;
    this.#ask({ kind: "save" });
  }

  /** False where one of them ended the call. */
  #give(items: readonly (Frame | TurnEvent)[]): boolean {
    const { onEvent } = this.#plan;
    for (const item of items) {
      if (!onEvent) {
        this.#events.push(item);
        continue;
      }
      // Closed by the event before.
      if (this.#over) return false;
      try {
        onEvent(item);
      } catch (error) {
        // The caller's own, and none of the pool's: the rest is told all the same.
        queueMicrotask(() => {
          throw error;
        });
      }
    }
    return !this.#over;
  }

  #leave(error: VapTurnError | undefined): void {
    if (this.#over) return;
    this.#over = true;
    this.#error = error;
    this.#kept = [];
    this.#state = undefined;
    this.#thread.calls--;
    const gone = error ?? new VapTurnError("closed", "call: it is over");
    this.#opened?.reject(gone);
    for (const { reject } of [...this.#saves.values(), ...this.#steers.values()]) reject(gone);
    this.#saves.clear();
    this.#steers.clear();
    this.#plan.over(this);
    this.#changed();
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #changed(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}

function copied(given: Samples | undefined): Samples | undefined {
  if (given === undefined) return undefined;
  if (given instanceof Float32Array) return new Float32Array(given);
  return given instanceof Int16Array ? new Int16Array(given) : new Uint8Array(given);
}
