// The Worker home: takes sound from the capture worklet piece by piece, computes, and tells the page. Built into one
// file without imports.
import { Engine } from "./engine.js";
import { asVapTurnError } from "./errors.js";
import { NUMBERS } from "./frames.js";
import type { Begin, Counters, Finish, Free, Sound, ToPage, ToWorker } from "./messages.js";
import { measured } from "./pace.js";

const HOP_MS = 20;

const counters: Counters = { hopMs: 0, overruns: 0, droppedHops: 0, delayMs: 0 };
let engine: Engine | undefined;
let heardMs = 0;
let droppedMs = 0;
let workMs = 0;
let hops = 0;

function post(message: ToPage, transfer: Transferable[] = []): void {
  globalThis.postMessage(message, { transfer });
}

/** Calls, and tells the page of what is thrown. */
function guarded(call: () => void): void {
  try {
    call();
  } catch (error) {
    engine = undefined;
    const { code, message } = asVapTurnError(error);
    post({ kind: "failed", code, message });
  }
}

function tell({ frames, events, bargeIns }: ReturnType<Engine["push"]>, finished: boolean): void {
  hops += frames.length / NUMBERS;
  if (frames.length > 0 || finished) {
    post({ kind: "told", frames, events, bargeIns, counters, finished }, [frames.buffer as ArrayBuffer]);
  }
}

function hear(engine: Engine, sound: Sound, port: MessagePort): void {
  const { samples, lengths: [user, agent], lengthMs, lost, lostMs, at } = sound;
  const start = performance.now();
  if (lostMs > 0) {
    droppedMs += lostMs;
    counters.droppedHops = Math.ceil(droppedMs / HOP_MS);
    heardMs += lostMs;
    tell(engine.push(new Float32Array(lost[0]), new Float32Array(lost[1])), false);
  }
  const half = samples.length / 2;
  const output = engine.push(samples.subarray(0, user), samples.subarray(half, half + agent));
  const spent = performance.now() - start;
  const free: Free = { kind: "free", samples };
  port.postMessage(free, [samples.buffer]);
  workMs += spent;
  heardMs += lengthMs;
  if (spent > lengthMs) counters.overruns++;
  const told = hops + output.frames.length / NUMBERS;
  counters.hopMs = workMs / Math.max(1, told);
  counters.delayMs = Math.max(0, heardMs - told * HOP_MS) + Math.max(0, Date.now() - at);
  tell(output, false);
}

function attend(port: MessagePort): void {
  port.onmessage = ({ data }: MessageEvent<Sound | Finish>) => {
    guarded(() => {
      if (!engine) return;
      if (data.kind === "sound") hear(engine, data, port);
      else tell(engine.finish(), true);
    });
  };
}

function begin(message: Begin): void {
  engine = new Engine(message);
  const pace = measured(engine, message.rates);
  engine.reset();
  post({ kind: "ready", beginning: engine.beginning, pace });
}

globalThis.onmessage = ({ data }: MessageEvent<ToWorker>) => {
  guarded(() => {
    if (data.kind === "attend") attend(data.sound);
    else if (data.kind === "steer") {
      if (engine) post(engine.steer(data, HOP_MS * hops));
    } else if ((data.kind as unknown) === "begin") begin(data);
    // Others are messages of a page that has made the Worker itself.
  });
};
