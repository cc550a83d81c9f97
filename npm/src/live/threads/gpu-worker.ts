// The Worker where the GPU is asked for, or raced against the CPU: as the other Worker, and the model on WebGPU.
// One step is in flight; what comes meanwhile waits in the buffers of the capture worklet, and once they are all out,
// it counts what it drops. Built into one file without imports.
import { FRAME_NUMBERS, HOP_MS } from "../../common/contract.js";
import { VapTurnError } from "../../common/errors.js";
import type { Pair } from "../../common/events.js";
import { GpuConversation } from "../../gpu/conversation.js";
import { gpuPace, warmed, within } from "../../gpu/pace.js";
import { GpuStream, claimThread } from "../../gpu/stream.js";
import { Engine } from "../../wasm/engine.js";
import type { Begin, Finish, Sound, ToWorker } from "../messages.js";
import { measured } from "./pace.js";
import { WorkerReporter, channelsOf, giveBack } from "./worker-reporter.js";

/** Longest sound that is taken in between two steps. */
const PIECE_MS = 1000;
/** Longest sound that may wait for the GPU. */
const BEHIND_MS = 10_000;
/** Hops that one step may take, more when it is behind. */
const SIZES = [32, 4, 1];
/** How long a step may take. */
const PATIENCE_MS = 5000;
/** How long a race may take, the loading of the GPU included. */
const RACE_MS = 10_000;

/** What came from the capture worklet, or silence for what it lost before. */
interface Piece {
  lengthMs: number;
  /** Samples of each channel where it is silence. */
  silent?: Pair;
  sound?: Sound;
}

const reporter = new WorkerReporter();
/** Where it is computed: one of these. */
let engine: Engine | undefined;
let conversation: GpuConversation | undefined;
/** Sound in pieces that waits to be taken in, none longer than {@link PIECE_MS}. */
let held: Piece[] = [];
/** How long all of that is. */
let heldMs = 0;
/** `Date.now()` at the end of the last sound that came. */
let lastAt = 0;
let pumping = false;
let finishing = false;

function fail(error: unknown): void {
  engine = conversation = undefined;
  held = [];
  heldMs = 0;
  reporter.fail(error);
}

/** Works what waits, one step after the other. */
async function pump(conversation: GpuConversation, port: MessagePort): Promise<void> {
  if (pumping) return;
  pumping = true;
  try {
    await work(conversation, port);
    if (finishing) {
      conversation.endSound();
      await work(conversation, port);
      reporter.tell(conversation.finish(), true);
    }
  } catch (error) {
    fail(error);
  } finally {
    pumping = false;
  }
}

async function work(conversation: GpuConversation, port: MessagePort): Promise<void> {
  do {
    const sounds = takeIn(conversation);
    if (conversation.waiting > 0) {
      const start = performance.now();
      const output = await conversation.step();
      const soundMs = (output.frames.length / FRAME_NUMBERS) * HOP_MS;
      reporter.worked(performance.now() - start, soundMs, output, lastAt);
      reporter.tell(output, false);
    }
    // Only now: a buffer that is out is what tells the capture worklet that this is behind.
    for (const { samples } of sounds) giveBack(port, samples);
  } while (conversation.waiting > 0 || held.length > 0);
}

/** Takes in what waits, up to a second with what was taken in before; gives the sounds whose buffers are free. */
function takeIn(conversation: GpuConversation): Sound[] {
  const sounds: Sound[] = [];
  while (conversation.waiting * HOP_MS < PIECE_MS) {
    const piece = held.shift();
    if (!piece) break;
    const { lengthMs, silent, sound } = piece;
    heldMs -= lengthMs;
    if (silent) conversation.hear(new Float32Array(silent[0]), new Float32Array(silent[1]));
    if (sound) {
      conversation.hear(...channelsOf(sound));
      sounds.push(sound);
    }
  }
  return sounds;
}

function hear(conversation: GpuConversation, sound: Sound, port: MessagePort): void {
  const { lengthMs, lost, lostMs, at } = sound;
  if (lostMs > 0) {
    reporter.dropped(lostMs);
    const pieces = Math.ceil(lostMs / PIECE_MS);
    const upTo = (count: number, piece: number): number => Math.round((count * piece) / pieces);
    for (let piece = 0; piece < pieces; piece++) {
      const silent = lost.map((count) => upTo(count, piece + 1) - upTo(count, piece)) as Pair;
      held.push({ lengthMs: lostMs / pieces, silent });
    }
  }
  reporter.heard(lengthMs);
  held.push({ lengthMs, sound });
  heldMs += lostMs + lengthMs;
  lastAt = at;
  if (heldMs > BEHIND_MS) conversation.giveUp();
  void pump(conversation, port);
}

function attend(port: MessagePort): void {
  port.onmessage = ({ data }: MessageEvent<Sound | Finish>) => {
    try {
      if (engine) {
        if (data.kind === "sound") reporter.hearNow(engine, data, port);
        else reporter.tell(engine.finish(), true);
      } else if (conversation) {
        if (data.kind === "sound") hear(conversation, data, port);
        else {
          finishing = true;
          void pump(conversation, port);
        }
      }
    } catch (error) {
      fail(error);
    }
  };
}

async function begin(message: Begin): Promise<void> {
  const { gpu: asked } = message;
  if (!asked) throw new VapTurnError("internal", "Worker: expected a GPU binary");
  const cpu = new Engine(message);
  const pace = measured(cpu, message.rates);
  cpu.reset();
  const opening = opened(cpu, message, asked.wasm);
  const gpu = await (asked.backend === "webgpu" ? opening : within(RACE_MS, opening).catch(() => undefined));
  if (gpu && (asked.backend === "webgpu" || gpu.hopMs < pace.hopMs)) {
    await warmed(gpu.stream, SIZES);
    const taken = new GpuConversation(cpu.remote(), gpu.stream, SIZES, PATIENCE_MS);
    taken.onlost = ({ message }) => {
      reporter.post({ kind: "moved", backend: "cpu", reason: message });
    };
    conversation = taken;
    cpu.free();
  } else {
    engine = cpu;
    // Also of one that comes too late.
    opening.then(({ stream }) => { stream.free(); }, () => undefined);
  }
  const race = { cpuMs: pace.hopMs, webgpuMs: gpu?.hopMs };
  reporter.post({ kind: "ready", start: cpu.start, pace, backend: conversation ? "webgpu" : "cpu", race });
}

/** The stream on the GPU, back at its beginning, and the time of a hop on it. */
async function opened(cpu: Engine, { model, rates }: Begin, wasm: BufferSource): Promise<{ stream: GpuStream; hopMs: number }> {
  const stream = await GpuStream.open(wasm, model);
  return { stream, hopMs: await gpuPace(stream, cpu.remote(), rates) };
}

claimThread();
globalThis.onmessage = ({ data }: MessageEvent<ToWorker>) => {
  if (data.kind === "attend") attend(data.sound);
  else if (data.kind === "steer") {
    const answer = engine?.steer(data) ?? conversation?.steer(data, reporter.toldMs);
    if (answer) reporter.post({ kind: "steered", id: data.id, ...answer });
  } else if ((data.kind as unknown) === "begin") begin(data).catch(fail);
  // Others are messages of a page that has made the Worker itself.
};
