// `node tests/browser/real-call.mjs CALL.wav [SECONDS]` after a build: plays a two-channel call (user, agent) into a page in its own
// time while the main thread is blocked in chunks of 300 ms, and holds what is heard to `vap-turn analyze` on the same file: in
// either runner, with both channels as audio nodes and with the user as the microphone, whose call the file hears behind as much
// silence as the page does. Takes four times as long as the call. Fails where an event is missing, added or more than a hop off, a
// hop is dropped or a block overrun.
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { decodeWav } from "../../npm/dist/index.js";
import { HOP_MS, compared, heard } from "./call.js";
import { start } from "./site.js";
import { wavOf } from "./sound.js";

/** Of the microphone's file: silence, a beep by which the page finds its beginning, silence, the call. */
const BEEP_S = 1;
const CALL_S = 8;

/** Events of the call behind some silence, in ms of the call. */
async function analyzed(channels, rate, leadMs) {
  const lead = Math.round((leadMs * rate) / 1000);
  const led = channels.map((samples) => {
    const longer = new Float32Array(lead + samples.length);
    longer.set(samples, lead);
    return longer;
  });
  const file = join(folder, "led.wav");
  await writeFile(file, wavOf(led, rate));
  const cli = fileURLToPath(new URL("../../npm/dist/cli/main.js", import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [cli, "analyze", file, "--json"], { maxBuffer: 1e8 });
  return stdout.trim().split("\n").map((line) => JSON.parse(line)).map((event) => ({ ...event, timeMs: event.timeMs - (1000 * lead) / rate }));
}

function row(cells) {
  return cells.map((cell, at) => String(cell).padEnd([11, 8, 9, 5, 8, 6, 9, 7, 8, 9, 8][at])).join(" ");
}

const [path, limit = "Infinity"] = process.argv.slice(2);
if (!path || !(Number(limit) > 0)) throw new Error("expected: node tests/browser/real-call.mjs CALL.wav [SECONDS]");
const folder = await mkdtemp(join(tmpdir(), "vap-turn-call-"));
let failed = false;
try {
  const whole = await decodeWav(await readFile(path));
  const rate = whole.sampleRate;
  const channels = whole.channels.map((samples) => samples.subarray(0, Math.min(limit * rate, samples.length)));
  if (channels.length !== 2) throw new Error(`${path}: expected two channels, found ${channels.length}`);
  const seconds = channels[0].length / rate;
  const call = wavOf(channels, rate);
  const microphone = join(folder, "microphone.wav");
  await writeFile(microphone, wavOf([withBeep(channels[0], rate)], rate));
  console.log(`${path}: ${seconds.toFixed(1)} s, main thread blocked in chunks of 300 ms`);
  console.log(row(["user from", "runIn", "expected", "same", "missing", "added", "worst ms", "hops", "dropped", "overruns", "hop ms"]));
  for (const sound of ["nodes", "microphone"]) {
    for (const runIn of ["worklet", "worker"]) {
      const site = await start({ autoplay: true, microphone: `${microphone}%noloop`, files: { "call.wav": call } });
      try {
        const page = await site.page("plain");
        page.setDefaultTimeout(0);
        const { stats, events, leadMs } = await page.evaluate(heard, { sound, runIn, seconds, beepS: BEEP_S, callS: CALL_S });
        // The page hears the silence ahead of the microphone's call, and does not know where the file ends.
        const expected = await analyzed(channels, rate, leadMs);
        const endMs = 1000 * seconds - HOP_MS;
        const during = (list) => list.filter(({ timeMs }) => timeMs < endMs);
        const { offsMs, missing, added } = compared(during(expected), during(events));
        const worstMs = offsMs.reduce((most, ms) => Math.max(most, Math.abs(ms)), 0);
        const counts = [during(expected).length, offsMs.length, missing.length, added.length, worstMs.toFixed(1)];
        console.log(row([sound, runIn, ...counts, stats.hops, stats.droppedHops, stats.overruns, stats.hopMs.toFixed(3)]));
        for (const event of missing) console.log("  missing", JSON.stringify(event));
        for (const event of added) console.log("  added", JSON.stringify(event));
        failed ||= missing.length > 0 || added.length > 0 || stats.droppedHops > 0 || stats.overruns > 0;
      } finally {
        await site.stop();
      }
    }
  }
} finally {
  await rm(folder, { recursive: true });
}
process.exitCode = failed ? 1 : 0;

/** What the microphone brings: a beep ahead of the user's sound. */
function withBeep(samples, rate) {
  const said = new Float32Array(CALL_S * rate + samples.length + 10 * rate);
  for (let i = 0; i < 0.05 * rate; i++) said[BEEP_S * rate + i] = 0.9 * Math.cos((2 * Math.PI * 1000 * i) / rate);
  said.set(samples, CALL_S * rate);
  return said;
}
