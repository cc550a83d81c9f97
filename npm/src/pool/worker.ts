// A thread of a pool: many sessions over weights that are loaded once, worked in the order in which sound comes.
import { HOP_MS } from "../common/contract.js";
import { VapTurnError, asVapTurnError } from "../common/errors.js";
import type { Encoding, Samples } from "../common/samples.js";
import { floats } from "../wasm/decode.js";
import { inForce, steered } from "../wasm/policy-in-force.js";
import { Model, Session, initSync, type SessionOutput } from "../wasm/vap_wasm.js";
import type { Answer, ThreadData, CallInfo, FromThread, OpenOrder, Order, CallAnswer } from "./messages.js";

/** How long answers may wait for those behind them. */
const PATIENCE_MS = 5;

interface Call {
  session: Session;
  encoding: Encoding | undefined;
  frames: boolean;
}

const threads = process.getBuiltinModule("node:worker_threads");
const port = threads.parentPort;

function tell(message: FromThread): void {
  port?.postMessage(message);
}

function begin({ wasm, model: bytes }: ThreadData): void {
  initSync({ module: wasm });
  const model = Model.load(bytes);
  const calls = new Map<number, Call>();
  let broken = false;

  port?.on("message", (orders: Order[]) => {
    let answers: Answer[] = [];
    let told = performance.now();
    const flush = (): void => {
      if (answers.length > 0) tell({ kind: "answers", answers });
      answers = [];
      told = performance.now();
    };
    for (const order of orders) {
      // Behind a fault inside the binary its memory is not to be trusted; the pool ends this thread.
      if (broken) break;
      const answer = answered(model, calls, order);
      if (answer) answers.push(answer);
      broken = answer?.kind === "failed" && answer.fault;
      if (performance.now() - told > PATIENCE_MS) flush();
    }
    flush();
  });
  tell({ kind: "ready", model: model.info() });
}

function answered(model: Model, calls: Map<number, Call>, order: Order): Answer | undefined {
  const known = calls.get(order.call);
  if (order.kind === "close") {
    calls.delete(order.call);
    known?.session.free();
    return undefined;
  }
  const { call, seq } = order;
  try {
    if (order.kind === "open") {
      const opened = { session: session(model, order), encoding: order.encoding, frames: order.frames };
      calls.set(call, opened);
      return { ...answer(call, seq, opened), info: infoOf(opened.session) };
    }
    // It failed before, and that was told.
    if (!known) return undefined;
    switch (order.kind) {
      case "push": {
        const heard = (given: Samples | undefined): Float32Array | undefined => given && floats(given, known.encoding);
        const output = known.session.push(heard(order.user), heard(order.agent));
        return answer(call, seq, known, output, order.save);
      }
      case "steer":
        return { ...answer(call, seq, known), steered: steered(known.session, order, HOP_MS * known.session.frames()) };
      case "save":
        return answer(call, seq, known, undefined, true);
      case "finish": {
        const last = answer(call, seq, known, known.session.finish());
        calls.delete(call);
        known.session.free();
        return last;
      }
    }
  } catch (error) {
    const { code, message } = asVapTurnError(error);
    calls.delete(call);
    const fault = code === "internal";
    if (!fault) known?.session.free();
    return { kind: "failed", call, seq, code, message, fault };
  }
}

function session(model: Model, { rates: [userRate, agentRate], policy, expect, state }: OpenOrder): Session {
  if (state) return Session.restore(model, state);
  return new Session(model, { userRate, agentRate, ...(policy && { policy }), ...(expect && { expect }) });
}

function answer(call: number, seq: number, { session, frames }: Call, output?: SessionOutput, save = false): CallAnswer {
  return {
    kind: "answer",
    call,
    seq,
    events: output?.events ?? [],
    frames: frames && output ? { frames: output.frames, bargeIns: output.bargeIns } : undefined,
    hops: session.frames(),
    state: save ? session.save() : undefined,
    info: undefined,
    steered: undefined,
  };
}

function infoOf(session: Session): CallInfo {
  const [userRate = NaN, agentRate = NaN] = session.rates();
  return { userRate, agentRate, delayMs: session.delayMs(), ...inForce(session) };
}

try {
  if (!port) throw new VapTurnError("load", "pool: expected a thread of a pool, found another place");
  begin(threads.workerData as ThreadData);
} catch (error) {
  const { code, message } = asVapTurnError(error);
  tell({ kind: "broken", code: code === "internal" ? "load" : code, message });
}
