// The wasm door below the package: slices, the buffers of an audio thread. Whatever comes in, an error with a `code`
// comes out, and nothing that was told is lost.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { before, test } from "node:test";
import { loadWasm } from "../dist/wasm/load.js";
import init, { Model, Session, decodeWav } from "../dist/wasm/vap_wasm.js";

const RATES = { userRate: 16_000, agentRate: 16_000 };
const SECOND = new Float32Array(16_000).map((_, i) => 0.3 * Math.sin(i / 7));
let model;
let memory;

before(async () => {
  await loadWasm();
  memory = (await init()).memory;
  model = Model.load(await readFile(new URL("../models/optimized.safetensors", import.meta.url)));
});

const count = ({ frames }) => frames.length / 31;
const refuses = (call, code) => assert.throws(call, (error) => error instanceof Error && error.code === code);

test("what work told is there after finish, and gone after reset", () => {
  const session = new Session(model, RATES);
  session.hear(SECOND, SECOND);
  assert.equal(session.waiting(), 50);
  while (session.work());
  assert.equal(session.waiting(), 0);
  assert.equal(count(session.finish()), 50);
  session.reset();
  session.hear(SECOND, SECOND);
  while (session.work());
  session.reset();
  assert.equal(count(session.output()), 0);
  session.free();
});

test("sound by an audio thread's room, a quantum at a time, gives what a push gives", async () => {
  const { channels, sampleRate } = decodeWav(await readFile(new URL("../../tests/fixtures/call.wav", import.meta.url)));
  const [user, agent] = channels.map((channel) => channel.subarray(0, 10 * sampleRate));
  const rates = { userRate: sampleRate, agentRate: sampleRate };
  const whole = new Session(model, rates);
  const expected = whole.push(user, agent);

  const session = new Session(model, rates);
  const [userRoom, agentRoom] = [0, 1].map((channel) => session.input(channel));
  for (let at = 0; at < user.length; at += 128) {
    const [a, b] = [user, agent].map((channel) => channel.subarray(at, at + 128));
    new Float32Array(memory.buffer, userRoom, a.length).set(a);
    new Float32Array(memory.buffer, agentRoom, b.length).set(b);
    session.hearInput(a.length, b.length);
    session.work();
    session.work();
  }
  while (session.work());
  const told = session.output();
  assert.deepEqual(told.frames, expected.frames);
  assert.deepEqual(told.events, expected.events);

  const alone = new Session(model, rates);
  alone.hearInput(4096, -1);
  while (alone.work());
  const silent = new Session(model, rates).push(new Float32Array(4096), undefined);
  assert.deepEqual(alone.output().frames, silent.frames);
});

test("an audio thread's mistakes are told", () => {
  const session = new Session(model, RATES);
  for (const length of [4097, -2, 0.5, NaN, Infinity, undefined]) {
    refuses(() => session.hearInput(length, 0), "option");
    refuses(() => session.hearInput(0, length), "option");
  }
  for (const channel of [2, -1, NaN, undefined]) refuses(() => session.input(channel), "option");
});

test("sound that nobody works is refused, and taken again when it was worked", () => {
  const session = new Session(model, RATES);
  for (let second = 0; second < 10; second++) session.hear(SECOND, SECOND);
  refuses(() => session.hear(SECOND, SECOND), "behind");
  while (session.work());
  session.hear(SECOND, SECOND);
  assert.equal(count(session.output()), 500);
});

test("options and policies that throw, go in circles or are something else are refused by their code", () => {
  const circle = { endThreshold: {} };
  circle.endThreshold.back = circle;
  const throws = (key) => Object.defineProperty({}, key, { enumerable: true, get: () => { throw new Error("no"); } });
  const closed = new Proxy({}, { ownKeys: () => { throw new Error("no"); } });
  const policies = [
    circle, throws("endThreshold"), closed, { [Symbol.iterator]: 1 }, { endThreshold: null }, { endThreshold: true },
    { endThreshold: 1n }, { endThreshold: [0.5] }, { endThreshold: new Date() }, { ["x".repeat(1e6)]: {} }, null, 5, "fast", [0.5],
  ];
  const session = new Session(model, RATES);
  const remote = session.remote();
  const before = session.policy();
  for (const policy of policies) {
    refuses(() => new Session(model, { ...RATES, policy }), "option");
    refuses(() => session.setPolicy(policy), "option");
    refuses(() => remote.setPolicy(policy), "option");
  }
  assert.deepEqual([session.policy(), remote.policy()], [before, before]);
  const own = { ...RATES };
  own.self = own;
  const options = [
    own, closed, throws("userRate"), { ...RATES, ...{ rate: undefined } }, { ...RATES, userRate: "16000" }, { userRate: 16_000 },
    { ...RATES, agentRate: -1 }, { ...RATES, agentRate: 16_000.5 }, { ...RATES, agentRate: 2 ** 32 }, { ...RATES, expect: circle },
    undefined, null, 5, "text", [],
  ];
  for (const option of options) refuses(() => new Session(model, option), "option");
  assert.equal(new Session(model, { ...RATES, policy: undefined, expect: undefined }).expectation(), "open");
});
