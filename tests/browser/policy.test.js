// Policies and expectations that change while a page listens: by message into both runners, without losing the stream.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { start } from "./site.js";

let site;

before(async () => {
  site = await start({ autoplay: true });
});

after(() => site?.stop());

/** In the page: six seconds of the call live, changed twice; and a detector on the same samples, changed at the same times. */
async function changed(runIn) {
  const { PcmInput, TurnDetector, decodeWav, listen } = await import("./npm/dist/index.js");
  const [rate, fromS, seconds] = [8000, 36, 6];
  const bytes = await (await fetch("./tests/fixtures/call.wav")).arrayBuffer();
  const { channels } = await decodeWav(new Uint8Array(bytes));
  const sounds = channels.map((samples) => samples.slice(fromS * rate, (fromS + seconds) * rate));
  const [user, agent] = sounds.map((samples) => {
    const input = new PcmInput({ rate });
    input.push(samples);
    return input;
  });
  const session = await listen({ user, agent, runIn, context: new AudioContext({ sampleRate: rate }), expect: "spelling" });
  const [told, timesMs, changes, steps] = [[], [], [], []];
  session.addEventListener("turn", ({ detail }) => told.push(detail));
  session.addEventListener("frame", ({ detail }) => timesMs.push(detail.timeMs));
  session.addEventListener("policychange", ({ detail }) => changes.push(detail));
  const reached = async (ms) => {
    while ((timesMs.at(-1) ?? 0) < ms) await new Promise((resume) => setTimeout(resume, 5));
  };
  const atBeginning = session.info.expectation;
  await reached(1500);
  const policy = { minSilenceMs: 80, maxSilenceMs: 600, minPauseMs: 60, endThreshold: 0.2, eagerThreshold: 0.1 };
  steps.push(await session.setPolicy(policy));
  await reached(2500);
  steps.push(await session.expect("open"));
  const { info } = session;
  await reached(5000);
  session.close();

  const detector = await TurnDetector.create({ rate, expect: "spelling" });
  const expected = [];
  for (let [hop, toldMs] = [0, 0]; toldMs < timesMs.at(-1); hop++) {
    if (steps[0].fromMs === toldMs) detector.setPolicy(policy);
    if (steps[1].fromMs === toldMs) detector.expect("open");
    const [first, second] = sounds.map((samples) => samples.subarray(160 * hop, 160 * (hop + 1)));
    const { frames, events } = detector.push(first, second);
    toldMs = frames.at(-1)?.timeMs ?? toldMs;
    expected.push(...events);
  }
  const { policy: inForce } = detector.info;
  return { told, expected, timesMs, changes, steps, info, inForce, atBeginning };
}

/** In the page: what a session says to wrong policies, and at its end. */
async function refused(runIn) {
  const { listen } = await import("./npm/dist/index.js");
  const context = new AudioContext();
  const user = new OscillatorNode(context);
  user.start();
  const session = await listen({ user, runIn, policy: { maxSilenceMs: 1500 } });
  const before = session.info;
  const told = [];
  session.addEventListener("policychange", ({ detail }) => told.push(detail));
  session.addEventListener("error", ({ detail }) => told.push(String(detail)));
  const says = ({ name, code, message }) => `${name} ${code}: ${message}`;
  const atOnce = [{ endTreshold: 1 }, { preset: "quick" }, { preset: "fast", meanLatencyMs: 400 }, { minSilenceMs: "1" }, 5].map((policy) => {
    try {
      return void session.setPolicy(policy);
    } catch (error) {
      return says(error);
    }
  });
  try {
    atOnce.push(void session.expect("letters"));
  } catch (error) {
    atOnce.push(says(error));
  }
  const later = [];
  for (const policy of [{ endThreshold: 2 }, { minSilenceMs: 2e4 }, { maxFalseCutoff: 1e-9 }]) {
    later.push(await session.setPolicy(policy).then(() => "taken", says));
  }
  const stays = session.info === before && told.length === 0 && session.state === "running";
  const pending = session.setPolicy({}).catch(says);
  session.close();
  return { atOnce, later, stays, pending: await pending, closed: await session.expect("open").catch(says) };
}

for (const runIn of ["worklet", "worker"]) {
  test(`${runIn}: a change counts from the hop that it names, and the stream goes on`, async () => {
    const page = await site.page("plain");
    const { told, expected, timesMs, changes, steps, info, inForce, atBeginning } = await page.evaluate(changed, runIn);
    await page.close();
    assert.equal(atBeginning, "spelling");
    assert.deepEqual(timesMs, Array.from(timesMs, (_, hop) => 20 * (hop + 1)));
    assert.deepEqual(changes, steps);
    const [{ fromMs, policy, expectation }, open] = steps;
    assert.ok(fromMs >= 1500 && fromMs < 2500 && open.fromMs >= 2500, JSON.stringify(steps));
    assert.deepEqual([policy.minSilenceMs, policy.maxSilenceMs, policy.minPauseMs, expectation], [160, 1200, 60, "spelling"]);
    assert.deepEqual([info.policy, info.expectation], [inForce, "open"]);
    assert.deepEqual([inForce.minSilenceMs, inForce.maxSilenceMs], [80, 600]);
    const bare = (events) => events.map((event) => ({ ...event, probability: undefined }));
    assert.deepEqual(bare(told), bare(expected));
    assert.ok(told.length > 5 && told.some(({ type, timeMs }) => type === "endOfTurn" && timeMs > fromMs), JSON.stringify(told));
  });

  test(`${runIn}: wrong policies throw at once or are rejected, and the old policy stays`, async () => {
    const page = await site.page("plain");
    const { atOnce, later, stays, pending, closed } = await page.evaluate(refused, runIn);
    await page.close();
    for (const text of [...atOnce, ...later]) assert.match(text, /^VapTurnError option: option /);
    assert.match(later[0], /endThreshold: expected 0 to 1, found 2/);
    assert.match(later[1], /minSilenceMs: expected less than maxSilenceMs/);
    assert.ok(stays);
    for (const text of [pending, closed]) assert.match(text, /^VapTurnError closed: /);
  });
}
