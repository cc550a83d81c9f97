// What the tests share: the real call, WAV files made on the spot, and the command line run as a process.
import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { TurnModel, decodeWav } from "../dist/index.js";
import { g711 } from "./telephone.js";

export const FIXTURE = fileURLToPath(new URL("../../tests/fixtures/call.wav", import.meta.url));
export const MODEL = fileURLToPath(new URL("../models/optimized.safetensors", import.meta.url));
const CLI = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));

/** The whole call, `{ user, agent }`, 8 kHz. */
export async function wholeCall() {
  const { sampleRate: rate, channels } = await decodeWav(await readFile(FIXTURE));
  const [user, agent] = channels.map((samples) => ({ samples, rate }));
  return { user, agent };
}

/** Twelve seconds of the call in which both speak. */
export async function shortCall() {
  const { user, agent } = await wholeCall();
  const cut = ({ samples, rate }) => ({ samples: samples.slice(34 * rate, 46 * rate), rate });
  return { user: cut(user), agent: cut(agent) };
}

let model;
/** The default model, loaded once a test file. */
export const sharedModel = () => (model ??= TurnModel.load());

/** A folder that goes when the test ends. */
export async function folder(t) {
  const path = await mkdtemp(join(tmpdir(), "vap-turn-"));
  t.after(() => rm(path, { recursive: true }));
  return path;
}

/** A file in a folder that goes when the test ends. */
export async function fileWith(t, name, content) {
  const path = join(await folder(t), name);
  await writeFile(path, content);
  return path;
}

const FORMATS = {
  u8: { bits: 8, tag: 1, write: (view, at, x) => view.setUint8(at, Math.round(clamp(x * 128 + 128, 0, 255))) },
  s16: { bits: 16, tag: 1, write: (view, at, x) => view.setInt16(at, clamp(Math.round(x * 32768), -32768, 32767), true) },
  s24: {
    bits: 24,
    tag: 1,
    write: (view, at, x) => {
      const value = clamp(Math.round(x * 8388608), -8388608, 8388607);
      view.setUint16(at, value & 0xffff, true);
      view.setInt8(at + 2, value >> 16);
    },
  },
  s32: { bits: 32, tag: 1, write: (view, at, x) => view.setInt32(at, clamp(Math.round(x * 2147483648), -2147483648, 2147483647), true) },
  alaw: { bits: 8, tag: 6, write: (view, at, x) => view.setUint8(at, g711([x], "alaw")[0]) },
  mulaw: { bits: 8, tag: 7, write: (view, at, x) => view.setUint8(at, g711([x], "mulaw")[0]) },
  f32: { bits: 32, tag: 3, write: (view, at, x) => view.setFloat32(at, x, true) },
};

function clamp(x, low, high) {
  return Math.min(high, Math.max(low, x));
}

/** A WAV file of channels of equal length. */
export function wav(channels, rate, format = "s16") {
  const { bits, tag, write } = FORMATS[format];
  const [length, width] = [channels[0].length, bits / 8];
  const bytes = new Uint8Array(44 + length * channels.length * width);
  const view = new DataView(bytes.buffer);
  const text = (at, word) => bytes.set(new TextEncoder().encode(word), at);
  text(0, "RIFF");
  view.setUint32(4, bytes.length - 8, true);
  text(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, tag, true);
  view.setUint16(22, channels.length, true);
  view.setUint32(24, rate, true);
  view.setUint32(28, rate * channels.length * width, true);
  view.setUint16(32, channels.length * width, true);
  view.setUint16(34, bits, true);
  text(36, "data");
  view.setUint32(40, bytes.length - 44, true);
  channels.forEach((samples, channel) => {
    samples.forEach((x, index) => write(view, 44 + (index * channels.length + channel) * width, x));
  });
  return bytes;
}

/** A track at another rate, by windowed sinc. */
export function resampled({ samples, rate }, toRate) {
  const [HALF, ratio] = [24, rate / toRate];
  const out = new Float32Array(Math.round(samples.length / ratio));
  for (let index = 0; index < out.length; index++) {
    const place = index * ratio;
    const middle = Math.floor(place);
    let sum = 0;
    for (let at = Math.max(0, middle - HALF + 1); at <= Math.min(samples.length - 1, middle + HALF); at++) {
      const x = place - at;
      const sinc = x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
      sum += samples[at] * sinc * (0.5 + 0.5 * Math.cos((Math.PI * x) / HALF));
    }
    out[index] = sum;
  }
  return { samples: out, rate: toRate };
}

/** Runs the command line; `{ code, stdout, stderr }`. */
export function cli(...words) {
  return finished(spawn(process.execPath, [CLI, ...words], { stdio: ["ignore", "pipe", "pipe"] }));
}

/** As {@link cli}, by a reader that goes away after the first bytes. */
export function cliCutShort(...words) {
  const child = spawn(process.execPath, [CLI, ...words], { stdio: ["ignore", "pipe", "pipe"] });
  child.stdout.once("data", () => child.stdout.destroy());
  return finished(child);
}

/** What a process said and how it ended. */
export function finished(child) {
  const said = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"]) child[name].setEncoding("utf8").on("data", (text) => (said[name] += text));
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, ...said }));
  });
}

/** The JSON lines of a text, every one parsed. */
export function jsonLines(text) {
  const lines = text.split("\n");
  if (lines.pop() !== "") throw new Error("the last line does not end");
  return lines.map((line) => JSON.parse(line));
}

/** Largest difference of any number in two lists of frames. */
export function largestDifference(frames, others) {
  if (frames.length !== others.length) return Infinity;
  return frames.reduce((most, frame, index) => {
    const [a, b] = [numbers(frame), numbers(others[index])];
    return a.reduce((worst, x, at) => Math.max(worst, Math.abs(x - b[at])), most);
  }, 0);
}

/** Every number of a frame in one row. */
export function numbers({ timeMs, bins, pNow, pFuture, eot, backchannel, vad, overlap }) {
  return [timeMs, ...bins[0], ...bins[1], ...pNow, ...pFuture, ...eot, ...backchannel, ...vad, overlap];
}

/** Mean difference of the VAD of two lists of frames. */
export function vadDifference(frames, others) {
  const differences = frames.flatMap(({ vad }, index) => vad.map((p, s) => Math.abs(p - others[index].vad[s])));
  return differences.reduce((sum, x) => sum + x, 0) / differences.length;
}
