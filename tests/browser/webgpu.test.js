// The model on WebGPU in headless Chromium, where it runs in software: equal to the CPU, chosen as asked, and when the GPU
// is lost the CPU goes on where it stood.
/* global BroadcastChannel, GPUAdapterInfo, MessageChannel, PcmInput, analyze, capture, clearInterval, dispatchEvent, failure, listen, made, placed, talk, tiny, rendered, setInterval */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { randomModel, restored } from "../../npm/bench/model.mjs";
import { BROWSER } from "./browsers.js";
import { dawdling, losing, stalling } from "./gpu-faults.js";
import { start } from "./site.js";

const BAR = 1e-3;
const ROOT = new URL("../../", import.meta.url);
const skip = BROWSER !== "chromium" && "only Chromium offers WebGPU without a GPU";
const TINY = {
  name: "tiny", dim: 16, channel_layers: 1, num_layers: 1, heads: 2, context_frames: 32, feed_forward_factor: 4, norm_epsilon: 1e-5,
};
/** As tests/tiny.rs has it, the window of the other. */
const TINY_WHISPER = { ...TINY, name: "tiny-whisper", channel_layers: 2, encoder: "whisper", stereo_dim: 12, stereo_heads: 3 };

let site;
let bare;

before(async () => {
  if (skip) return;
  const worker = await readFile(new URL("npm/dist/gpu-worker.js", ROOT), "utf8");
  const shipped = new Uint8Array(await readFile(new URL("npm/models/optimized.safetensors", ROOT)));
  const files = {
    "tiny.safetensors": Buffer.from(randomModel(TINY, "f32")),
    "tiny-whisper.safetensors": Buffer.from(randomModel(TINY_WHISPER, "f32")),
    "shipped.safetensors": Buffer.from(restored(shipped, "f32")),
    "losing.js": `(${losing})();\n${worker}`,
    "stalling.js": `(${stalling})();\n${worker}`,
    "dawdling.js": `(${dawdling})();\n${worker}`,
    "corrupt/gpu-worker.js": worker,
    "corrupt/vap_gpu_bg.wasm": "no binary",
  };
  site = await start({ autoplay: true, webgpu: true, files });
  bare = await start({ autoplay: true, files });
});

after(async () => {
  await site?.stop();
  await bare?.stop();
});

/** Runs `body` on a fresh page without the files `missing`, behind `first`, on which what the package exports and a few helpers are global; `{ found, fetched }`. */
async function on(body, { browser = site, first, missing, argument } = {}) {
  const page = await browser.page("plain");
  const fetched = [];
  const faults = [];
  page.on("request", (request) => fetched.push(new URL(request.url()).pathname));
  page.on("pageerror", (error) => faults.push(error.message));
  try {
    if (missing) await page.route(missing, (route) => route.abort());
    if (first) await page.evaluate(first);
    await page.evaluate(helpers);
    const found = await page.evaluate(body, argument);
    assert.deepEqual(faults, []);
    return { found, fetched: fetched.filter((path) => /gpu/.test(path) && !/gpu\/(adapter|pace)\.js$/.test(path)) };
  } finally {
    await page.close();
  }
}

/** In the page. */
async function helpers() {
  Object.assign(globalThis, await import("./npm/dist/index.js"));
  globalThis.tiny = "./tiny.safetensors";
  /** The binary and the model where they lie, for pages that take the scripts from elsewhere. */
  globalThis.placed = { wasm: "./npm/dist/wasm/vap_wasm_bg.wasm", model: tiny };
  /** Makes a Worker of another script. */
  globalThis.made = (script) => () => new Worker(script, { type: "module" });
  globalThis.failure = (promise) => promise.then(() => "none", ({ name, code, message }) => `${name} ${code}: ${message}`);
  /** Bursts of noise, the same for the same seed. */
  globalThis.talk = (seed, rate, seconds) => {
    let state = seed;
    const draw = () => ((state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 31 - 1);
    const samples = new Float32Array(rate * seconds);
    for (let at = 0; at < samples.length; ) {
      const [end, loudness] = [at + Math.round(rate * (0.3 + 0.25 * draw())), Math.max(0, draw()) * 0.5];
      while (at < Math.min(end, samples.length)) samples[at++] = draw() * loudness;
      at = Math.max(at, end);
    }
    return { samples, rate };
  };
  /** What a session tells. */
  globalThis.capture = (session) => {
    const told = { events: [], frames: [], moves: [], errors: [] };
    session.addEventListener("turn", ({ detail }) => told.events.push(detail));
    session.addEventListener("frame", ({ detail }) => told.frames.push(detail));
    session.addEventListener("backendchange", ({ detail }) => told.moves.push({ ...detail, at: told.frames.length }));
    session.addEventListener("error", ({ detail }) => told.errors.push(detail.message));
    return told;
  };
  /** Listens to `seconds` of talk in an offline context, which waits for the Worker; `at(hop)` is called on the way. */
  globalThis.rendered = async (options, seconds, at = () => undefined) => {
    const rate = 16_000;
    const context = new OfflineAudioContext({ length: Math.floor((seconds * rate) / 128) * 128, sampleRate: rate });
    const channels = [talk(1, rate, seconds), talk(2, rate, seconds)].map(({ samples }) => samples.subarray(0, context.length));
    const [user, agent] = channels.map((samples) => {
      const buffer = context.createBuffer(1, samples.length, rate);
      buffer.copyToChannel(samples, 0);
      const node = new AudioBufferSourceNode(context, { buffer });
      node.start();
      return node;
    });
    const session = await listen({ user, agent, context, model: tiny, backend: "webgpu", ...options });
    const told = capture(session);
    for (let second = 0.4; second < seconds; second += 0.4) {
      void context.suspend(second).then(async () => {
        const hops = Math.floor(second * 50) - 8;
        at(hops, session);
        while (told.frames.length < hops && session.state !== "closed") await new Promise((resume) => setTimeout(resume, 2));
        await new Promise((resume) => setTimeout(resume, 8));
        void context.resume();
      });
    }
    await context.startRendering();
    at(Infinity, session);
    await session.finish();
    const [first, second] = channels.map((samples) => ({ samples, rate }));
    return { ...told, stats: session.stats, info: session.info, expected: await analyze({ user: first, agent: second }, { model: tiny }) };
  };
}

/** The 27 probabilities of a frame as logits. */
function logits({ bins, eot, backchannel, vad, overlap }) {
  return [...bins[0], ...bins[1], ...eot, ...backchannel, ...vad, overlap].map((p) => Math.log(p / (1 - p)));
}

function assertSame(heard, expected, least = 5) {
  assert.ok(expected.events.length >= least, `${expected.events.length} events prove little`);
  const bare = (events) => events.map((event) => ({ ...event, probability: undefined }));
  assert.deepEqual(bare(heard.events), bare(expected.events));
  assert.deepEqual(heard.frames.map(({ timeMs }) => timeMs), expected.frames.map(({ timeMs }) => timeMs));
  const worst = heard.frames.reduce((most, frame, hop) => {
    const [a, b] = [logits(frame), logits(expected.frames[hop])];
    return a.reduce((worst, x, i) => Math.max(worst, Math.abs(x - b[i])), most);
  }, 0);
  assert.ok(worst <= BAR, `logits differ by ${worst}`);
  return worst;
}

for (const model of ["./tiny.safetensors", "./tiny-whisper.safetensors"]) {
  test(`a recording on WebGPU equals the same on the CPU: ${model}`, { skip }, async (t) => {
    const { found } = await on(
      async (model) => {
        const call = { user: talk(1, 16_000, 6), agent: talk(2, 8_000, 5.93) };
        return { cpu: await analyze(call, { model }), gpu: await analyze(call, { model, backend: "webgpu" }) };
      },
      { argument: model },
    );
    assert.deepEqual([found.cpu.backend, found.gpu.backend], ["cpu", "webgpu"]);
    t.diagnostic(`logits differ by ${assertSame(found.gpu, found.cpu)}`);
  });

  test(`any chunking gives the same logits, and a reset stream those of a new one: ${model}`, { skip }, async () => {
    const { found } = await on(async (model) => {
      const { GpuStream } = await import("./npm/dist/gpu/stream.js");
      const bytes = async (path) => new Uint8Array(await (await fetch(path)).arrayBuffer());
      const stream = await GpuStream.open(await bytes("./npm/dist/gpu/vap_gpu_bg.wasm"), await bytes(model));
      const [hops, width] = [40, 160];
      let state = 1;
      const mels = Float32Array.from({ length: 2 * hops * width }, () => ((state = (Math.imul(state, 1664525) + 1) >>> 0) / 2 ** 31 - 1) * 2);
      const run = async (sizes) => {
        const list = [];
        let from = 0;
        for (const size of sizes) {
          const part = [0, 1].map((channel) => mels.subarray((channel * hops + from) * width, (channel * hops + from + size) * width));
          const both = new Float32Array(2 * size * width);
          both.set(part[0]);
          both.set(part[1], size * width);
          list.push(...(await stream.step(both)));
          from += size;
        }
        stream.reset();
        return list;
      };
      const refused = [];
      for (const length of [17, 4097 * 320]) refused.push(await failure(stream.step(new Float32Array(length))));
      const chunkings = [[hops], Array(hops).fill(1), [8, 1, 8, 8, 1, 8, 1, 1, 1, 1, 1, 1], [hops]];
      const found = [];
      for (const sizes of chunkings) found.push(await run(sizes));
      return { found, refused };
    }, { argument: model });
    const [whole, ...others] = found.found;
    assert.equal(whole.length, 40 * 27);
    assert.ok(whole.some((x, i) => i >= 27 && x !== whole[i % 27]), "logits that do not change prove nothing");
    for (const other of others) {
      const worst = whole.reduce((most, x, i) => Math.max(most, Math.abs(x - other[i])), 0);
      assert.ok(worst <= 1e-4, `off by ${worst}`);
    }
    assert.deepEqual(whole, others.at(-1));
    for (const refused of found.refused) assert.match(refused, /length: mels of whole hops/);
  });
}

test("the weights that ship give on WebGPU what they give on the CPU", { skip }, async (t) => {
  const { found } = await on(async () => {
    const bytes = new Uint8Array(await (await fetch("./tests/fixtures/call.wav")).arrayBuffer());
    const { decodeWav } = await import("./npm/dist/index.js");
    const { sampleRate: rate, channels } = await decodeWav(bytes);
    const [user, agent] = channels.map((samples) => ({ samples: samples.slice(36 * rate, 36.5 * rate), rate }));
    const options = { model: "./shipped.safetensors" };
    return { cpu: await analyze({ user, agent }, options), gpu: await analyze({ user, agent }, { ...options, backend: "webgpu" }) };
  });
  assert.equal(found.gpu.backend, "webgpu");
  t.diagnostic(`logits differ by ${assertSame(found.gpu, found.cpu, 0)}`);
});

test("without an adapter WebGPU is refused by its code, auto takes the CPU, and nothing is fetched for it", { skip }, async () => {
  const { found, fetched } = await on(
    async () => {
      const call = { user: talk(1, 16_000, 2), agent: talk(2, 16_000, 2) };
      const user = () => new OscillatorNode(new AudioContext());
      const session = await listen({ user: user(), backend: "auto" });
      const { stats, info } = session;
      session.close();
      return {
        listening: await failure(listen({ user: user(), backend: "webgpu" })),
        analysing: await failure(analyze(call, { backend: "webgpu" })),
        analysed: (await analyze(call, { backend: "auto" })).backend,
        stats, race: info.race ?? "none",
      };
    },
    { browser: bare },
  );
  assert.match(found.listening, /^VapTurnError gpu: WebGPU: /);
  assert.match(found.analysing, /^VapTurnError gpu: WebGPU: /);
  assert.deepEqual([found.analysed, found.stats.backend, found.race], ["cpu", "cpu", "none"]);
  assert.deepEqual(fetched, []);
});

test("an adapter in software is not raced, and nothing is fetched for it", { skip }, async () => {
  const { found, fetched } = await on(async () => {
    const session = await listen({ user: new OscillatorNode(new AudioContext()), backend: "auto" });
    session.close();
    return { ...session.stats, analysed: (await analyze({ user: talk(1, 16_000, 2), agent: talk(2, 16_000, 2) }, { backend: "auto" })).backend };
  });
  assert.deepEqual([found.backend, found.analysed], ["cpu", "cpu"]);
  assert.deepEqual(fetched, []);
});

for (const [name, script, winner] of [["fast", undefined, "cpu"], ["slow", "./dawdling.js", "webgpu"]]) {
  test(`auto races where there is an adapter: on a ${name} CPU, ${winner} wins`, { skip }, async () => {
    const { found } = await on(
      async (script) => {
        Object.defineProperty(GPUAdapterInfo.prototype, "isFallbackAdapter", { get: () => false });
        const user = new OscillatorNode(new AudioContext());
        user.start();
        const session = await listen({ user, backend: "auto", runIn: "worker", model: tiny, ...(script && { createWorker: made(script) }) });
        const told = capture(session);
        while (told.frames.length < 5) await new Promise((resume) => setTimeout(resume, 5));
        session.close();
        return { stats: session.stats, race: session.info.race };
      },
      { argument: script },
    );
    const { cpuMs, webgpuMs } = found.race;
    assert.equal(found.stats.backend, winner);
    assert.ok(cpuMs > 0 && webgpuMs > 0 && (webgpuMs < cpuMs) === (winner === "webgpu"), JSON.stringify(found.race));
  });
}

test("wrong options are refused by name", { skip }, async () => {
  const { found } = await on(async () => {
    const user = new OscillatorNode(new AudioContext());
    const { TurnModel } = await import("./npm/dist/index.js");
    const call = { user: talk(1, 16_000, 1), agent: talk(2, 16_000, 1) };
    return [
      await failure(listen({ user, backend: "gpu" })),
      await failure(listen({ user, backend: "webgpu", runIn: "worklet" })),
      await failure(listen({ user, gpuWasm: "./none.wasm" })),
      await failure(analyze(call, { backend: "gpu" })),
      await failure(analyze(call, { backend: "webgpu", model: await TurnModel.load() })),
      await failure(analyze(call, { backend: "webgpu", gpuWasm: "./none.wasm" })),
      await failure(listen({ user, backend: "webgpu", assetBase: "./none", ...placed })),
      await failure(listen({ user, backend: "webgpu", assetBase: "./corrupt", ...placed })),
      await failure(listen({ user, backend: "webgpu", createWorker: made("./none.js") })),
    ];
  });
  const codes = found.map((text) => /^VapTurnError ([\w-]+): /.exec(text)?.[1] ?? text);
  assert.deepEqual(codes, [...Array(5).fill("option"), ...Array(4).fill("load")], found.join("\n"));
});

test("live on WebGPU: the same frames and events as on the CPU", { skip }, async () => {
  const { found } = await on(() => rendered({}, 4));
  assertSame(found, found.expected);
  assert.deepEqual([found.stats.runIn, found.stats.backend, found.stats.droppedHops], ["worker", "webgpu", 0]);
  assert.deepEqual([found.moves, found.errors], [[], []]);
});

for (const [what, script, hop] of [
  ["lost at once", "./losing.js", 0],
  ["lost on the way", "./losing.js", 100],
  ["that does not answer", "./stalling.js", 100],
]) {
  test(`a device ${what}: the CPU goes on where it stood`, { skip }, async () => {
    const { found } = await on(
      ({ script, hop }) => {
        const channel = new BroadcastChannel("lose");
        let lost = false;
        const lose = (hops) => {
          if (hops < hop || lost) return;
          lost = true;
          channel.postMessage("now");
        };
        return rendered({ createWorker: made(script) }, 4, lose);
      },
      { argument: { script, hop } },
    );
    assertSame(found, found.expected);
    assert.deepEqual(found.errors, []);
    assert.equal(found.stats.droppedHops, 0);
    assert.equal(found.stats.backend, "cpu");
    assert.equal(found.moves.length, 1);
    assert.equal(found.moves[0].backend, "cpu");
    assert.ok(found.moves[0].at >= hop - 10, `after ${found.moves[0].at} frames`);
  });
}

test("a device lost in the middle of a recording: the CPU goes on, and the next recording finds another device", { skip }, async () => {
  const { found } = await on(
    async () => {
      const call = { user: talk(1, 16_000, 22), agent: talk(2, 16_000, 22) };
      const channel = new BroadcastChannel("lose");
      let once = () => channel.postMessage("now");
      const lost = await analyze(call, {
        model: tiny,
        backend: "webgpu",
        onProgress: () => {
          once();
          once = () => undefined;
        },
      });
      return { lost, cpu: await analyze(call, { model: tiny }), again: await analyze(call, { model: tiny, backend: "webgpu" }) };
    },
    { first: losing },
  );
  assert.deepEqual([found.lost.backend, found.again.backend], ["cpu", "webgpu"]);
  assertSame(found.lost, found.cpu);
  assertSame(found.again, found.cpu);
});

/** In the page: what a Worker tells of a stall of `lostMs` between two sounds, and then of the end. */
async function stalled({ script, lostMs, gpu }) {
  const rate = 16_000;
  const bytes = async (path) => new Uint8Array(await (await fetch(path)).arrayBuffer());
  const worker = new Worker(script, { type: "module" });
  const waiting = [];
  const said = [];
  worker.onmessage = ({ data }) => {
    said.push(data);
    waiting.splice(0).forEach((look) => look());
  };
  const until = async (condition) => {
    while (!said.some(({ kind }) => kind === "failed") && !condition()) await new Promise((resume) => waiting.push(resume));
  };
  const begin = { kind: "begin", wasm: await bytes("./npm/dist/wasm/vap_wasm_bg.wasm"), model: await bytes(tiny), rates: [rate, rate], pushed: [] };
  if (gpu) begin.gpu = { wasm: await bytes("./npm/dist/gpu/vap_gpu_bg.wasm"), backend: "webgpu" };
  worker.postMessage(begin);
  await until(() => said.some(({ kind }) => kind === "ready"));
  const { port1, port2 } = new MessageChannel();
  worker.postMessage({ kind: "attend", sound: port1 }, [port1]);
  const channels = [talk(1, rate, 1), talk(2, rate, 1)];
  const sound = (lostMs) => {
    const samples = new Float32Array(2 * rate);
    channels.forEach((channel, at) => samples.set(channel.samples, at * rate));
    const lost = [0, 1].map(() => (rate * lostMs) / 1000);
    port2.postMessage({ kind: "sound", samples, lengths: [rate, rate], lengthMs: 1000, lost, lostMs, at: Date.now() });
  };
  sound(0);
  sound(lostMs);
  port2.postMessage({ kind: "finish" });
  await until(() => said.some(({ finished }) => finished));
  worker.terminate();
  const told = said.filter(({ kind }) => kind === "output");
  return {
    vad: told.flatMap(({ frames }) => Array.from(frames).filter((_, at) => at % 31 === 24)),
    longestHops: Math.max(...told.map(({ frames }) => frames.length / 31)),
    events: told.flatMap(({ events }) => events.map(({ type, speaker, timeMs }) => [type, speaker, timeMs])),
    moved: said.filter(({ kind }) => kind === "moved").map(({ backend, reason }) => `${backend}: ${reason}`),
    failed: said.filter(({ kind }) => kind === "failed"),
    counters: told.at(-1)?.counters,
  };
}

test("code for the GPU that cannot be fetched is told by its code, and auto takes the CPU", { skip }, async () => {
  const { found } = await on(
    async () => {
      Object.defineProperty(GPUAdapterInfo.prototype, "isFallbackAdapter", { get: () => false });
      const call = { user: talk(1, 16_000, 2), agent: talk(2, 16_000, 2) };
      const user = () => new OscillatorNode(new AudioContext());
      const session = await listen({ user: user(), backend: "auto", runIn: "worker", model: tiny });
      session.close();
      return {
        live: session.stats.backend,
        listening: await failure(listen({ user: user(), backend: "webgpu", model: tiny })),
        analysed: (await analyze(call, { backend: "auto", model: tiny })).backend,
        analysing: await failure(analyze(call, { backend: "webgpu", model: tiny })),
      };
    },
    { missing: /gpu\/(recording|file)\.js$/ },
  );
  assert.deepEqual([found.live, found.analysed], ["cpu", "cpu"]);
  assert.match(found.listening, /^VapTurnError load: GPU code: /);
  assert.match(found.analysing, /^VapTurnError load: GPU code: /);
});

test("a GPU Worker that cannot be loaded is ended before the other begins", { skip }, async () => {
  const { found } = await on(async () => {
    Object.defineProperty(GPUAdapterInfo.prototype, "isFallbackAdapter", { get: () => false });
    const alive = new Set();
    const most = [];
    const createWorker = (url) => {
      const worker = new Worker(url.pathname.endsWith("/gpu-worker.js") ? "./none.js" : url, { type: "module" });
      const end = worker.terminate.bind(worker);
      worker.terminate = () => {
        alive.delete(worker);
        end();
      };
      alive.add(worker);
      most.push(alive.size);
      return worker;
    };
    const user = new OscillatorNode(new AudioContext());
    const session = await listen({ user, backend: "auto", runIn: "worker", model: tiny, createWorker });
    session.close();
    return { most, backend: session.stats.backend };
  });
  assert.deepEqual(found, { most: [1, 1], backend: "cpu" });
});

for (const [whose, file, backend] of [["other wasm code", "other.js", "webgpu"], ["the GPU binary", "vap_gpu.js", "cpu"]]) {
  test(`a fault of ${whose} during a recording: ${backend} goes on`, { skip }, async () => {
    const { found } = await on(
      async (filename) => {
        const taken = [];
        const fault = () => {
          const error = new WebAssembly.RuntimeError("unreachable");
          error.stack = `RuntimeError: unreachable\n    at f (http://localhost/${filename}:1:1)`;
          const event = new ErrorEvent("error", { error, filename: `http://localhost/${filename}`, cancelable: true });
          taken.push(!dispatchEvent(event));
        };
        let timer;
        const { backend } = await analyze(
          { user: talk(1, 16_000, 22), agent: talk(2, 16_000, 22) },
          { model: tiny, backend: "webgpu", onProgress: () => (timer ??= setInterval(fault, 1)) },
        );
        clearInterval(timer);
        return { backend, taken: taken.some(Boolean), faults: taken.length > 0 };
      },
      { argument: file },
    );
    assert.deepEqual(found, { backend, taken: backend === "cpu", faults: true });
  });
}

for (const [lostMs, moved] of [[3000, []], [12_000, ["cpu: GPU: it is too slow"]]]) {
  test(`a stall of ${lostMs} ms is heard as silence, and the GPU Worker goes on as the other does`, { skip }, async () => {
    const { found: cpu } = await on(stalled, { argument: { script: "./npm/dist/worker.js", lostMs } });
    const { found: gpu } = await on(stalled, { argument: { script: "./npm/dist/gpu-worker.js", lostMs, gpu: true } });
    assert.deepEqual([cpu.failed, gpu.failed, gpu.moved], [[], [], moved]);
    assert.deepEqual([gpu.vad.length, gpu.counters.droppedHops], [100 + lostMs / 20, lostMs / 20]);
    assert.equal(cpu.vad.length, gpu.vad.length);
    gpu.vad.forEach((vad, hop) => assert.ok(Math.abs(vad - cpu.vad[hop]) < BAR, `hop ${hop}: ${vad}, ${cpu.vad[hop]}`));
    assert.deepEqual(gpu.events, cpu.events);
    assert.ok(gpu.longestHops <= 100, `${gpu.longestHops} hops in one step`);
  });
}

test("two sessions at once, and one closed during a step", { skip }, async () => {
  const { found } = await on(async () => {
    const context = new AudioContext();
    const open = () => listen({ user: new PcmInput({ rate: 16_000 }), context, model: tiny, backend: "webgpu" });
    const sessions = await Promise.all([open(), open()]);
    const told = sessions.map(capture);
    while (told.some(({ frames }) => frames.length < 10)) await new Promise((resume) => setTimeout(resume, 5));
    sessions[0].close();
    const count = told[0].frames.length;
    const { length } = told[1].frames;
    while (told[1].frames.length < length + 10) await new Promise((resume) => setTimeout(resume, 5));
    const third = await open();
    third.close();
    await sessions[1].finish();
    return { errors: told.flatMap(({ errors }) => errors), later: told[0].frames.length - count, states: sessions.map(({ state }) => state) };
  });
  assert.deepEqual(found, { errors: [], later: 0, states: ["closed", "closed"] });
});
