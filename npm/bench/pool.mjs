// `node npm/bench/pool.mjs [--threads 1] [--calls 1,10,20,...] [--seconds 12] [--rounds 3]`: live calls in real time on
// the threads of a pool, 20 ms of G.711 each every 20 ms, every call at a moment of its own. Told: the delay from a push
// to its events (median and 99th percentile, the median of the rounds), whether the threads kept up, and the memory a
// call. A minute or two a round; say what else the machine does.
import { readFile } from "node:fs/promises";
import { availableParallelism, cpus, loadavg } from "node:os";
import process from "node:process";
import { URL } from "node:url";
import { parseArgs } from "node:util";
import { createPool, decodeWav } from "../dist/index.js";
import { g711 } from "../test/telephone.js";

const { values: options } = parseArgs({
  options: {
    threads: { type: "string", default: "1" },
    calls: { type: "string", default: "1,5,10,20,30,40,50,60,80,100" },
    seconds: { type: "string", default: "8" },
    rounds: { type: "string", default: "3" },
  },
});
const [threads, seconds, rounds] = [options.threads, options.seconds, options.rounds].map(Number);
const [RATE_HZ, HOP_MS, WARM_UP_MS, LIMIT_MS] = [8000, 20, 2000, 100];
const LENGTH = (RATE_HZ * HOP_MS) / 1000;

const { channels } = await decodeWav(await readFile(new URL("../../tests/fixtures/call.wav", import.meta.url)));
const lines = channels.map((samples) => g711(samples, "alaw"));

/** So many calls for `seconds`: delays in ms, the sound that waits at the end, and bytes of the process. */
async function round(count) {
  const before = process.memoryUsage.rss();
  const pool = await createPool({ threads });
  const idle = process.memoryUsage.rss();
  const delays = [];
  const waiting = Array.from({ length: count }, () => []);
  const calls = await Promise.all(waiting.map((pushes) => pool.open({
    rate: RATE_HZ,
    encoding: "alaw",
    frames: true,
    // A frame a push: the frame of the hop that the push completed.
    onEvent: ({ type }) => {
      if (type !== "frame") return;
      const at = pushes.shift();
      if (at > warm) delays.push(performance.now() - at);
    },
  })));
  const start = performance.now();
  const warm = start + WARM_UP_MS;
  const end = warm + 1000 * seconds;
  let late = 0;
  let refused = 0;
  await Promise.all(calls.map(async (call, number) => {
    const phase = (number * HOP_MS) / count;
    for (let hop = 0; ; hop++) {
      const due = start + phase + hop * HOP_MS;
      const wait = due - performance.now();
      if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
      const now = performance.now();
      if (now > end) break;
      late = Math.max(late, now - due);
      const from = ((hop + 131 * number) * LENGTH) % (lines[0].length - LENGTH);
      try {
        call.push(...lines.map((line) => line.subarray(from, from + LENGTH)));
        // The first push completes no hop: the resampler holds some of it back.
        if (hop > 0) waiting[number].push(now);
      } catch (error) {
        if (error.code !== "behind") throw error;
        refused++;
      }
    }
  }));
  const { queuedMs } = pool.stats;
  const full = process.memoryUsage.rss();
  await pool.close();
  delays.sort((a, b) => a - b);
  const share = (part) => delays[Math.floor(part * (delays.length - 1))] ?? NaN;
  return { p50: share(0.5), p99: share(0.99), most: share(1), queuedMs: queuedMs / count, late, refused, idleBytes: idle - before, callBytes: (full - idle) / count };
}

const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];
const rows = [];
for (const count of options.calls.split(",").map(Number)) {
  const all = [];
  for (let at = 0; at < rounds; at++) all.push(await round(count));
  const of = (name) => median(all.map((one) => one[name]));
  rows.push({ count, p50: of("p50"), p99: of("p99"), queuedMs: of("queuedMs"), late: of("late"), refused: of("refused"), callMb: of("callBytes") / 1e6, load: loadavg()[0] });
  process.stderr.write(`${JSON.stringify(rows.at(-1))}\n`);
  // Beyond its limits a pool only queues.
  if (of("queuedMs") > 1000) break;
}
const best = rows.filter(({ p99 }) => p99 < LIMIT_MS).at(-1);
const number = (x, digits = 1) => x.toFixed(digits);
process.stdout.write([
  `${cpus()[0].model}, ${availableParallelism()} cores, Node ${process.version}; ${threads} thread(s), ${rounds} rounds of ${seconds} s`,
  "",
  "| calls | delay, median ms | p99 ms | waits at the end, ms a call | memory, MB a call | load |",
  "|---:|---:|---:|---:|---:|---:|",
  ...rows.map((row) => `| ${row.count} | ${number(row.p50)} | ${number(row.p99)} | ${number(row.queuedMs, 0)} | ${number(row.callMb, 2)} | ${number(row.load)} |`),
  "",
  best ? `Within ${LIMIT_MS} ms: ${best.count} calls, ${number(best.count / threads)} a thread.` : `Within ${LIMIT_MS} ms: none.`,
  "",
].join("\n"));
