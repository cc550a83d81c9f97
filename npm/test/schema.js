// The exact shape of every line of JSON: the fields a type has, no more and no fewer, and the range of each.
import assert from "node:assert/strict";

const whole = (x) => Number.isSafeInteger(x) && x >= 0;
const probability = (x) => typeof x === "number" && x >= 0 && x <= 1;
const pair = (x) => Array.isArray(x) && x.length === 2 && x.every(probability);
const bins = (x) => Array.isArray(x) && x.length === 2 && x.every((row) => row.length === 10 && row.every(probability));
const speaker = (x) => x === "user" || x === "agent";
const reason = (x) => ["model", "silence", "shift", "finish"].includes(x);

const event = { type: () => true, speaker, timeMs: whole, sample: whole };
const since = { ...event, startMs: whole };
const over = { ...since, endMs: whole, durationMs: whole };
const sound = { ...since, durationMs: whole, overlapMs: whole, probability };
const bargeIn = (x) => {
  const { speaker: who, probability: p, ...times } = x;
  return speaker(who) && probability(p) && Object.keys(times).join() === "startMs,durationMs,overlapMs" && Object.values(times).every(whole);
};
const SHAPES = {
  frame: { type: () => true, timeMs: whole, bins, pNow: pair, pFuture: pair, eot: pair, backchannel: pair, vad: pair, overlap: probability },
  speechStart: since,
  speechEnd: over,
  eagerEndOfTurn: { ...event, silenceMs: whole, probability },
  endOfTurn: { ...over, silenceMs: whole, reason },
  turnResumed: { ...event, probability },
  turnShift: since,
  backchannel: sound,
  interruption: sound,
  overlapStart: since,
  overlapEnd: over,
};
const OPTIONAL = {
  frame: { bargeIn },
  endOfTurn: { probability },
  turnResumed: { startMs: whole },
  overlapStart: { soundMs: whole, overlapMs: whole, probability },
};

/** Holds a line to its shape. */
export function checkLine(line) {
  const shape = SHAPES[line.type];
  assert.ok(shape, `unknown type in ${JSON.stringify(line)}`);
  const optional = OPTIONAL[line.type] ?? {};
  for (const [name, holds] of Object.entries(shape)) {
    assert.ok(name in line && holds(line[name]), `${name} of ${JSON.stringify(line)}`);
  }
  for (const [name, value] of Object.entries(line)) {
    assert.ok(name in shape || optional[name]?.(value), `${name} is too much in ${JSON.stringify(line)}`);
  }
  if (line.type === "frame") {
    for (const share of [line.pNow, line.pFuture]) assert.ok(Math.abs(share[0] + share[1] - 1) < 1e-5, JSON.stringify(line));
    assert.equal(line.timeMs % 20, 0);
  } else {
    assert.equal(line.sample, line.timeMs * 16);
    if ("startMs" in line) assert.ok(line.startMs <= line.timeMs);
    if (line.type === "overlapStart") {
      const evidence = ["soundMs", "overlapMs", "probability"].filter((name) => name in line).length;
      assert.ok(evidence === 0 || evidence === 3, JSON.stringify(line));
    }
    if ("endMs" in line) assert.equal(line.endMs - line.startMs, line.durationMs);
  }
}
