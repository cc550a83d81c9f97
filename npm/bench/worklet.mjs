// `node npm/bench/worklet.mjs [model]` after a build: how much of a render block the worklet takes, in Chromium, as
// one line of JSON. Audio threads have no clock: a Worker counts in shared memory, and every process() call is timed by
// the counter, as a share of its block. Two cores at least, and nothing else on them; the longest calls are those that
// the system interrupted.
import { readFile } from "node:fs/promises";
import process from "node:process";
import { ahead, keeping } from "../../tests/browser/processors.js";
import { start } from "../../tests/browser/site.js";

const WARM_UP_S = 3;
const SECONDS = 20;

/** Times every call of a processor. */
function timed(Processor) {
  return class extends Processor {
    constructor() {
      super();
      this.port.addEventListener("message", ({ data }) => data.counter && Object.assign(this, data));
    }
    process(inputs, outputs) {
      if (!this.counter) return super.process(inputs, outputs);
      const before = Atomics.load(this.counter, 0);
      const alive = super.process(inputs, outputs);
      const place = Atomics.add(this.spans, 0, 1) + 1;
      if (place < this.spans.length) this.spans[place] = Atomics.load(this.counter, 0) - before;
      return alive;
    }
  };
}

async function measure({ model, warmUpS, seconds }) {
  const { listen } = await import("./npm/dist/index.js");
  const counter = new Int32Array(new SharedArrayBuffer(4));
  const clock = new Worker("./tests/browser/counter.js");
  clock.postMessage(counter);
  const context = new AudioContext({ sampleRate: 48_000 });
  const block = context.renderQuantumSize ?? 128;
  const spans = new Int32Array(new SharedArrayBuffer(4 * (1 + Math.ceil((seconds * 48_000) / block))));
  const noise = context.createBuffer(1, 2 * 48_000, 48_000);
  noise.copyToChannel(Float32Array.from({ length: noise.length / 2 }, () => 0.6 * (Math.random() - 0.5)), 0);
  const [user, agent] = [0, 1].map((at) => {
    const source = new AudioBufferSourceNode(context, { buffer: noise, loop: true });
    source.start(0, at);
    return source;
  });
  const session = await listen({
    user, agent, runIn: "worklet", assetBase: "./bench", wasm: "./npm/dist/wasm/vap_wasm_bg.wasm", model,
  });
  const sleep = (s) => new Promise((resume) => setTimeout(resume, 1000 * s));
  await sleep(warmUpS);
  const [ticks, from] = [Atomics.load(counter, 0), performance.now()];
  globalThis.nodes[0].port.postMessage({ kind: "time", counter, spans });
  await sleep(seconds + 0.5);
  const ticksAMs = ((Atomics.load(counter, 0) - ticks) >>> 0) / (performance.now() - from);
  const sorted = spans.slice(1, Math.min(Atomics.load(spans, 0) + 1, spans.length)).sort();
  const blockMs = block / 48;
  const share = (rank) => Number((sorted[Math.min(sorted.length - 1, Math.floor(rank * sorted.length))] / ticksAMs / blockMs).toFixed(4));
  const { playbackStats } = context;
  return {
    model: session.info.model.config.name,
    blocks: sorted.length,
    share: { median: share(0.5), p99: share(0.99), p999: share(0.999), longest: share(1) },
    ticksAMs: Math.round(ticksAMs),
    stats: session.stats,
    underruns: playbackStats?.underrunEvents,
  };
}

const worklet = await readFile(new URL("../dist/worklet.js", import.meta.url), "utf8");
const site = await start({
  autoplay: true,
  files: { "bench/worklet.js": ahead(timed) + worklet },
});
try {
  const page = await site.page("isolated");
  await page.evaluate(keeping);
  const model = new URL(process.argv[2] ?? "npm/models/optimized.safetensors", `${site.address}/isolated/`).href;
  const result = await page.evaluate(measure, { model, warmUpS: WARM_UP_S, seconds: SECONDS });
  process.stdout.write(`${JSON.stringify(result)}\n`);
} finally {
  await site.stop();
}
