// A live session by itself: what its listeners may do, and what it knows. The whole is tested in a browser (tests/browser).
/* global EventTarget */
import assert from "node:assert/strict";
import { test } from "node:test";
import { FRAME_NUMBERS } from "../dist/common/contract.js";
import { answered } from "../dist/live/runner.js";
import { Lifetime } from "../dist/common/lifetime.js";
import { TurnSession } from "../dist/live/turn-session.js";

const COUNTERS = { hopMs: 1, overruns: 0, droppedHops: 0, delayMs: 0 };
const IN_FORCE = { policy: { minSilenceMs: 160 }, expectation: "open" };

/** A session whose runner is played by the test, and the state of its tracks. */
function session({ tracks = [], ...runner } = {}) {
  const asked = [];
  const track = (state) => Object.assign(new EventTarget(), { readyState: state });
  const made = new TurnSession({
    context: Object.assign(new EventTarget(), { state: "running", sampleRate: 16_000 }),
    runner: {
      runIn: "worker", backend: "cpu", race: undefined, start: { model: { name: "m" }, inForce: IN_FORCE },
      steer: (message) => asked.push(message), node: { port: { postMessage: () => undefined } }, ...runner,
    },
    inputs: tracks.map((state) => ({ tracks: [track(state)] })),
    life: new Lifetime(),
  });
  return { session: made, asked };
}

function told(events = [], hops = 3) {
  return { kind: "output", frames: new Float32Array(hops * FRAME_NUMBERS), events, bargeIns: new Float64Array(), counters: COUNTERS, finished: false };
}

const EVENTS = [20, 40, 60].map((timeMs) => ({ type: "speechStart", speaker: "user", timeMs }));

for (const type of ["frame", "speechStart", "turn"]) {
  test(`a listener to ${type} that closes the session hears nothing more of it, nor does another`, () => {
    const { session: heard } = session({ tracks: ["ended"] });
    const seen = [];
    for (const name of ["frame", "speechStart", "turn", "inputended", "statechange"]) {
      heard.addEventListener(name, () => {
        seen.push(name);
        if (name === type) heard.close();
      });
    }
    heard.take(told(EVENTS));
    const before = { frame: [], speechStart: ["frame"], turn: ["frame", "speechStart"] }[type];
    assert.deepEqual(seen, [...before, type, "statechange"]);
  });
}

test("without one that closes, everything is told in order", () => {
  const { session: heard } = session({ tracks: ["ended", "live"] });
  const seen = [];
  for (const name of ["frame", "turn", "inputended"]) heard.addEventListener(name, ({ detail }) => seen.push([name, detail.timeMs ?? detail.speaker]));
  heard.take(told(EVENTS.slice(0, 1), 2));
  assert.deepEqual(seen, [["frame", 20], ["turn", 20], ["frame", 40], ["inputended", "user"]]);
});

test("a session that is closed as an input ends is told no other that has ended", () => {
  const { session: heard } = session({ tracks: ["ended", "ended"] });
  const seen = [];
  heard.addEventListener("inputended", ({ detail }) => {
    seen.push(detail.speaker);
    heard.close();
  });
  heard.take(told());
  assert.deepEqual(seen, ["user"]);
});

test("a change of policy leaves what the race measured", async () => {
  const race = { cpuMs: 2, webgpuMs: 1 };
  const { session: heard, asked } = session({ backend: "webgpu", race });
  assert.deepEqual(heard.info, { model: { name: "m" }, ...IN_FORCE, race });
  const change = { policy: { minSilenceMs: 80 }, expectation: "digits", expected: { meanLatencyMs: 300 }, fromMs: 40 };
  const answer = heard.expect("digits");
  heard.take({ kind: "steered", id: asked[0].id, change });
  assert.deepEqual(await answer, change);
  const { fromMs, ...inForce } = change;
  assert.equal(fromMs, 40);
  assert.deepEqual(heard.info, { model: { name: "m" }, ...inForce, race });
});

test("a runner has ten seconds to answer: an audio thread while its context runs, a Worker always", async (t) => {
  t.mock.timers.enable({ apis: ["setInterval"] });
  const begin = { kind: "begin" };
  const asked = (from, state) => {
    const context = { state };
    const found = { context, code: "none" };
    void answered({ context, begin, tell: () => undefined }, from, () => undefined).catch(({ code }) => (found.code = code));
    return found;
  };
  const pass = async (ms) => {
    t.mock.timers.tick(ms);
    await new Promise((resume) => setImmediate(resume));
  };
  const [worklet, worker, closed] = [asked("worklet", "suspended"), asked("worker", "suspended"), asked("worklet", "suspended")];
  await pass(9000);
  assert.deepEqual([worklet.code, worker.code], ["none", "none"]);
  await pass(60_000);
  assert.deepEqual([worklet.code, worker.code], ["none", "load"]);
  worklet.context.state = "running";
  await pass(9000);
  assert.equal(worklet.code, "none");
  await pass(2000);
  assert.equal(worklet.code, "load");
  closed.context.state = "closed";
  await pass(1000);
  assert.equal(closed.code, "context");
});
