// The programming interface: streams in any chunks, the life of a detector, options and typed errors.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { before, test } from "node:test";
import { TurnDetector, TurnModel, VapTurnError, analyze, decodeG711, decodeWav, loadWasm, steps } from "../dist/index.js";
import { MODEL, largestDifference, numbers, sharedModel, shortCall } from "./support.js";

let call, whole, model;
before(async () => {
  [call, model] = await Promise.all([shortCall(), sharedModel()]);
  whole = await analyze(call, { model });
});

const create = (more = {}) => TurnDetector.create({ rate: 8000, model, ...more });
const failsWith = (code, says = /./) => (error) =>
  error instanceof VapTurnError && error.code === code && says.test(error.message);

/** Pushes the call in chunks of `size` samples. */
function streamed(detector, size) {
  const total = { frames: [], events: [] };
  const take = ({ frames, events }) => (total.frames.push(...frames), total.events.push(...events));
  const { user, agent } = call;
  for (let at = 0; at < user.samples.length; at += size) {
    take(detector.push(user.samples.subarray(at, at + size), agent.samples.subarray(at, at + size)));
  }
  take(detector.finish());
  return total;
}

function assertSame(one, other, tolerance) {
  const difference = largestDifference(one.frames, other.frames);
  assert.ok(difference <= tolerance, `frames differ by ${difference}`);
  const bare = (events) => events.map((event) => ({ ...event, probability: undefined }));
  assert.deepEqual(bare(one.events), bare(other.events));
}

for (const size of [80, 160, 333, 4096, 50_000]) {
  test(`chunks of ${size} samples give what the whole gives`, async () => {
    const detector = await create();
    assertSame(streamed(detector, size), whole, 1e-4);
    detector.close();
  });
}

test("a frame's time is the end of its hop and does not depend on the pushes", () => {
  assert.deepEqual(whole.frames.map((frame) => frame.timeMs), Array.from({ length: 600 }, (_, hop) => 20 * (hop + 1)));
  assert.equal(whole.durationMs, 12_000);
});

test("reset begins anew, exactly", async () => {
  const detector = await create();
  const first = streamed(detector, 4096);
  detector.reset();
  assert.deepEqual(streamed(detector, 4096), first);
  detector.close();
});

test("a channel that is left out is silent for as long as the other sounds", async () => {
  const [silent, zeros] = await Promise.all([create(), create()]);
  const { samples } = call.user;
  const zero = new Float32Array(samples.length);
  for (const [one, other] of [[[samples], [samples, zero]], [[undefined, samples], [zero, samples]]]) {
    assert.deepEqual(silent.push(...one), zeros.push(...other));
  }
  assert.deepEqual([silent.push(), silent.push(new Float32Array(0))], Array(2).fill({ frames: [], events: [] }));
  for (const detector of [silent, zeros]) detector.close();
});

test("channels may come in separate calls: an empty one has nothing new yet", async () => {
  const detector = await create();
  const [user, agent, none] = [call.user.samples, call.agent.samples, new Float32Array(0)];
  const parts = [];
  for (let at = 0; at < user.length; at += 333) {
    parts.push(detector.push(user.subarray(at, at + 333), none), detector.push(none, agent.subarray(at, at + 333)));
  }
  parts.push(detector.finish());
  assertSame({ frames: parts.flatMap((part) => part.frames), events: parts.flatMap((part) => part.events) }, whole, 1e-4);
  detector.close();
});

test("channels may come unequal: the one ahead waits", async () => {
  const detector = await create();
  const [user, agent] = [call.user.samples, call.agent.samples];
  const first = detector.push(user.subarray(0, 16_000), agent.subarray(0, 1));
  assert.deepEqual(first, { frames: [], events: [] });
  const parts = [first, detector.push(user.subarray(16_000), agent.subarray(1)), detector.finish()];
  assertSame({ frames: parts.flatMap((part) => part.frames), events: parts.flatMap((part) => part.events) }, whole, 1e-4);
  detector.close();
});

test("a channel that runs too far ahead is refused", async () => {
  const detector = await create();
  const long = new Float32Array(8000 * 6);
  assert.throws(() => detector.push(long, new Float32Array(1)), failsWith("channels-apart", /user is ahead/));
  assert.doesNotThrow(() => detector.push(long, long));
  detector.close();
});

test("what is not a number counts as silence and leaves no trace in later sound", async () => {
  const detector = await create();
  const bad = new Float32Array(8000).fill(NaN);
  const { frames } = detector.push(bad, new Float32Array(8000).fill(Infinity));
  frames.push(...streamed(detector, 8000).frames);
  assert.equal(frames.length, 650);
  assert.ok(frames.flatMap(numbers).every(Number.isFinite));
  detector.close();
});

test("finish may be called again; then only reset helps", async () => {
  const detector = await create();
  detector.push(new Float32Array(100), new Float32Array(100));
  assert.equal(detector.finish().frames.length, 1);
  assert.deepEqual(detector.finish(), { frames: [], events: [] });
  assert.throws(() => detector.push(new Float32Array(1)), failsWith("finished"));
  detector.reset();
  assert.equal(detector.push(new Float32Array(320), new Float32Array(320)).frames.at(-1)?.timeMs ?? 20, 20);
  detector.close();
});

test("close may be called again; everything else then throws", async () => {
  const detector = await create();
  detector.close();
  detector.close();
  for (const use of [() => detector.push(), () => detector.finish(), () => detector.reset()]) {
    assert.throws(use, failsWith("closed"));
  }
});

test("detectors share a model and live on when it is closed", async () => {
  const own = await TurnModel.load();
  const [one, two] = await Promise.all([create({ model: own }), create({ model: own })]);
  own.close();
  own.close();
  await assert.rejects(create({ model: own }), failsWith("closed"));
  assert.deepEqual(streamed(one, 4096), streamed(two, 4096));
  one.close();
  assert.throws(() => one.push(), failsWith("closed"));
  two.reset();
  two.close();
});

test("what a detector is can be read", async () => {
  const detector = await TurnDetector.create({ userRate: 48_000, agentRate: 24_000, model, policy: { maxSilenceMs: 1500 } });
  const { info } = detector;
  assert.deepEqual([info.userRate, info.agentRate, info.policy.maxSilenceMs], [48_000, 24_000, 1500]);
  assert.ok(info.delayMs >= 0 && info.delayMs < 40, `${info.delayMs} ms`);
  assert.ok(info.model.parameters > 1e6 && info.model.parameters < 1e7, `${info.model.parameters} weights`);
  assert.ok(info.model.config && info.model.provenance && info.model.policy.maxSilenceMs !== undefined);
  detector.close();
});

test("wrong options throw, by name", async () => {
  await assert.rejects(TurnDetector.create({ model }), failsWith("option", /userRate/));
  await assert.rejects(TurnDetector.create({ userRate: 8000, model }), failsWith("option", /agentRate/));
  await assert.rejects(create({ rate: 44_100.5 }), failsWith("option", /44100\.5/));
  await assert.rejects(create({ rate: "8000" }), failsWith("option"));
  await assert.rejects(create({ rate: -1 }), (error) => error instanceof VapTurnError);
  await assert.rejects(create({ rate: 1 }), failsWith("sample-rate"));
  await assert.rejects(create({ polcy: {} }), failsWith("option", /polcy/));
  await assert.rejects(create({ policy: { endTreshold: 1 } }), failsWith("option", /endTreshold/));
  await assert.rejects(create({ policy: { endThreshold: 2 } }), failsWith("option", /endThreshold/));
  await assert.rejects(create({ policy: "strict" }), failsWith("option"));
  await assert.rejects(create({ model: 7 }), failsWith("option", /model file: expected/));
  const detector = await create();
  for (const wrong of [[0.5], "sound", new Float64Array(4), new Uint16Array(4), new ArrayBuffer(8), null]) {
    assert.throws(() => detector.push(wrong), failsWith("option", /Float32Array/));
  }
  detector.close();
});

test("whatever else is wrong has a code too", async () => {
  const track = { samples: new Float32Array(800), rate: 8000 };
  const call = { user: track, agent: track };
  for (const wrong of [
    () => analyze(undefined), () => analyze({ user: track }), () => analyze(call, null), () => analyze(call, { onProgress: 5 }),
    () => analyze(call, { backend: 5n }), () => analyze(call, { encoding: "s16le" }), () => steps(null).next(),
    ...[[0.5], new Int16Array(8), new Uint8Array(8), new Float64Array(8), undefined].map((samples) => () => analyze({ user: track, agent: { samples, rate: 8000 } })),
    () => analyze({ user: track, agent: { samples: track.samples, rate: "8000" } }),
    () => TurnModel.load(null), () => TurnModel.load({ modle: new Uint8Array(8) }), () => decodeWav(null), () => decodeWav([82]),
    () => decodeWav(new Uint8Array(8), null), () => decodeG711(new Uint8Array(8), "alaw", null), () => decodeG711("x", "alaw"),
  ]) {
    await assert.rejects(async () => wrong(), (error) => error instanceof VapTurnError && error.code === "option", String(wrong));
  }
});

test("a model comes from bytes, a path, a file URL or a response; or it is said why not", async () => {
  const bytes = await readFile(MODEL);
  const response = new Response(bytes);
  const buffer = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length);
  for (const source of [bytes, buffer, MODEL, new URL(`file://${MODEL}`), `file://${MODEL}`, response]) {
    const loaded = await TurnModel.load({ model: source });
    assert.deepEqual(loaded.info, model.info);
    loaded.close();
  }
  await assert.rejects(TurnModel.load({ model: "no/such/file" }), failsWith("load", /no\/such\/file/));
  await assert.rejects(TurnModel.load({ model: new Response("", { status: 404 }) }), failsWith("load", /404/));
  await assert.rejects(TurnModel.load({ model: bytes.subarray(0, 999) }), failsWith("model-file"));
});

test("a stand-in process, as bundlers put into browsers, is not taken for Node", async () => {
  const real = globalThis.process;
  try {
    globalThis.process = { env: {} };
    await assert.rejects(TurnModel.load({ model: "data:,no-model" }), failsWith("model-file"));
  } finally {
    globalThis.process = real;
  }
});

test("steps come a second each and may be left early", async () => {
  let count = 0;
  for await (const { frames, doneMs, totalMs } of steps(call, { model })) {
    count += 1;
    assert.ok(frames.length <= 50);
    assert.deepEqual([doneMs, totalMs], [1000 * count, 12_000]);
    if (count === 3) break;
  }
  assert.equal(count, 3);
});

test("progress of a whole recording is told", async () => {
  const told = [];
  await analyze(call, { model, onProgress: (doneMs, totalMs) => told.push([doneMs, totalMs]) });
  assert.deepEqual(told, Array.from({ length: 12 }, (_, index) => [1000 * (index + 1), 12_000]));
});

test("the wasm binary is loaded once: a later source is not even looked at", async () => {
  await loadWasm("/no/such/file.wasm");
});
