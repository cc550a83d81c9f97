// `node tests/browser/hour.mjs [MINUTES]` after a build: an hour of talk rendered through the worklet in Chromium, as fast as it
// goes, and the memory after each tenth of it, as lines of JSON. Fails where the wasm memory has grown.
import { execFileSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import process from "node:process";
import { ahead, keeping, weighed } from "./processors.js";
import { start } from "./site.js";

const RATE = 8000;
const STOPS = 10;

/** In the page: begins to render the sample call over and over, and stops at `stops`, in minutes. */
async function begin({ rate, minutes, stops }) {
  const { decodeWav, listen } = await import("./npm/dist/index.js");
  const { sampleRate, channels } = await decodeWav(new Uint8Array(await (await fetch("./tests/fixtures/call.wav")).arrayBuffer()));
  const context = new OfflineAudioContext(1, minutes * 60 * rate, rate);
  const [user, agent] = channels.map((samples) => {
    const buffer = context.createBuffer(1, samples.length, sampleRate);
    buffer.copyToChannel(samples, 0);
    const source = new AudioBufferSourceNode(context, { buffer, loop: true });
    source.start();
    return source;
  });
  const session = await listen({
    user, agent, runIn: "worklet", context,
    assetBase: "./weighed", wasm: "./npm/dist/wasm/vap_wasm_bg.wasm", model: "./npm/models/optimized.safetensors",
  });
  globalThis.session = session;
  let turns = 0;
  session.addEventListener("turn", () => turns++);
  globalThis.reached = stops.map((at) => context.suspend(at * 60));
  globalThis.go = () => context.resume();
  globalThis.measured = async () => ({ minutes: context.currentTime / 60, hops: session.stats.hops, turns, wasmBytes: await globalThis.weigh() });
  void context.startRendering();
}

const minutes = Number(process.argv[2] ?? 60);
if (!(minutes >= 1)) throw new Error("expected: node tests/browser/hour.mjs [MINUTES], one at least");
const worklet = await readFile(new URL("../../npm/dist/worklet.js", import.meta.url), "utf8");
const site = await start({ files: { "weighed/worklet.js": ahead(weighed) + worklet } });
try {
  const page = await site.page("plain");
  page.setDefaultTimeout(0);
  await page.evaluate(keeping);
  const devtools = await page.context().newCDPSession(page);
  // The last a little before the end, when nothing can stop.
  const stops = Array.from({ length: STOPS }, (_, i) => ((i + 1) * minutes) / STOPS - 0.01);
  await page.evaluate(begin, { rate: RATE, minutes, stops });
  const found = [];
  for (const stop of stops.keys()) {
    await page.evaluate((stop) => globalThis.reached[stop], stop);
    // What the page was sent is told before it is weighed.
    await page.waitForTimeout(1000);
    await devtools.send("HeapProfiler.enable");
    await devtools.send("HeapProfiler.collectGarbage");
    const { usedSize } = await devtools.send("Runtime.getHeapUsage");
    found.push({ ...(await page.evaluate(() => globalThis.measured())), pageHeapBytes: usedSize, rendererBytes: residentBytes() });
    console.log(JSON.stringify(found.at(-1)));
    await page.evaluate(() => void globalThis.go());
  }
  const [early, late] = [found[0], found.at(-1)];
  // What is rendered is kept by the page.
  const rendered = 4 * 60 * RATE * (late.minutes - early.minutes);
  const grown = {
    wasmBytes: late.wasmBytes - early.wasmBytes,
    pageHeapBytes: late.pageHeapBytes - early.pageHeapBytes,
    rendererBytesLessRendered: Math.round(late.rendererBytes - early.rendererBytes - rendered),
  };
  console.log(JSON.stringify({ grown }));
  process.exitCode = grown.wasmBytes > 0 ? 1 : 0;
} finally {
  await site.stop();
}

/** Resident memory of the largest renderer that this process has started; NaN where `ps` does not tell. */
function residentBytes() {
  if (process.platform === "win32") return NaN;
  const lines = execFileSync("ps", ["-A", "-o", "pid=,ppid=,rss=,args="], { encoding: "utf8", maxBuffer: 1e8 }).split("\n");
  const all = lines.map((line) => /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(.*)$/.exec(line)).filter(Boolean);
  const family = new Set([String(process.pid)]);
  for (let before = 0; before !== family.size; ) {
    before = family.size;
    for (const [, pid, parent] of all) if (family.has(parent)) family.add(pid);
  }
  const renderers = all.filter(([, pid, , , args]) => family.has(pid) && args.includes("--type=renderer"));
  return 1024 * Math.max(...renderers.map(([, , , rss]) => Number(rss)));
}
