// What can go wrong while a page listens, and what it is told: each failure has its code or is recovered from.
/* global MessagePort, PcmInput, analyze, decodeWav, failure, listen, placed, session, states, told, tone, until, weigh */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { BROWSER } from "./browsers.js";
import { ahead, keeping, weighed } from "./processors.js";
import { start } from "./site.js";

let site;
/** The same where the microphone is granted. */
let granted;

before(async () => {
  const worklet = await readFile(new URL("../../npm/dist/worklet.js", import.meta.url), "utf8");
  const broken = "throw new Error('as it is evaluated');";
  const files = { "broken/worklet.js": broken, "broken/capture.js": broken, "broken/worker.js": broken };
  site = await start({ autoplay: true, files: { ...files, "weighed/worklet.js": ahead(weighed) + worklet } });
  granted = await start({ autoplay: true, microphone: "grant" });
});

after(async () => {
  await site?.stop();
  await granted?.stop();
});

/** A page on which what the package exports and a few helpers are global. */
async function open({ folder = "plain", from = site } = {}) {
  const page = await from.page(folder);
  await page.evaluate(async () => {
    Object.assign(globalThis, await import("./npm/dist/index.js"));
    globalThis.tone = (context) => {
      const node = new OscillatorNode(context, { frequency: 200 });
      node.start();
      return node;
    };
    globalThis.until = async (condition) => {
      for (const end = performance.now() + 10_000; !condition(); await new Promise((resume) => setTimeout(resume, 5))) {
        if (performance.now() > end) throw new Error(`in vain: ${condition}`);
      }
    };
    /** The binary and the model where they lie, for pages that take the scripts from elsewhere. */
    globalThis.placed = { wasm: "./npm/dist/wasm/vap_wasm_bg.wasm", model: "./npm/models/optimized.safetensors" };
    globalThis.failure = (promise) => promise.then(() => "none", ({ name, code, message }) => `${name} ${code}: ${message}`);
  });
  return page;
}

/** Runs `body` on a fresh page and gives what it returns. */
async function on(body, { argument, ...where } = {}) {
  const page = await open(where);
  try {
    return await page.evaluate(body, argument);
  } finally {
    await page.close();
  }
}

test("wrong options are refused at once, by name", async () => {
  const found = await on(async () => {
    const [context, other] = [new AudioContext(), new AudioContext()];
    const user = tone(context);
    const pcm = new PcmInput({ rate: 16000 });
    const wrong = [
      {}, { user: 5 }, { user, agents: user }, { user, runIn: "webgpu" }, { user, policy: 5 }, { user, signal: {} }, { user, model: 5 },
      { user, context: {} }, { user, createWorker: "worker.js" }, { user: pcm, agent: pcm }, { user, assetBase: 7 },
      { user, agent: tone(other) }, { user: new MediaStream(), context },
      { user, policy: { endTreshold: 1 } }, { user, policy: { endThreshold: 2 } }, { user, policy: { maxFalseCutoff: 1e-9 } },
    ];
    const found = [];
    for (const options of wrong) found.push(await failure(listen(options)));
    try {
      new PcmInput({ rate: 4000 });
    } catch ({ code }) {
      found.push(code);
    }
    return found;
  });
  const codes = found.map((text) => /^VapTurnError ([\w-]+): /.exec(text)?.[1] ?? text);
  assert.deepEqual(codes, [...Array(11).fill("option"), "context", ...Array(4).fill("option"), "sample-rate"], found.join("\n"));
  assert.match(found[2], /option agents: unknown/);
  assert.match(found[3], /option runIn: expected "auto" or one of worklet, worker, found "webgpu"/);
});

for (const runIn of ["worklet", "worker", "auto"]) {
  test(`${runIn}: what cannot be loaded is told by its code`, async () => {
    const found = await on(
      async (runIn) => {
        // A context keeps the scripts that it has loaded.
        const fresh = () => tone(new AudioContext());
        return {
          missingModel: await failure(listen({ user: fresh(), runIn, model: "./npm/models/none.safetensors" })),
          corruptModel: await failure(listen({ user: fresh(), runIn, model: "./broken/model.safetensors" })),
          missingWasm: await failure(listen({ user: fresh(), runIn, wasm: "./npm/dist/none.wasm" })),
          missingScripts: await failure(listen({ user: fresh(), runIn, assetBase: "./none", ...placed })),
          brokenScripts: await failure(listen({ user: fresh(), runIn, assetBase: "./broken", ...placed })),
          corruptWasm: await failure(listen({ user: fresh(), runIn, wasm: "./broken/model.safetensors" })),
          afterAll: (await listen({ user: fresh(), runIn })).state,
        };
      },
      { argument: runIn },
    );
    const { corruptModel, afterAll, ...others } = found;
    assert.match(corruptModel, /^VapTurnError model-file: /);
    for (const [name, text] of Object.entries(others)) assert.match(text, /^VapTurnError load: /, name);
    assert.match(found.missingModel, /model file: .*none\.safetensors.*404/);
    assert.equal(afterAll, "running");
  });

  test(`${runIn}: a policy without wasm-unsafe-eval is told as such`, async () => {
    const found = await on((runIn) => failure(listen({ user: tone(new AudioContext()), runIn })), { folder: "nowasm", argument: runIn });
    assert.match(found, /^VapTurnError load: wasm binary: .*(unsafe-eval|Content Security Policy|CSP)/);
  });

  test(`${runIn}: a tone is heard, frames are read, the end is told once`, async () => {
    const found = await on(
      async (runIn) => {
        const context = new AudioContext();
        const session = await listen({ user: tone(context), runIn });
        const types = [];
        session.addEventListener("statechange", () => types.push(session.state));
        const timesMs = [];
        for await (const frame of session) if (timesMs.push(frame.timeMs) === 10) break;
        await until(() => session.stats.hops > 20);
        const { stats, startTime } = session;
        const lag = context.currentTime - session.contextTime(20 * stats.hops);
        await session.finish();
        session.close();
        return { timesMs, types, stats, startTime, lag, running: context.state };
      },
      { argument: runIn },
    );
    assert.deepEqual(found.timesMs.map((ms) => ms - found.timesMs[0]), Array.from({ length: 10 }, (_, i) => 20 * i));
    assert.deepEqual(found.types, ["closed"]);
    assert.equal(found.stats.runIn, runIn === "auto" ? "worklet" : runIn);
    assert.ok(found.stats.hopMs > 0 && found.stats.hopMs < 10, `${found.stats.hopMs} ms a hop`);
    assert.ok(found.stats.delayMs < 60, `${found.stats.delayMs} ms of delay`);
    assert.ok(found.startTime >= 0 && Math.abs(found.lag) < 1, `${found.lag} s behind`);
    assert.equal(found.running, "running", "a context that was given is not closed");
  });
}

test("a microphone that is refused is told so, and nothing else asks for one", async () => {
  const found = await on(async () => {
    let asked = 0;
    const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
    navigator.mediaDevices.getUserMedia = (constraints) => (asked++, ask(constraints));
    (await listen({ user: tone(new AudioContext()), agent: new PcmInput({ rate: 24000 }) })).close();
    return { asked, refused: await failure(listen({ user: "microphone" })) };
  });
  assert.equal(found.asked, 0);
  assert.match(found.refused, /^VapTurnError permission: microphone: /);
});

test("a page without microphones is told so", async () => {
  const found = await on(
    () => {
      navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("Requested device not found", "NotFoundError"));
      return failure(listen({ user: "microphone" }));
    },
    { from: granted },
  );
  assert.match(found, /^VapTurnError microphone: .*not found/);
});

test("the microphone is heard with echo cancellation, and let go at the end", async () => {
  const found = await on(
    async () => {
      let track;
      let asked;
      const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
      navigator.mediaDevices.getUserMedia = async (constraints) => {
        asked = constraints.audio.echoCancellation;
        const stream = await ask(constraints);
        [track] = stream.getAudioTracks();
        return stream;
      };
      const session = await listen({ user: "microphone" });
      await until(() => session.stats.hops > 5);
      const during = { state: track.readyState, asked, echo: track.getSettings().echoCancellation, context: session.context.state };
      session.close();
      await until(() => session.context.state === "closed");
      return { during, after: track.readyState };
    },
    { from: granted },
  );
  // The made-up microphone of Firefox cancels nothing.
  const echo = BROWSER === "chromium";
  assert.deepEqual(found, { during: { state: "live", asked: true, echo, context: "running" }, after: "ended" });
});

test("a stream that ends is told, and the session goes on in silence", async () => {
  const found = await on(
    async () => {
      const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
      const session = await listen({ user: stream });
      const ended = [];
      session.addEventListener("inputended", ({ detail }) => ended.push(detail.speaker));
      await until(() => session.stats.hops > 5);
      for (const track of stream.getTracks()) track.stop();
      await until(() => ended.length > 0);
      const { hops } = session.stats;
      await until(() => session.stats.hops > hops + 20);
      session.close();
      return ended;
    },
    { from: granted },
  );
  assert.deepEqual(found, ["user"]);
});

// To the page, a permission taken back is what a device pulled out is: its track ends, without the page.
const ungranted = BROWSER === "firefox" && "Firefox is told of permissions only as it starts";
test("a microphone that is taken away is told once, and the session goes on in silence", { skip: ungranted }, async () => {
  const page = await open();
  const context = page.context();
  await context.grantPermissions(["microphone"], { origin: site.address });
  await page.evaluate(async () => {
    globalThis.session = await listen({ user: "microphone" });
    globalThis.told = [];
    for (const type of ["inputended", "error", "statechange"]) {
      session.addEventListener(type, ({ detail }) => told.push([type, detail?.speaker]));
    }
    await until(() => session.stats.hops > 5);
  });
  await context.clearPermissions();
  const found = await page.evaluate(async () => {
    await until(() => told.length > 0);
    const { hops } = session.stats;
    await until(() => session.stats.hops > hops + 20);
    const { state } = session;
    session.close();
    return { told, state };
  });
  assert.deepEqual(found, { told: [["inputended", "user"], ["statechange", undefined]], state: "running" });
  await page.close();
});

for (const runIn of ["worklet", "worker"]) {
  test(`${runIn}: a suspended context is told, and time stands still in it`, async () => {
    const found = await on(
      async (runIn) => {
        const context = new AudioContext();
        const session = await listen({ user: tone(context), runIn });
        const states = [];
        session.addEventListener("statechange", () => states.push(session.state));
        await until(() => session.stats.hops > 10);
        await context.suspend();
        await new Promise((resume) => setTimeout(resume, 500));
        const { hops } = session.stats;
        await session.resume();
        await until(() => session.stats.hops > hops + 10);
        const lagMs = 1000 * (context.currentTime - session.contextTime(20 * session.stats.hops));
        session.close();
        return { states, lagMs };
      },
      runIn,
    );
    assert.deepEqual(found.states, ["suspended", "running", "closed"]);
    assert.ok(Math.abs(found.lagMs) < 400, `${found.lagMs} ms behind`);
  });
}

const gesture = BROWSER === "firefox" && "a context of Firefox runs without a gesture under automation";
test("a context that may not run yet gives a session that says so", { skip: gesture }, async (t) => {
  const strict = await start();
  t.after(() => strict.stop());
  const page = await strict.page("plain", {
    script: () => {
      addEventListener("load", async () => {
        const { listen, PcmInput } = await import("./npm/dist/index.js");
        globalThis.session = await listen({ user: new PcmInput({ rate: 16000 }) });
        globalThis.states = [session.state];
        session.addEventListener("statechange", () => states.push(session.state));
        addEventListener("click", () => session.resume());
        console.log("ready");
      });
    },
  });
  await page.mouse.click(5, 5);
  await page.waitForFunction(() => session.stats.hops > 5);
  assert.deepEqual(await page.evaluate(() => states), ["suspended", "running"]);
});

test("a context that is closed ends the session with an error", async () => {
  const found = await on(async () => {
    const context = new AudioContext();
    const session = await listen({ user: tone(context) });
    const errors = [];
    session.addEventListener("error", ({ detail }) => errors.push(detail.code));
    const reading = failure((async () => { for await (const frame of session) if (!frame) break; })());
    await context.close();
    await until(() => errors.length > 0);
    return { errors, state: session.state, reading: await reading, again: await failure(listen({ user: new PcmInput({ rate: 16000 }), context })) };
  });
  assert.deepEqual(found.errors, ["context"]);
  assert.equal(found.state, "closed");
  assert.match(found.reading, /^VapTurnError context/);
  assert.match(found.again, /^VapTurnError context/);
});

test("a signal aborts the opening, and closes the session later", async () => {
  const found = await on(async () => {
    const user = tone(new AudioContext());
    const opening = new AbortController();
    const early = failure(listen({ user, signal: opening.signal }));
    opening.abort();
    const running = new AbortController();
    const session = await listen({ user, signal: running.signal });
    running.abort();
    return { early: await early, past: await failure(listen({ user, signal: AbortSignal.abort() })), state: session.state };
  });
  assert.match(found.early, /^VapTurnError aborted/);
  assert.match(found.past, /^VapTurnError aborted/);
  assert.equal(found.state, "closed");
});

test("a context that is closed, or a signal that is aborted, before the runner listens ends the opening", async () => {
  const found = await on(async () => {
    const post = MessagePort.prototype.postMessage;
    const opening = async (act, options) => {
      const context = new AudioContext();
      // The runner never hears that it is to listen.
      MessagePort.prototype.postMessage = function (message, ...rest) {
        if (message?.kind === "listen") act(context);
        else post.call(this, message, ...rest);
      };
      return failure(listen({ user: tone(context), context, ...options }));
    };
    const stop = new AbortController();
    const found = [await opening((context) => void context.close()), await opening(() => stop.abort(), { signal: stop.signal })];
    MessagePort.prototype.postMessage = post;
    return found;
  });
  assert.match(found[0], /^VapTurnError context: /);
  assert.match(found[1], /^VapTurnError aborted: /);
});

test("two sessions at once do not disturb each other", async () => {
  const found = await on(async () => {
    const context = new AudioContext();
    const user = tone(context);
    const sessions = await Promise.all(["worklet", "worklet", "worker", "worker"].map((runIn) => listen({ user, runIn })));
    await until(() => sessions.every((session) => session.stats.hops > 20));
    sessions[0].close();
    sessions[2].close();
    const hops = sessions.map((session) => session.stats.hops);
    await until(() => [1, 3].every((i) => sessions[i].stats.hops > hops[i] + 20));
    return sessions.map((session, i) => [session.state, session.stats.hops === hops[i], session.stats.droppedHops]);
  });
  assert.deepEqual(found, [["closed", true, 0], ["running", false, 0], ["closed", true, 0], ["running", false, 0]]);
});

test("pushed samples give what analyze gives", async () => {
  const found = await on(async () => {
    const { sampleRate: rate, channels } = await decodeWav(new Uint8Array(await (await fetch("./tests/fixtures/call.wav")).arrayBuffer()));
    const [user, agent] = channels.map((samples) => ({ samples: samples.subarray(36 * rate, 44 * rate), rate }));
    const context = new OfflineAudioContext(1, 8 * 48000, 48000);
    const [first, second] = [new PcmInput({ rate }), new PcmInput({ rate })];
    first.push(user.samples.subarray(0, 1000));
    second.push(agent.samples);
    const session = await listen({ user: first, agent: second, context });
    first.push(user.samples.subarray(1000));
    const events = [];
    session.addEventListener("turn", ({ detail }) => events.push(detail));
    await new Promise((resume) => setTimeout(resume, 100));
    await context.startRendering();
    await session.finish();
    return { events, expected: (await analyze({ user, agent })).events };
  });
  assert.ok(found.expected.length > 8);
  assert.deepEqual(found.events, found.expected);
});

test("the stream of a peer connection is heard", async () => {
  const told = await on(async () => {
    const { sampleRate: rate, channels } = await decodeWav(new Uint8Array(await (await fetch("./tests/fixtures/call.wav")).arrayBuffer()));
    const context = new AudioContext();
    const buffer = context.createBuffer(1, channels[0].length, rate);
    buffer.copyToChannel(channels[0], 0);
    const source = new AudioBufferSourceNode(context, { buffer, loop: true });
    const sender = context.createMediaStreamDestination();
    source.connect(sender);
    source.start(0, 5);
    const [near, far] = [new RTCPeerConnection(), new RTCPeerConnection()];
    near.onicecandidate = ({ candidate }) => void far.addIceCandidate(candidate);
    far.onicecandidate = ({ candidate }) => void near.addIceCandidate(candidate);
    near.addTrack(sender.stream.getAudioTracks()[0], sender.stream);
    const remote = new Promise((resolve) => (far.ontrack = ({ streams }) => resolve(streams[0])));
    await near.setLocalDescription();
    await far.setRemoteDescription(near.localDescription);
    await far.setLocalDescription();
    await near.setRemoteDescription(far.localDescription);
    const session = await listen({ agent: await remote, context });
    let sure = 0;
    for await (const { vad } of session) if (vad[1] > 0.9 && ++sure === 25) return session.stats.hops;
  });
  assert.ok(told > 25, `${told}`);
});

test("a Worker of the page's own making, and every file by its address", async () => {
  const found = await on(async () => {
    const made = [];
    const createWorker = (url) => {
      made.push(url.pathname);
      return new Worker(url, { type: "module" });
    };
    const user = tone(new AudioContext());
    const model = new URL(placed.model, location.href);
    const given = await listen({ user, runIn: "worker", createWorker, assetBase: "./npm/dist", wasm: placed.wasm, model });
    await until(() => given.stats.hops > 5);
    return { made, model: given.info.model.config.name };
  });
  assert.deepEqual(found, { made: ["/plain/npm/dist/worker.js"], model: "optimized" });
});

test("auto goes to the Worker where a slice is long, and a Worker that is held up loses sound but no time", async () => {
  const found = await on(async () => {
    const context = new AudioContext();
    let worker;
    const createWorker = () => (worker = new Worker("./tests/browser/slow-worker.js", { type: "module" }));
    const session = await listen({ user: tone(context), createWorker });
    await until(() => session.stats.hops > 10);
    worker.postMessage({ stallMs: 1500 });
    await until(() => session.stats.droppedHops > 0);
    const { hops } = session.stats;
    await until(() => session.stats.hops > hops + 20);
    const lagMs = 1000 * (context.currentTime - session.contextTime(20 * session.stats.hops));
    const errors = [];
    session.addEventListener("error", ({ detail }) => errors.push(detail.code));
    worker.dispatchEvent(new ErrorEvent("error", { message: "out of memory" }));
    return { lagMs, stats: session.stats, errors, state: session.state };
  });
  assert.equal(found.stats.runIn, "worker");
  assert.ok(found.stats.droppedHops >= 15 && found.stats.droppedHops <= 60, `${found.stats.droppedHops} hops dropped`);
  assert.ok(Math.abs(found.lagMs) < 400, `${found.lagMs} ms behind`);
  assert.deepEqual([found.errors, found.state], [["internal"], "closed"]);
});

const blind = BROWSER !== "chromium" && "only Chromium tells of its heap";
test("fifty sessions come and go and leave nothing behind", { skip: blind }, async () => {
  const page = await open();
  const cycle = async (times) => {
    for (let i = 0; i < times; i++) {
      // Half in a context of the page's, half each in one of its own.
      const shared = (globalThis.shared ??= new AudioContext());
      const session = await listen({ user: i % 2 ? tone(shared) : new PcmInput({ rate: 16000 }), runIn: i % 4 < 2 ? "worklet" : "worker" });
      await until(() => session.stats.hops > 0);
      session.close();
    }
  };
  const devtools = await page.context().newCDPSession(page);
  const heap = async () => {
    await devtools.send("HeapProfiler.enable");
    await devtools.send("HeapProfiler.collectGarbage");
    const { usedSize, backingStorageSize = 0 } = await devtools.send("Runtime.getHeapUsage");
    return usedSize + backingStorageSize;
  };
  await page.evaluate(cycle, 10);
  const before = await heap();
  await page.evaluate(cycle, 40);
  const grown = (await heap()) - before;
  assert.ok(grown < 500_000, `${grown} bytes more`);
  assert.equal(page.workers().length, 0);
  await page.close();
});

test("the memory of an audio thread does not grow with the sessions it has held", async () => {
  const page = await open();
  await page.evaluate(keeping);
  const bytes = await page.evaluate(async () => {
    const context = new AudioContext();
    const bytes = [];
    for (let i = 0; i < 20; i++) {
      const session = await listen({ user: tone(context), runIn: "worklet", assetBase: "./weighed", ...placed });
      await until(() => session.stats.hops > 2);
      bytes.push(await weigh());
      session.close();
    }
    return bytes;
  });
  await page.close();
  assert.ok(bytes[0] > 1e6);
  assert.deepEqual(bytes, bytes.map(() => bytes[0]));
});
