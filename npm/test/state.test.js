// A conversation saved and restored is the same conversation, in this process or another; other bytes are refused.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { before, test } from "node:test";
import { promisify } from "node:util";
import { TurnDetector, TurnModel, VapTurnError } from "../dist/index.js";
import { MODEL, folder, resampled, sharedModel, shortCall } from "./support.js";
import { quantised } from "./model-file.js";

let call, model;
before(async () => {
  [call, model] = await Promise.all([shortCall(), sharedModel()]);
});

const failsWith = (code, says = /./) => (error) =>
  error instanceof VapTurnError && error.code === code && says.test(error.message);

/** What a detector tells of a call in chunks of `size`; `between` may put another in its place after each. */
async function told(first, { user, agent }, size, between = (detector) => detector) {
  const total = { frames: [], events: [] };
  let detector = first;
  const take = ({ frames, events }) => (total.frames.push(...frames), total.events.push(...events));
  for (let at = 0; at < user.samples.length; at += size) {
    take(detector.push(user.samples.subarray(at, at + size), agent.samples.subarray(at, at + size)));
    detector = await between(detector);
  }
  take(detector.finish());
  detector.close();
  return total;
}

for (const rate of [8000, 16_000, 44_100, 48_000]) {
  test(`${rate} Hz: restored after every push, to the bit`, async () => {
    const sound = rate === 8000 ? call : { user: resampled(call.user, rate), agent: resampled(call.agent, rate) };
    const options = { rate, model, policy: { meanLatencyMs: 500 } };
    const size = Math.round(rate * 0.173) + 1;
    const straight = await told(await TurnDetector.create(options), sound, size);
    // What is expected of an ask is known to the first alone.
    const beginning = await TurnDetector.create(options);
    let first = beginning.info.expected;
    const moved = await told(beginning, sound, size, async (detector) => {
      const state = detector.save();
      detector.close();
      const restored = await TurnDetector.restore(state, { model });
      const { expected, ...known } = detector.info;
      assert.deepEqual([restored.info, expected], [known, first]);
      first = undefined;
      return restored;
    });
    assert.deepEqual(moved, straight);
    assert.ok(straight.events.length > 5);
  });
}

test("a saved detector goes on as if it had not been", async () => {
  const options = { rate: 8000, model };
  const straight = await told(await TurnDetector.create(options), call, 160);
  const saved = await told(await TurnDetector.create(options), call, 160, (detector) => (detector.save(), detector));
  assert.deepEqual(saved, straight);
});

test("another process goes on with it", async (t) => {
  const straight = await told(await TurnDetector.create({ rate: 8000, model }), call, 4000);
  const detector = await TurnDetector.create({ rate: 8000, model });
  const half = call.user.samples.length / 2 + 77;
  const first = detector.push(call.user.samples.subarray(0, half), call.agent.samples.subarray(0, half));
  const home = await folder(t);
  await writeFile(join(home, "state"), detector.save());
  const rest = [call.user, call.agent].map(({ samples }) => Buffer.from(samples.slice(half).buffer));
  await Promise.all(rest.map((bytes, index) => writeFile(join(home, `sound${index}`), bytes)));
  const script = `
    import { readFile } from "node:fs/promises";
    import { TurnDetector } from ${JSON.stringify(new URL("../dist/index.js", import.meta.url).href)};
    const detector = await TurnDetector.restore(await readFile("state"));
    const sound = await Promise.all([0, 1].map(async (at) => new Float32Array(new Uint8Array(await readFile("sound" + at)).buffer)));
    const parts = [detector.push(...sound), detector.finish()];
    console.log(JSON.stringify({ events: parts.flatMap((part) => part.events), hops: parts.flatMap((part) => part.frames).length }));
  `;
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", script], { cwd: home });
  const { events, hops } = JSON.parse(stdout);
  assert.deepEqual([...first.events, ...events], straight.events);
  assert.equal(first.frames.length + hops, straight.frames.length);
});

test("a finished conversation can be saved, and is finished then", async () => {
  const detector = await TurnDetector.create({ rate: 8000, model });
  detector.push(call.user.samples, call.agent.samples);
  detector.finish();
  const restored = await TurnDetector.restore(detector.save(), { model });
  assert.deepEqual(restored.finish(), { frames: [], events: [] });
  assert.throws(() => restored.push(new Float32Array(1)), failsWith("finished"));
  restored.reset();
  assert.equal(restored.push(new Float32Array(320), new Float32Array(320)).frames[0].timeMs, 20);
  detector.close();
  assert.throws(() => detector.save(), failsWith("closed"));
});

test("the size of a state does not depend on the length of the conversation", async () => {
  const detector = await TurnDetector.create({ rate: 8000, model });
  const sizes = [];
  for (let second = 0; second < 30; second++) {
    detector.push(call.user.samples.subarray(0, 8000), call.agent.samples.subarray(0, 8000));
    if (second > 0) sizes.push(detector.save().length);
  }
  // An open turn or overlap takes a few bytes.
  assert.ok(Math.max(...sizes) - Math.min(...sizes) < 1000, `${sizes}`);
});

test("bytes that are no state of this model are refused, by their kind", async () => {
  const detector = await TurnDetector.create({ rate: 8000, model });
  detector.push(call.user.samples.subarray(0, 4000), call.agent.samples.subarray(0, 4000));
  const state = detector.save();
  const restore = (bytes, more = {}) => TurnDetector.restore(bytes, { model, ...more });
  (await restore(state)).close();
  for (const length of [0, 3, 23, 24, 100, state.length - 1]) {
    await assert.rejects(restore(state.subarray(0, length)), failsWith("state"), `${length} bytes`);
  }
  const longer = new Uint8Array(state.length + 1);
  longer.set(state);
  await assert.rejects(restore(longer), failsWith("state"));
  for (const at of [0, 4, 8, 16, 24, 1000, state.length - 1]) {
    const damaged = state.slice();
    damaged[at] ^= 0x10;
    await assert.rejects(restore(damaged), failsWith("state"), `byte ${at}`);
  }
  const other = await TurnModel.load({ model: quantised(await readFile(MODEL), (tensors) => {
    tensors["heads.vad.bias"].data[0] ^= 1;
  }) });
  await assert.rejects(restore(state, { model: other }), failsWith("state", /of this model/));
  other.close();
  for (const wrong of [undefined, null, "state", [1, 2], state.buffer, new Float32Array(4)]) {
    await assert.rejects(restore(wrong), failsWith("option", /Uint8Array/));
  }
  await assert.rejects(restore(state, { rate: 8000 }), failsWith("option", /rate/));
  await assert.rejects(TurnDetector.restore(state, null), failsWith("option"));
  const moved = state.slice();
  structuredClone(moved.buffer, { transfer: [moved.buffer] });
  await assert.rejects(restore(moved), failsWith("option", /transferred/));
  detector.close();
});
