// Many calls on the threads of a pool: none is changed by its neighbours, lost with its thread, or taken faster than it
// can be computed.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { Worker } from "node:worker_threads";
import { TurnDetector, VapTurnError, createPool } from "../dist/index.js";
import { PoolThread } from "../dist/pool/thread.js";
import { MODEL, sharedModel, shortCall } from "./support.js";
import { g711 } from "./telephone.js";

let call, model, pool;
before(async () => {
  [call, model, pool] = await Promise.all([shortCall(), sharedModel(), createPool({ threads: 2, saveEveryMs: 1000 })]);
});
after(() => pool.close());

const failsWith = (code, says = /./) => (error) =>
  error instanceof VapTurnError && error.code === code && says.test(error.message);

/** A pool that goes when the test ends. */
async function ownPool(t, options) {
  const own = await createPool(options);
  t.after(() => own.close());
  return own;
}

/** A call of its own: this one from another place on, at another loudness. */
function variant(number) {
  const from = 1111 * number;
  const other = ({ samples }) => Float32Array.from(samples, (_, at) => samples[(at + from) % samples.length] * (0.4 + 0.1 * number));
  return { user: other(call.user), agent: other(call.agent) };
}

function* pieces({ user, agent }, size) {
  for (let at = 0; at < user.length; at += size) yield [user.subarray(at, at + size), agent.subarray(at, at + size)];
}

/** What a detector alone tells, piece by piece. */
async function alone(sound, size, options = {}) {
  const detector = await TurnDetector.create({ rate: 8000, model, ...options });
  const events = [];
  for (const piece of pieces(sound, size)) events.push(...detector.push(...piece).events);
  events.push(...detector.finish().events);
  detector.close();
  return events;
}

/** What a call of a pool tells; `between` is told how many pieces it has had. */
async function pooled(from, sound, size, options = {}, between = () => undefined) {
  const live = await from.open({ rate: 8000, ...options });
  const reading = (async () => {
    const items = [];
    for await (const item of live) items.push(item);
    return items;
  })();
  let count = 0;
  for (const piece of pieces(sound, size)) {
    if (!live.push(...piece)) await live.ready();
    if (++count % 8 === 0) await new Promise((resolve) => setImmediate(resolve));
    await between(count, live);
  }
  await live.finish();
  return reading;
}

test("no call is changed by its neighbours", async () => {
  const calls = Array.from({ length: 8 }, (_, number) => ({ sound: variant(number), size: 80 + 37 * number }));
  const expected = [];
  for (const { sound, size } of calls) expected.push(await alone(sound, size));
  const found = await Promise.all(calls.map(({ sound, size }) => pooled(pool, sound, size)));
  assert.deepEqual(found, expected);
  assert.ok(expected.every((events) => events.length > 5) && new Set(expected.map(JSON.stringify)).size === 8);
  const { calls: left, hops, queuedMs, delayMs } = pool.stats;
  assert.deepEqual([left, queuedMs], [0, 0]);
  assert.ok(hops >= 8 * 600 && delayMs.p50 > 0 && delayMs.p50 <= delayMs.p99 && delayMs.p99 <= delayMs.max);
});

test("calls are spread over the threads and stay", async () => {
  const calls = await Promise.all(Array.from({ length: 6 }, () => pool.open({ rate: 8000 })));
  assert.deepEqual(pool.threads.map(({ calls }) => calls), [3, 3]);
  assert.equal(pool.stats.calls, 6);
  for (const each of calls) each.close();
  assert.deepEqual(pool.threads.map(({ calls }) => calls), [0, 0]);
});

test("a killed thread loses no call, no event, and tells none twice", async (t) => {
  const own = await ownPool(t, { threads: 2, saveEveryMs: 700 });
  const calls = Array.from({ length: 6 }, (_, number) => ({ sound: variant(number), size: 160 }));
  const expected = [];
  for (const { sound, size } of calls) expected.push(await alone(sound, size));
  let [kills, told] = [0, -1];
  const kill = (count, { hops }) => {
    // In the middle of work, between saves and before the first; each thread and call gets to tell something.
    const thread = own.threads[kills % own.threads.length];
    if (count < 20 || count % 31 !== 0 || hops === told || !thread.started) return;
    kills += 1;
    told = hops;
    void thread.worker.terminate();
  };
  const found = await Promise.all(calls.map(({ sound, size }, number) => {
    return pooled(own, sound, size, {}, async (count, live) => {
      if (number === 0) kill(count, live);
      if (count % 16 === 0) await new Promise((resolve) => setTimeout(resolve, 2));
    });
  }));
  assert.deepEqual(found, expected);
  assert.ok(kills > 2 && own.stats.restarts > 2 && own.stats.restarts <= kills, `${kills} kills, ${own.stats.restarts} restarts`);
  assert.equal(own.stats.threads, 2);
});

test("a thread that dies between opening and the first sound loses nothing either", async (t) => {
  const own = await ownPool(t, { threads: 1 });
  const opening = own.open({ rate: 8000 });
  void own.threads[0].worker.terminate();
  const live = await opening;
  live.push(call.user.samples, call.agent.samples);
  await live.finish();
  const events = [];
  for await (const event of live) events.push(event);
  assert.deepEqual(events, await alone({ user: call.user.samples, agent: call.agent.samples }, 1e9));
  const last = await own.open({ rate: 8000 });
  last.push(new Float32Array(8000), new Float32Array(8000));
  const finishing = last.finish();
  void own.threads[0].worker.terminate();
  await finishing;
});

test("a thread that dies as soon as it is ready is replaced, from bytes that are the pool's own", async (t) => {
  const bytes = new Uint8Array(await readFile(MODEL));
  const { on } = Worker.prototype;
  let killed = 0;
  t.mock.method(Worker.prototype, "on", function (name, hear) {
    return on.call(this, name, name !== "message" ? hear : (message) => {
      hear(message);
      if (message.kind === "ready" && killed++ === 0) void this.terminate();
    });
  });
  const own = await ownPool(t, { threads: 2, model: bytes.buffer });
  for (let wait = 0; own.stats.restarts < 1 && wait < 500; wait++) await new Promise((resolve) => setTimeout(resolve, 10));
  assert.deepEqual([own.stats.threads, own.stats.restarts], [2, 1]);
  structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
  await Promise.all(own.threads.map(({ worker }) => worker.terminate()));
  const live = await own.open({ rate: 8000 });
  live.push(new Float32Array(320), new Float32Array(320));
  await live.finish();
  assert.deepEqual([live.hops, own.stats.threads, own.stats.restarts], [2, 2, 3]);
});

test("a call on hold keeps a bounded number of orders", async (t) => {
  const own = await ownPool(t, { threads: 1 });
  const live = await own.open({ rate: 8000 });
  for (let count = 0; count < 3000; count++) {
    live.push(new Float32Array(0), new Float32Array(0));
    if (count % 250 === 0) await live.expect("open");
  }
  await live.expect("open");
  const sent = t.mock.method(PoolThread.prototype, "order");
  await own.threads[0].worker.terminate();
  live.push(new Float32Array(320), new Float32Array(320));
  await live.finish();
  assert.equal(live.hops, 2);
  assert.ok(sent.mock.callCount() < 1100, `${sent.mock.callCount()} orders`);
});

test("a fault in the binary ends the call that met it, and its neighbours go on elsewhere", async (t) => {
  const own = await ownPool(t, { threads: 1, script: new URL("./faulty-worker.js", import.meta.url) });
  const sound = variant(3);
  const good = pooled(own, sound, 400);
  const bad = await own.open({ rate: 8000 });
  bad.push(new Float32Array(160), new Float32Array(160));
  bad.push(new Float32Array(160).fill(0.625), new Float32Array(160));
  await assert.rejects(bad.next(), failsWith("internal", /unreachable/));
  assert.deepEqual(await good, await alone(sound, 400));
  assert.equal(own.stats.restarts, 1);
});

test("threads that cannot start end the pool, not the process", async () => {
  const script = new URL("./nowhere.js", import.meta.url);
  await assert.rejects(createPool({ threads: 2, script }), failsWith("load"));
  await assert.rejects(createPool({ threads: 1, model: "no/such/model" }), failsWith("load", /no\/such\/model/));
  await assert.rejects(createPool({ threads: 1, model: new Uint8Array(100) }), failsWith("model-file"));
  await assert.rejects(createPool({ threads: 1, wasm: new Uint8Array(100) }), failsWith("load", /wasm/));
});

test("frames come before the events of their hop", async () => {
  const sound = { user: call.user.samples, agent: call.agent.samples };
  const items = await pooled(pool, sound, 333, { frames: true });
  const frames = items.filter(({ type }) => type === "frame");
  assert.deepEqual(frames.map(({ timeMs }) => timeMs), Array.from({ length: 600 }, (_, hop) => 20 * (hop + 1)));
  assert.deepEqual(items.filter(({ type }) => type !== "frame"), await alone(sound, 333));
});

test("a call moves to another pool by its state", async (t) => {
  const sound = { user: call.user.samples, agent: call.agent.samples };
  const other = await ownPool(t, { threads: 1 });
  const options = { rate: 8000, policy: { maxSilenceMs: 1500 } };
  const list = [...pieces(sound, 160)];
  const first = await pool.open(options);
  for (const piece of list.slice(0, 200)) first.push(...piece);
  const state = await first.save();
  first.close();
  const second = await other.open({ rate: 8000, state });
  assert.equal(second.info.policy.maxSilenceMs, 1500);
  for (const piece of list.slice(200)) second.push(...piece);
  await second.finish();
  const events = [];
  for (const live of [first, second]) for await (const event of live) events.push(event);
  assert.deepEqual(events, await alone(sound, 160, { policy: { maxSilenceMs: 1500 } }));
  await assert.rejects(other.open({ rate: 16_000, state }), failsWith("option", /8000 and 8000 Hz/));
  await assert.rejects(other.open({ rate: 8000, state: state.subarray(1) }), failsWith("state"));
});

test("policy and expectation change at the same hop as in a detector, though the thread dies", async (t) => {
  const own = await ownPool(t, { threads: 1, saveEveryMs: 2000 });
  const [size, sound] = [400, variant(0)];
  const changes = new Map([[10, ["setPolicy", { minSilenceMs: 200, maxSilenceMs: 300 }]], [60, ["expect", "spelling"]], [110, ["setPolicy", {}]]]);
  const detector = await TurnDetector.create({ rate: 8000, model, expect: "digits" });
  const [events, told] = [[], []];
  let count = 0;
  for (const piece of pieces(sound, size)) {
    events.push(...detector.push(...piece).events);
    const [name, value] = changes.get(++count) ?? [];
    if (name) told.push(detector[name](value));
  }
  events.push(...detector.finish().events);

  const answers = [];
  let info;
  const found = await pooled(own, sound, size, { expect: "digits" }, async (count, live) => {
    if (count === 1) assert.equal(live.info.expectation, "digits");
    const [name, value] = changes.get(count) ?? [];
    if (name) answers.push(live[name](value));
    if (count === 62) await own.threads[0].worker.terminate();
    if (count === 112) await assert.rejects(live.setPolicy({ endThreshold: 2 }), failsWith("option", /endThreshold/));
    if (count === 113) info = live.info;
  });
  assert.deepEqual(found, events);
  assert.deepEqual(await Promise.all(answers), told);
  assert.ok(count > 113 && own.stats.restarts === 1);
  assert.deepEqual([info.policy, info.expectation], [detector.info.policy, "spelling"]);
  detector.close();
  await assert.rejects((await own.open({ rate: 8000 })).expect("letters"), failsWith("option", /letters/));
  assert.notDeepEqual(events, await alone(sound, size));
});

test("telephone bytes, to a function; an array may be used again at once", async () => {
  const sound = { user: g711(call.user.samples, "alaw"), agent: g711(call.agent.samples, "alaw") };
  const events = [];
  const live = await pool.open({ rate: 8000, encoding: "alaw", onEvent: (event) => events.push(event) });
  const reused = [Buffer.alloc(160), Buffer.alloc(160)];
  for (const piece of pieces(sound, 160)) {
    piece.forEach((bytes, s) => reused[s].set(bytes));
    if (!live.push(...reused.map((bytes) => bytes.subarray(0, piece[0].length)))) await live.ready();
  }
  await live.finish();
  assert.deepEqual(events, await alone(sound, 160, { encoding: "alaw" }));
});

test("a call that its own event closes tells nothing more, and leaves once", async (t) => {
  const own = await ownPool(t, { threads: 1 });
  const events = await alone({ user: call.user.samples, agent: call.agent.samples }, 1e9);
  for (const [count, closes] of [[1, 0], [events.length, events.length - 1]]) {
    const heard = [];
    const live = await own.open({
      rate: 8000,
      onEvent: (event) => {
        heard.push(event);
        if (heard.length > closes) live.close();
      },
    });
    live.push(call.user.samples, call.agent.samples);
    await assert.rejects(live.finish(), failsWith("closed"));
    assert.deepEqual(heard, events.slice(0, count));
    assert.deepEqual([own.stats.calls, own.threads[0].calls], [0, 0]);
  }
});

test("more sound than can wait is refused, and what waits is told", async (t) => {
  const own = await ownPool(t, { threads: 1, maxQueueMs: 4000 });
  const live = await own.open({ rate: 8000 });
  const second = [call.user, call.agent].map(({ samples }) => samples.subarray(0, 8000));
  assert.deepEqual([0, 1, 2, 3].map(() => live.push(...second)), [true, false, false, false]);
  assert.equal(live.queuedMs, 4000);
  assert.throws(() => live.push(...second), failsWith("behind", /4000 ms/));
  await live.ready();
  assert.ok(live.queuedMs < 2000);
  live.push(...second);
  await live.finish();
  assert.deepEqual([live.hops, live.queuedMs], [250, 0]);
});

test("an error of one call ends it alone", async () => {
  const sound = { user: call.user.samples, agent: call.agent.samples };
  const good = pooled(pool, sound, 160);
  const bad = await pool.open({ rate: 8000 });
  bad.push(new Float32Array(8000 * 6), new Float32Array(1));
  await assert.rejects(bad.next(), failsWith("channels-apart"));
  for (const use of [() => bad.push(new Float32Array(1)), () => bad.ready(), () => bad.finish(), () => bad.save(), () => bad.next()]) {
    await assert.rejects(async () => use(), failsWith("channels-apart"));
  }
  assert.deepEqual(await good, await alone(sound, 160));
});

test("wrong options and wrong sound throw, and leave the pool as it was", async () => {
  const { calls } = pool.stats;
  for (const [wrong, code] of [
    [{}, "option"], [{ rate: 1 }, "sample-rate"], [{ rate: "8000" }, "option"], [{ rate: 8000, polcy: {} }, "option"],
    [{ rate: 8000, policy: { endThreshold: 2 } }, "option"], [{ rate: 8000, policy: "strict" }, "option"],
    [{ rate: 8000, policy: { vadOnset: () => 1 } }, "option"], [{ rate: 8000, frames: 1 }, "option"],
    [{ rate: 8000, encoding: "ulaw" }, "option"], [{ rate: 8000, state: "state" }, "option"],
    [{ rate: 8000, onEvent: 7 }, "option"], [{ rate: 8000, state: new Uint8Array(30) }, "state"],
    [{ rate: 8000, state: new Uint8Array(30), policy: {} }, "option"], [{ rate: 8000, state: new Uint8Array(30), expect: "open" }, "option"], [null, "option"],
  ]) await assert.rejects(async () => pool.open(wrong), failsWith(code), JSON.stringify(wrong));
  for (const wrong of [{ threads: 0 }, { threads: 1.5 }, { threads: 1e6 }, { saveEveryMs: NaN }, { maxQueueMs: -1 }, { thread: 1 }, { script: "x.js" }, { script: new URL("https://example.com/x.js") }, { model }]) {
    await assert.rejects(createPool(wrong), failsWith("option"));
  }
  const live = await pool.open({ rate: 8000 });
  const gone = new Float32Array(160);
  structuredClone(gone.buffer, { transfer: [gone.buffer] });
  for (const wrong of [[0.5], "sound", null, new Uint8Array(160), gone]) assert.throws(() => live.push(wrong), failsWith("option"));
  live.push(new Float32Array(160).fill(NaN), new Float32Array(160).fill(Infinity));
  await live.finish();
  assert.equal(live.hops, 1);
  assert.equal(pool.stats.calls, calls);
});

test("after its end a call takes nothing", async () => {
  const live = await pool.open({ rate: 8000 });
  live.push(new Float32Array(320), new Float32Array(320));
  const finishing = live.finish();
  assert.throws(() => live.push(new Float32Array(1)), failsWith("finished"));
  await assert.rejects(live.save(), failsWith("finished"));
  await finishing;
  await live.finish();
  assert.throws(() => live.push(new Float32Array(1)), failsWith("closed"));
  assert.deepEqual(await live.next(), { value: undefined, done: true });
  const left = await pool.open({ rate: 8000 });
  const saving = left.save();
  left.close();
  left.close();
  await assert.rejects(saving, failsWith("closed"));
  assert.throws(() => left.push(new Float32Array(1)), failsWith("closed"));
  for await (const event of left) assert.fail(JSON.stringify(event));
});

test("a pool finishes what goes on, and takes nothing new", async (t) => {
  const own = await ownPool(t, { threads: 2, model: MODEL });
  const sound = { user: call.user.samples, agent: call.agent.samples };
  const live = await Promise.all([own.open({ rate: 8000 }), own.open({ rate: 8000 })]);
  for (const each of live) each.push(sound.user, sound.agent);
  const finishing = own.finish();
  await assert.rejects(own.open({ rate: 8000 }), failsWith("closed"));
  await finishing;
  const expected = await alone(sound, 1e9);
  for (const each of live) {
    const events = [];
    for await (const event of each) events.push(event);
    assert.deepEqual(events, expected);
  }
  await own.close();
  assert.equal(own.stats.threads, 0);
});

test("a pool that drains waits for its calls; one that closes does not", async (t) => {
  const draining = await ownPool(t, { threads: 1 });
  const live = await draining.open({ rate: 8000 });
  let drained = false;
  const done = draining.drain().then(() => (drained = true));
  await assert.rejects(draining.open({ rate: 8000 }), failsWith("closed"));
  live.push(new Float32Array(320), new Float32Array(320));
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(drained, false);
  await live.finish();
  await done;

  const closing = await ownPool(t, { threads: 1 });
  const cut = await closing.open({ rate: 8000 });
  const reading = assert.rejects(cut.next(), failsWith("closed"));
  await closing.close();
  await reading;
  assert.throws(() => cut.push(new Float32Array(1)), failsWith("closed"));
});
