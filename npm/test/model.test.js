// Model files of other kinds than the one that ships: integers instead of floats, with and without a calibration.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { before, test } from "node:test";
import { TurnDetector, TurnModel, VapTurnError, analyze } from "../dist/index.js";
import { calibrated, quantised } from "./model-file.js";
import { MODEL, cli, fileWith, largestDifference, sharedModel, shortCall, wav } from "./support.js";

let shipped;
before(async () => {
  shipped = await readFile(MODEL);
});

const failsWith = (code, says) => (error) => error instanceof VapTurnError && error.code === code && says.test(error.message);

test("integers hear what floats hear", async () => {
  const bytes = quantised(shipped);
  const [call, floats] = await Promise.all([shortCall(), sharedModel()]);
  const integers = await TurnModel.load({ model: bytes });
  assert.equal(integers.info.parameters, floats.info.parameters);
  const [one, other] = [await analyze(call, { model: floats }), await analyze(call, { model: integers })];
  const difference = largestDifference(one.frames, other.frames);
  assert.ok(difference < 0.1, `probabilities differ by ${difference}`);
  integers.close();
});

test("integers with broken scales are refused", async () => {
  const scale = (tensors) => Object.keys(tensors).find((name) => name.endsWith(".scale"));
  const wrong = {
    "a scale of 0": (tensors) => tensors[scale(tensors)].data.fill(0, 0, 4),
    "a scale that is not a number": (tensors) => tensors[scale(tensors)].data.fill(255, 0, 4),
    "no scales": (tensors) => delete tensors[scale(tensors)],
    "-128": (tensors) => (tensors[scale(tensors).replace(".scale", "")].data[0] = 0x80),
  };
  for (const [what, change] of Object.entries(wrong)) {
    await assert.rejects(TurnModel.load({ model: quantised(shipped, change) }), failsWith("model-file", /weight /), what);
  }
});

const point = (endThreshold, minSilenceMs, falseCutoff, meanLatencyMs) => ({
  endThreshold,
  eagerThreshold: endThreshold / 2,
  minSilenceMs,
  maxSilenceMs: 3000,
  expected: { falseCutoff, falseCutoffBound: falseCutoff + 0.02, meanLatencyMs },
});
const CALIBRATION = {
  ends: 200,
  pauses: 300,
  points: [point(0.3, 200, 0.3, 250), point(0.6, 300, 0.06, 420), point(0.8, 400, 0.03, 900)],
  silence: [{ timeoutMs: 900, expected: { falseCutoff: 0.2, falseCutoffBound: 0.25, meanLatencyMs: 920 } }],
};

test("a policy can be asked for by cut-offs or by latency", async () => {
  const model = await TurnModel.load({ model: calibrated(shipped, CALIBRATION) });
  assert.deepEqual(model.info.calibration, CALIBRATION);
  const solved = async (policy) => {
    const detector = await TurnDetector.create({ rate: 8000, model, policy });
    detector.close();
    return detector.info;
  };
  const cautious = await solved({ maxFalseCutoff: 0.1, minOverlapMs: 160 });
  assert.deepEqual(cautious.expected, CALIBRATION.points[1].expected);
  const { endThreshold, eagerThreshold, minSilenceMs, maxSilenceMs, minOverlapMs } = cautious.policy;
  assert.deepEqual([endThreshold, eagerThreshold, minSilenceMs, maxSilenceMs, minOverlapMs], [0.6, 0.3, 300, 3000, 160]);
  assert.equal((await solved({ meanLatencyMs: 419 })).policy.endThreshold, 0.3);
  assert.equal((await solved({ maxFalseCutoff: undefined, endThreshold: 0.9 })).expected, undefined);

  const refused = [
    [{ maxFalseCutoff: 0.01 }, /maxFalseCutoff: expected at least 0\.05.* found 0\.01/],
    [{ meanLatencyMs: 100 }, /meanLatencyMs: expected at least 250 ms.* found 100/],
    [{ maxFalseCutoff: 0.1, meanLatencyMs: 400 }, /meanLatencyMs: expected to be left out beside maxFalseCutoff/],
    [{ maxFalseCutoff: 0.1, endThreshold: 0.5 }, /endThreshold: expected to be left out/],
    [{ maxFalseCutoff: "0.1" }, /maxFalseCutoff/],
    [{ maxFalseCutoff: NaN }, /maxFalseCutoff/],
    [{ maxFalseCutoff: 2 }, /maxFalseCutoff: expected 0 to 1, found 2/],
    [{ max_false_cutoff: 0.1 }, /max_false_cutoff/],
  ];
  for (const [policy, says] of refused) await assert.rejects(solved(policy), failsWith("option", says));
  model.close();
});

test("a model without calibration loads, and says what it cannot be asked", async () => {
  const model = await TurnModel.load({ model: calibrated(shipped, undefined) });
  assert.equal(model.info.calibration, null);
  const asking = TurnDetector.create({ rate: 8000, model, policy: { maxFalseCutoff: 0.1 } });
  await assert.rejects(asking, failsWith("option", /maxFalseCutoff: expected a model file with a calibration/));
  model.close();
});

test("a calibration that makes no sense is refused", async () => {
  const wrong = [{}, { ...CALIBRATION, points: [] }, { ...CALIBRATION, points: CALIBRATION.points.toReversed() }];
  for (const calibration of wrong) {
    await assert.rejects(TurnModel.load({ model: calibrated(shipped, calibration) }), failsWith("config", /calibration/));
  }
});

test("the command line asks too", async (t) => {
  const model = await fileWith(t, "model.safetensors", calibrated(shipped, CALIBRATION));
  const { user, agent } = await shortCall();
  const call = await fileWith(t, "call.wav", wav([user.samples, agent.samples], user.rate));
  const run = (...words) => cli("analyze", call, "--json", "--model", model, ...words);
  const asked = await run("--max-false-cutoff", "0.1");
  const plain = ["endThreshold=0.6", "eagerThreshold=0.3", "minSilenceMs=300", "maxSilenceMs=3000"];
  assert.deepEqual(asked, await run(...plain.flatMap((word) => ["--policy", word])));
  assert.equal(asked.code, 0);
  assert.deepEqual(await run("--policy", "meanLatencyMs=420"), await run("--mean-latency-ms", "420"));
  const refused = [
    [["--max-false-cutoff", "few"], /--max-false-cutoff: expected a number, found "few"/],
    [["--mean-latency-ms", "100"], /meanLatencyMs: expected at least 250 ms/],
    [["--max-false-cutoff", "0.1", "--mean-latency-ms", "400"], /to be left out beside maxFalseCutoff/],
    [["--max-false-cutoff", "0.1", "--policy", "endThreshold=0.5"], /endThreshold: expected to be left out/],
  ];
  for (const [words, says] of refused) {
    const { code, stdout, stderr } = await run(...words);
    assert.deepEqual([code, stdout], [2, ""]);
    assert.match(stderr, says);
  }
});
