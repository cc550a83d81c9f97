// The Worker home where the GPU is asked for, or raced against the CPU: as the other Worker, and the model on WebGPU.
// One step is in flight; what comes meanwhile waits in the buffers of the capture worklet, and once they are all out,
// it counts what it drops. Built into one file without imports.
import { Desk, channelsOf, giveBack } from "./desk.js";
import { Engine } from "./engine.js";
import { VapTurnError } from "./errors.js";
import { GpuConversation } from "./gpu-conversation.js";
import { gpuPace, warmed, within } from "./gpu-pace.js";
import { GpuStream } from "./gpu.js";
import type { Begin, Finish, Sound, ToWorker } from "./messages.js";
import { measured } from "./pace.js";

const HOP_MS = 20;
/** Hops that one step may take, more when it is behind. */
const SIZES = [32, 4, 1];
/** How long a step may take. */
const PATIENCE_MS = 5000;
/** How long a race may take, the loading of the GPU included. */
const RACE_MS = 10_000;

const desk = new Desk();
/** Where it is computed: one of these. */
let engine: Engine | undefined;
let conversation: GpuConversation | undefined;
/** Buffers whose sound waits for a step or is in one. */
let held: Sound[] = [];
let pumping = false;
let finishing = false;

function fail(error: unknown): void {
  engine = conversation = undefined;
  held = [];
  desk.fail(error);
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
      desk.tell(conversation.finish(), true);
    }
  } catch (error) {
    fail(error);
  } finally {
    pumping = false;
  }
}

async function work(conversation: GpuConversation, port: MessagePort): Promise<void> {
  do {
    const sounds = held.splice(0);
    const hops = conversation.waiting;
    if (hops > 0) {
      const start = performance.now();
      const output = await conversation.step();
      desk.worked(performance.now() - start, hops * HOP_MS, output, sounds.at(-1)?.at ?? Date.now());
      desk.tell(output, false);
    }
    for (const { samples } of sounds) giveBack(port, samples);
  } while (conversation.waiting > 0 || held.length > 0);
}

function hear(conversation: GpuConversation, sound: Sound, port: MessagePort): void {
  const { lengthMs, lost, lostMs } = sound;
  if (lostMs > 0) {
    desk.dropped(lostMs);
    conversation.hear(new Float32Array(lost[0]), new Float32Array(lost[1]));
  }
  conversation.hear(...channelsOf(sound));
  desk.heard(lengthMs);
  held.push(sound);
  void pump(conversation, port);
}

function attend(port: MessagePort): void {
  port.onmessage = ({ data }: MessageEvent<Sound | Finish>) => {
    try {
      if (engine) {
        if (data.kind === "sound") desk.hearNow(engine, data, port);
        else desk.tell(engine.finish(), true);
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
  const { gpu: wish } = message;
  if (!wish) throw new VapTurnError("internal", "Worker: expected a GPU binary");
  const cpu = new Engine(message);
  const pace = measured(cpu, message.rates);
  cpu.reset();
  const opening = opened(cpu, message, wish.wasm);
  const gpu = await (wish.backend === "webgpu" ? opening : within(RACE_MS, opening).catch(() => undefined));
  if (gpu && (wish.backend === "webgpu" || gpu.hopMs < pace.hopMs)) {
    await warmed(gpu.stream, SIZES);
    const taken = new GpuConversation(cpu.relay(), gpu.stream, SIZES, PATIENCE_MS);
    taken.onlost = ({ message }) => {
      desk.post({ kind: "moved", backend: "cpu", reason: message });
    };
    conversation = taken;
    cpu.free();
  } else {
    engine = cpu;
    // Also of one that comes too late.
    opening.then(({ stream }) => { stream.free(); }, () => undefined);
  }
  const race = { cpuMs: pace.hopMs, webgpuMs: gpu?.hopMs };
  desk.post({ kind: "ready", beginning: cpu.beginning, pace, backend: conversation ? "webgpu" : "cpu", race });
}

/** The stream on the GPU, back at its beginning, and the time of a hop on it. */
async function opened(cpu: Engine, { model, rates }: Begin, wasm: BufferSource): Promise<{ stream: GpuStream; hopMs: number }> {
  const stream = await GpuStream.open(wasm, model);
  return { stream, hopMs: await gpuPace(stream, cpu.relay(), rates) };
}

globalThis.onmessage = ({ data }: MessageEvent<ToWorker>) => {
  if (data.kind === "attend") attend(data.sound);
  else if ((data.kind as unknown) === "begin") begin(data).catch(fail);
  // Others are messages of a page that has made the Worker itself.
};
