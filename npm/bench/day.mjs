// `node npm/bench/day.mjs [--hours 24] [--share 0.1] [--piece 1200]`: simulated hours of one conversation through one session, as fast
// as they compute. The call of the fixtures again and again, each time at another gain, noise and distance of its
// channels. Held: every number is finite, memory is flat, and pieces restored from saved states tell the same events;
// `share` of each piece, in s, is heard a second time so.
import { readFile } from "node:fs/promises";
import process from "node:process";
import { URL } from "node:url";
import { parseArgs } from "node:util";
import { random } from "./random.mjs";
import * as door from "../dist/wasm/vap_wasm.js";

const { values: options } = parseArgs({ options: { hours: { type: "string", default: "24" }, share: { type: "string", default: "0.1" }, piece: { type: "string", default: "1200" } } });
const [hours, share, pieceS] = [options.hours, options.share, options.piece].map(Number);
const RATE_HZ = 8000;
const RATES = { userRate: RATE_HZ, agentRate: RATE_HZ };

const file = (name) => readFile(new URL(name, import.meta.url));
const { memory } = door.initSync({ module: await file("../dist/wasm/vap_wasm_bg.wasm") });
const model = door.Model.load(await file("../models/optimized.safetensors"));
const { channels } = door.decodeWav(await file("../../tests/fixtures/call.wav"));
const seconds = Math.floor(channels[0].length / RATE_HZ);

/** Second `second` of the day, the same whenever it is asked for. */
function sound(second) {
  const [round, at] = [Math.floor(second / seconds), second % seconds];
  const draw = random(round + 1);
  const [gain, loudness, shift] = [1 + 0.9 * draw(), 0.02 * Math.max(0, draw()), Math.floor(6 * Math.abs(draw()))];
  const noise = random(1000 + second);
  const heard = [at, (at + shift) % seconds].map((from, s) => {
    const samples = channels[s].slice(from * RATE_HZ, (from + 1) * RATE_HZ);
    return samples.map((x) => x * gain + loudness * noise());
  });
  // Now and then a line breaks: nothing, or what is no number.
  if (round % 37 === 5) heard[round % 2].fill(at % 7 === 0 ? NaN : 0);
  return heard;
}

function finite(frames) {
  let sum = 0;
  for (const x of frames) sum += x;
  if (!Number.isFinite(sum)) throw new Error("a frame is not finite");
  return frames.length / 31;
}

const session = new door.Session(model, RATES);
const report = { hours, hops: 0, events: 0, pieces: 0, eventsAgain: 0, stateBytes: new Set(), wasmBytes: [], rssBytes: [], hopMs: 0 };
let computeMs = 0;
for (let second = 0; second < hours * 3600;) {
  const state = session.save();
  if (second > 0) report.stateBytes.add(state.length);
  const end = Math.min(second + pieceS, hours * 3600);
  const again = door.Session.restore(model, state);
  const untilAgain = second + Math.round((end - second) * share);
  for (; second < end; second++) {
    const [user, agent] = sound(second);
    const start = performance.now();
    const { frames, events } = session.push(user, agent);
    computeMs += performance.now() - start;
    report.hops += finite(frames);
    report.events += events.length;
    if (second < untilAgain) {
      const other = again.push(user, agent);
      if (JSON.stringify(other.events) !== JSON.stringify(events)) throw new Error(`second ${second}: other events from the saved state`);
      if (frames.some((x, index) => x !== other.frames[index])) throw new Error(`second ${second}: other frames from the saved state`);
      report.eventsAgain += events.length;
    }
  }
  again.free();
  report.pieces += 1;
  report.wasmBytes.push(memory.buffer.byteLength);
  report.rssBytes.push(process.memoryUsage.rss());
  if (second % 3600 === 0) {
    process.stderr.write(`${second / 3600} h: ${report.events} events, wasm ${(memory.buffer.byteLength / 1e6).toFixed(1)} MB, process ${(process.memoryUsage.rss() / 1e6).toFixed(0)} MB\n`);
  }
}
report.hops += finite(session.finish().frames);
if (report.hops !== hours * 3600 * 50) throw new Error(`expected ${hours * 3600 * 50} hops, found ${report.hops}`);
report.hopMs = computeMs / report.hops;
process.stdout.write(`${JSON.stringify({ ...report, stateBytes: [...report.stateBytes] }, null, 1)}\n`);
