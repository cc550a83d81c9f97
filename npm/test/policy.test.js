// Policies by name, changed while a conversation goes on, moved by what is expected; and what a barge-in is told.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { before, test } from "node:test";
import { TurnDetector, TurnModel, VapTurnError, analyze } from "../dist/index.js";
import { checkLine } from "./schema.js";
import { calibrated } from "./model-file.js";
import { FIXTURE, MODEL, cli, fileWith, jsonLines, sharedModel, shortCall, wholeCall } from "./support.js";

const RATE = 8000;
const PRESETS = ["fast", "balanced", "patient"];
const EXPECTATIONS = ["open", "yesno", "digits", "spelling"];
const TURN = ["endThreshold", "eagerThreshold", "minSilenceMs", "maxSilenceMs"];

let model, call, overlapping;
before(async () => {
  [model, call] = await Promise.all([sharedModel(), shortCall()]);
  const whole = await wholeCall();
  const cut = ({ samples }, fromS) => ({ samples: samples.slice(fromS * RATE, (fromS + 20) * RATE), rate: RATE });
  overlapping = { user: cut(whole.user, 45), agent: cut(whole.agent, 24) };
});

const create = (more = {}) => TurnDetector.create({ rate: RATE, model, ...more });
const failsWith = (code, says) => (error) => error instanceof VapTurnError && error.code === code && says.test(error.message);
const picked = (from, names) => Object.fromEntries(names.map((name) => [name, from[name]]));

/** Pushes a call hop by hop, `change(hop)` before each; everything it gives. */
function heard(detector, { user, agent }, change = () => undefined) {
  const output = { frames: [], events: [] };
  const take = ({ frames, events }) => (output.frames.push(...frames), output.events.push(...events));
  for (let hop = 0; hop * 160 < user.samples.length; hop++) {
    change(hop);
    take(detector.push(...[user, agent].map(({ samples }) => samples.subarray(hop * 160, (hop + 1) * 160))));
  }
  take(detector.finish());
  return output;
}

/** Small numbers, the same every time. */
function random(seed) {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

test("a preset is the cheapest point of the model's calibration by its price", async () => {
  const { points } = model.info.calibration;
  const prices = { fast: 1200, balanced: 3000, patient: 6000 };
  const latencies = [];
  for (const preset of PRESETS) {
    const cost = ({ expected: { meanLatencyMs, falseCutoff } }) => meanLatencyMs + prices[preset] * falseCutoff;
    const best = points.reduce((least, point) => (cost(point) < cost(least) ? point : least));
    const detector = await create({ policy: { preset, minOverlapMs: 160 } });
    assert.deepEqual(picked(detector.info.policy, TURN), picked(best, TURN));
    assert.deepEqual([detector.info.expected, detector.info.policy.minOverlapMs], [best.expected, 160]);
    latencies.push(best.expected.meanLatencyMs);
    detector.close();
  }
  assert.deepEqual(latencies, latencies.toSorted((a, b) => a - b));
  assert.equal(new Set(latencies).size, 3);
});

test("a preset of a model without calibration is refused by its name", async () => {
  const bare = await TurnModel.load({ model: calibrated(await readFile(MODEL), undefined) });
  const says = /option preset: expected a model file with a calibration, found one without/;
  await assert.rejects(create({ model: bare, policy: { preset: "fast" } }), failsWith("option", says));
  const detector = await create({ model: bare });
  assert.throws(() => detector.setPolicy({ preset: "fast" }), failsWith("option", says));
  assert.equal(detector.expect("digits").expectation, "digits");
  detector.close();
  bare.close();
});

const WRONG = [
  [{ preset: "quick" }, /option preset: expected one of fast, balanced, patient, found "quick"/],
  [{ preset: 1 }, /option preset/],
  [{ preset: "fast", maxFalseCutoff: 0.2 }, /option preset: expected to be left out beside maxFalseCutoff/],
  [{ preset: "fast", meanLatencyMs: 900 }, /option preset: expected to be left out beside meanLatencyMs/],
  [{ preset: "fast", endThreshold: 0.5 }, /option endThreshold: expected to be left out, preset decides it/],
  [{ preset: "fast", presets: 1 }, /found "presets"/],
  [{ endTreshold: 0.5 }, /option policy: expected one of .*found "endTreshold"/],
  [{ endThreshold: 2 }, /option endThreshold: expected 0 to 1, found 2/],
  [{ endThreshold: "0.5" }, /option endThreshold: expected a number, found "0\.5"/],
  [{ endThreshold: NaN }, /option endThreshold/],
  [{ minSilenceMs: 1.5 }, /option minSilenceMs/],
  [{ minSilenceMs: 900, maxSilenceMs: 800 }, /option minSilenceMs: expected less than maxSilenceMs/],
  [{ maxFalseCutoff: 1e-9 }, /option maxFalseCutoff: expected at least/],
  [5, /option policy/],
  [null, /option policy/],
  [[0.5], /option policy/],
];

test("wrong policies and expectations throw at once and leave the old ones", async () => {
  const detector = await create({ policy: { maxSilenceMs: 1500 }, expect: "digits" });
  const { info } = detector;
  for (const [policy, says] of WRONG) {
    await assert.rejects(create({ policy }), failsWith("option", says));
    assert.throws(() => detector.setPolicy(policy), failsWith("option", says));
  }
  assert.throws(() => detector.setPolicy(), failsWith("option", /option policy/));
  for (const expect of ["letters", "", 5, null]) {
    await assert.rejects(create({ expect }), failsWith("option", /option expect: expected one of open, yesno, digits, spelling/));
    assert.throws(() => detector.expect(expect), failsWith("option", /option expect/));
  }
  assert.equal(detector.info, info);
  assert.deepEqual(detector.setPolicy({ maxSilenceMs: 1500 }), { ...picked(info, ["policy", "expectation"]), fromMs: 0 });
  detector.close();
  assert.throws(() => detector.setPolicy({}), failsWith("closed", /closed/));
  assert.throws(() => detector.expect("open"), failsWith("closed", /closed/));
});

test("an expectation moves the end of the user's turns by the documented numbers, and open takes it back", async () => {
  const policy = { endThreshold: 0.75, eagerThreshold: 0.5, minSilenceMs: 500, maxSilenceMs: 2000 };
  const detector = await create({ policy });
  const open = detector.info.policy;
  const numbers = (expectation) => {
    const { policy } = detector.expect(expectation);
    assert.deepEqual({ ...policy, ...picked(open, TURN) }, open, "others stay");
    assert.deepEqual(detector.info.policy, policy);
    return TURN.map((name) => Math.round(1e4 * policy[name]) / 1e4);
  };
  const rows = { yesno: [0.5, 0.25, 250, 1000], digits: [0.9, 0.75, 750, 3000], spelling: [0.9474, 0.8571, 1000, 4000] };
  for (const [expectation, row] of Object.entries(rows)) {
    assert.deepEqual(numbers(expectation), row);
    assert.deepEqual(detector.expect("open"), { policy: open, expectation: "open", fromMs: 0 });
  }
  detector.expect("spelling");
  const { policy: composed } = detector.setPolicy({ preset: "balanced" });
  const solved = detector.expect("open");
  assert.ok(composed.minSilenceMs === 2 * solved.policy.minSilenceMs && composed.endThreshold > solved.policy.endThreshold);
  assert.ok(solved.expected, "open: as it was measured");
  assert.equal(detector.expect("digits").expected, undefined, "not as it was measured");
  detector.reset();
  assert.equal(detector.info.expectation, "digits", "reset keeps it");
  detector.close();
});

test("yes or no ends the user's turns sooner, spelling later, and the agent's as before", async () => {
  const whole = await wholeCall();
  const agentMs = 500;
  const ends = {};
  for (const expect of EXPECTATIONS) {
    const policy = { endThreshold: 0.4, eagerThreshold: 0.2, minSilenceMs: agentMs, maxSilenceMs: 1200 };
    const { events, info } = await analyze(whole, { model, expect, policy });
    assert.equal(info.expectation, expect);
    const byModel = events.filter(({ type, reason }) => type === "endOfTurn" && reason === "model");
    const silences = (speaker) => byModel.filter((end) => end.speaker === speaker).map(({ silenceMs }) => silenceMs);
    assert.equal(Math.min(...silences("agent")), agentMs);
    assert.ok(silences("user").every((ms) => ms >= info.policy.minSilenceMs));
    ends[expect] = silences("user").length;
  }
  assert.ok(ends.yesno > ends.open && ends.open > ends.digits && ends.digits >= ends.spelling, JSON.stringify(ends));
});

test("a change counts from the next hop, and the stream goes on as it was", async () => {
  const [plain, steered] = await Promise.all([create(), create()]);
  const expected = heard(plain, call);
  let change;
  const output = heard(steered, call, (hop) => {
    if (hop === 200) change = steered.setPolicy({ minSilenceMs: 100, endThreshold: 0, eagerThreshold: 0, minPauseMs: 40 });
  });
  assert.deepEqual([change.fromMs, change.policy.minPauseMs], [output.frames.filter(({ timeMs }) => timeMs <= change.fromMs).length * 20, 40]);
  assert.ok(change.fromMs > 3900 && change.fromMs <= 4000, `${change.fromMs} ms`);
  const bare = (frame) => ({ ...frame, bargeIn: undefined });
  assert.deepEqual(output.frames.map(bare), expected.frames.map(bare));
  const until = (events) => events.filter(({ timeMs }) => timeMs <= change.fromMs);
  assert.deepEqual(until(output.events), until(expected.events));
  assert.ok(output.events.length > expected.events.length, "quick ends and short pauses tell more");
  plain.close();
  steered.close();
});

test("whatever changes in between: one answer to an eager end, one verdict on a barge-in, starts and ends in pairs", async () => {
  const detector = await create();
  const counts = { eager: 0, verdicts: 0 };
  const frames = heard(detector, overlapping).frames.map(({ vad }) => vad);
  for (let seed = 0; seed < 12; seed++) {
    detector.reset();
    const pick = random(seed);
    const output = heard(detector, overlapping, () => {
      const dice = pick(30);
      const minSilenceMs = 20 * pick(30);
      if (dice === 0) detector.expect(EXPECTATIONS[pick(4)]);
      if (dice === 1) detector.setPolicy({ preset: PRESETS[pick(3)] });
      if (dice === 2) {
        const [decideMs, eagerHoldMs, minOverlapMs] = [20 * pick(40), 20 * pick(30), 20 * (1 + pick(15))];
        const [eagerThreshold, endThreshold] = [pick(50) / 100, 0.5 + pick(50) / 100];
        const maxSilenceMs = minSilenceMs + 20 * (1 + pick(40));
        detector.setPolicy({ minSilenceMs, maxSilenceMs, eagerThreshold, endThreshold, decideMs, eagerHoldMs, minOverlapMs });
      }
    });
    assert.deepEqual(output.frames.map(({ vad }) => vad), frames);
    for (const line of [...output.frames, ...output.events]) checkLine(JSON.parse(JSON.stringify(line)));
    for (const speaker of ["user", "agent"]) {
      const own = output.events.filter((event) => event.speaker === speaker);
      let [eager, speech, overlap] = [false, 0, 0];
      for (const [at, event] of own.entries()) {
        if (event.type === "eagerEndOfTurn") {
          assert.equal(eager, false);
          eager = true;
          counts.eager++;
        }
        if (event.type === "turnResumed") assert.equal(eager, true);
        if (event.type === "turnResumed" || event.type === "endOfTurn") eager = false;
        speech += { speechStart: 1, speechEnd: -1 }[event.type] ?? 0;
        overlap += { overlapStart: 1, overlapEnd: -1 }[event.type] ?? 0;
        assert.ok([0, 1].includes(speech) && [0, 1].includes(overlap));
        if (event.type === "overlapStart" && event.soundMs !== undefined) {
          const verdict = own.slice(at).find(
            ({ type, startMs }) => startMs === event.soundMs && ["backchannel", "interruption", "turnShift", "endOfTurn"].includes(type),
          );
          assert.ok(verdict, JSON.stringify(event));
          counts.verdicts++;
        }
      }
      assert.deepEqual([eager, speech, overlap], [false, 0, 0]);
    }
  }
  assert.ok(counts.eager > 50 && counts.verdicts > 20, JSON.stringify(counts));
  detector.close();
});

test("the evidence of a barge-in grows on the frames until its verdict", async () => {
  const { frames, events } = await analyze(overlapping, { model });
  const start = events.find(({ type, soundMs }) => type === "overlapStart" && soundMs !== undefined);
  const verdict = events.find(({ type, startMs }) => ["backchannel", "interruption"].includes(type) && startMs === start.soundMs);
  assert.ok(verdict.timeMs > start.timeMs);
  const evidence = frames.filter(({ bargeIn }) => bargeIn?.startMs === start.soundMs);
  assert.deepEqual(evidence.map(({ timeMs }) => timeMs), Array.from(evidence, (_, at) => evidence[0].timeMs + 20 * at));
  assert.equal(evidence.at(-1).timeMs, verdict.timeMs - 20);
  const { bargeIn: then } = evidence.find(({ timeMs }) => timeMs === start.timeMs);
  assert.deepEqual(picked(start, ["speaker", "overlapMs", "probability"]), picked(then, ["speaker", "overlapMs", "probability"]));
  for (const [at, { bargeIn }] of evidence.entries()) {
    const { bargeIn: last = bargeIn } = evidence[at - 1] ?? {};
    assert.ok(bargeIn.overlapMs >= last.overlapMs && bargeIn.durationMs >= last.durationMs);
    assert.equal(bargeIn.speaker, verdict.speaker);
  }
  assert.ok(verdict.overlapMs >= start.overlapMs && verdict.overlapMs > 0);
});

test("the command line knows presets and expectations", async (t) => {
  const run = (...words) => cli("analyze", FIXTURE, "--json", ...words);
  const file = await fileWith(t, "policy.json", JSON.stringify({ preset: "fast" }));
  const [plain, fast, byFile, open, yesno] = await Promise.all([
    run(), run("--preset", "fast"), run("--policy", file), run("--expect", "open"), run("--expect", "yesno"),
  ]);
  assert.deepEqual([fast.code, fast.stderr, byFile.stdout, open.stdout], [0, "", fast.stdout, plain.stdout]);
  const ends = ({ stdout }) => jsonLines(stdout).filter(({ type, speaker }) => type === "endOfTurn" && speaker === "user").length;
  assert.ok(ends(fast) > ends(plain) && ends(yesno) > ends(plain), `${ends(fast)}, ${ends(yesno)}, ${ends(plain)} ends`);
  for (const [words, says] of [
    [["--preset", "quick"], /option preset: expected one of fast, balanced, patient, found "quick"/],
    [["--preset", "fast", "--max-false-cutoff", "0.2"], /option preset: expected to be left out beside maxFalseCutoff/],
    [["--expect", "letters"], /option expect: expected one of open, yesno, digits, spelling, found "letters"/],
  ]) {
    const { code, stdout, stderr } = await run(...words);
    assert.deepEqual([code, stdout], [2, ""]);
    assert.match(stderr, says);
  }
});
