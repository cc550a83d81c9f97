// Timeline, summary and picture, from events made by hand.
import assert from "node:assert/strict";
import { test } from "node:test";
import { callSvg, clock, eventDetail, eventLine, summarise, summaryLines } from "../dist/index.js";

const at = (type, speaker, timeMs, more) => ({ type, speaker, timeMs, sample: timeMs * 16, ...more });
const over = (startMs, endMs) => ({ startMs, endMs, durationMs: endMs - startMs });
const EVENTS = [
  at("speechStart", "user", 1100, { startMs: 1000 }),
  at("eagerEndOfTurn", "user", 2900, { silenceMs: 0, probability: 0.5 }),
  at("turnResumed", "user", 3000, { probability: 0.2 }),
  at("overlapStart", "agent", 3400, { startMs: 3300 }),
  at("backchannel", "agent", 3500, { startMs: 3300, durationMs: 200, probability: 0.9 }),
  at("overlapEnd", "agent", 3800, over(3300, 3600)),
  at("speechEnd", "agent", 3800, over(3300, 3600)),
  at("speechEnd", "user", 5200, over(1000, 5000)),
  at("endOfTurn", "user", 5400, { ...over(1000, 5000), silenceMs: 400, probability: 0.75, reason: "model" }),
  at("turnShift", "agent", 5700, { startMs: 5600 }),
  at("interruption", "user", 7400, { startMs: 7000, durationMs: 400, probability: 0.8 }),
  at("turnShift", "user", 7400, { startMs: 7000 }),
  at("speechEnd", "agent", 7600, over(5600, 7400)),
  at("endOfTurn", "agent", 7600, { ...over(5600, 7400), silenceMs: 200, probability: 0.1, reason: "shift" }),
  at("speechEnd", "user", 36_000, over(7000, 36_000)),
  at("endOfTurn", "user", 36_000, { ...over(7000, 36_000), silenceMs: 0, probability: 0.1, reason: "finish" }),
];
const silence = () => ({ samples: new Float32Array(8000 * 36), rate: 8000 });
const frame = (_, hop) => ({
  type: "frame", timeMs: 20 * (hop + 1), bins: [Array(10).fill(0.5), Array(10).fill(0.5)],
  pNow: [0.7, 0.3], pFuture: [0.4, 0.6], eot: [0, 0], backchannel: [0, 0], vad: [1, 0], overlap: 0,
});
const ANALYSIS = { frames: Array.from({ length: 1800 }, frame), events: EVENTS, durationMs: 36_000, computeMs: 1800, info: {} };
// The last hop of such a call is not whole.
const svg = (options) => callSvg({ user: silence(), agent: silence() }, { ...ANALYSIS, durationMs: 35_990 }, options);

test("a summary counts turns, gaps, sounds and shares", () => {
  // The agent begins 0.6 s after the user's end, the user 0.4 s before the agent's.
  assert.deepEqual(summarise(EVENTS, 36_000), {
    turns: [2, 1], backchannels: [0, 1], interruptions: [1, 0],
    speechShare: [33_000 / 36_000, 2100 / 36_000], shifts: 2, meanGapMs: (600 - 400) / 2,
  });
  assert.deepEqual(summarise([], 0), {
    turns: [0, 0], backchannels: [0, 0], interruptions: [0, 0], speechShare: [0, 0], shifts: 0, meanGapMs: undefined,
  });
});

test("a summary in words", () => {
  const lines = summaryLines(summarise(EVENTS, 36_000), 36_000, 1800);
  assert.equal(lines.find((line) => line.startsWith("mean gap")), "mean gap       0.10 s over 2 shifts");
  assert.equal(lines.find((line) => line.startsWith("speech")), "speech         user 92 %, agent 6 %");
  assert.match(lines.at(-1), /1\.80 s, 20\.0 times real time, 1\.00 ms a hop of 20 ms$/);
  assert.ok(!summaryLines(summarise([], 0), 0, 0).join("\n").match(/NaN|Infinity|undefined/));
});

test("times and events in words", () => {
  assert.deepEqual([0, 59_999.6, 61_020, 3_600_000].map(clock), ["0:00.000", "1:00.000", "1:01.020", "60:00.000"]);
  assert.equal(eventLine(EVENTS[8]), "  0:05.400  user     END OF TURN     0:01.000 to 0:05.000, p 0.75, 0.40 s of silence");
  for (const event of EVENTS) assert.ok(!eventDetail(event).match(/NaN|undefined/), eventDetail(event));
});

test("a picture tells every event, in rows of half a minute", () => {
  const picture = svg({ title: "call.wav", subtitle: "8000 Hz" });
  const titles = [...picture.matchAll(/<g><title>([^<]*)<\/title>/g)].map((match) => match[1]);
  for (const event of EVENTS) {
    if (["speechStart", "speechEnd", "overlapStart"].includes(event.type)) continue;
    const own = titles.filter((title) => title.startsWith(`${clock(event.timeMs)} ${event.speaker}: `));
    assert.ok(own.length > 0, `${event.type} at ${event.timeMs}`);
  }
  assert.equal(titles.filter((title) => title.startsWith("user&#39;s turn, 0:07.000")).length, 2, "a turn over two rows");
  for (const label of ["0:00", "0:30", "0:35"]) assert.ok(picture.includes(`>${label}</text>`), label);
  assert.ok(!picture.includes(">0:40</text>"));
  assert.ok(!picture.match(/NaN|undefined|Infinity/));
});

test("a picture is well formed and harmless whatever the file is called", () => {
  const title = `</text><script>alert(1)</script>"'&\u0000\u001b\ud800.wav`;
  const picture = svg({ title, subtitle: title });
  assert.ok(!picture.includes("<script"));
  assert.ok(!picture.match(/ style=|<style/), "a strict policy forbids styles");
  const open = [];
  for (const [, close, name, empty] of picture.matchAll(/<(\/?)([a-zA-Z]+)(?: [a-zA-Z-]+="[^"<]*")*(\/?)>/g)) {
    if (close) assert.equal(open.pop(), name);
    else if (!empty) open.push(name);
  }
  assert.deepEqual(open, []);
  assert.ok(!/[<>]/.test(picture.replaceAll(/<\/?[a-zA-Z]+(?: [a-zA-Z-]+="[^"<]*")*\/?>/g, "")));
  // eslint-disable-next-line no-control-regex
  assert.ok(!/[\u0000-\u0008\u001b\ud800-\udfff]/.test(picture));
});

test("a call without a sample has a picture too", () => {
  const none = { samples: new Float32Array(0), rate: 8000 };
  const picture = callSvg({ user: none, agent: none }, { ...ANALYSIS, frames: [], events: [], durationMs: 0 });
  assert.ok(!picture.match(/NaN|undefined|Infinity/));
});
