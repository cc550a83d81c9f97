// The wasm build in Node against the native build, on the whole fixture. The native side is a file of JSON lines made by
// `cargo run -p vap-wasm --example analyze -- npm/models/optimized.safetensors tests/fixtures/call.wav --frames`, named by
// VAP_NATIVE_EVENTS; `cargo xtask test` makes it and forbids skipping by VAP_REQUIRE_NATIVE=1.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { analyze } from "../dist/index.js";
import { jsonLines, largestDifference, sharedModel, wholeCall } from "./support.js";

const { VAP_NATIVE_EVENTS: path, VAP_REQUIRE_NATIVE: required } = process.env;
const [BAR, HOP_MS, HOP_SAMPLES] = [1e-3, 20, 320];
/** In the whole call. */
const MOST_ON_EDGE = 2;
/** The threshold by which an event is decided. */
const DECIDED_BY = {
  eagerEndOfTurn: "eagerThreshold",
  turnResumed: "eagerThreshold",
  endOfTurn: "endThreshold",
  backchannel: "backchannelThreshold",
};
const skip = !path && required !== "1" && "VAP_NATIVE_EVENTS is not set";

test("wasm and native give the same events and frames", { skip }, async () => {
  assert.ok(path, "VAP_NATIVE_EVENTS names no file");
  const lines = jsonLines(await readFile(path, "utf8"));
  const native = {
    frames: lines.filter((line) => line.type === "frame"),
    events: lines.filter((line) => line.type !== "frame"),
  };
  const { frames, events, info } = await analyze(await wholeCall(), { model: await sharedModel() });
  assert.ok(native.events.length > 20, `${native.events.length} events prove little`);
  const difference = largestDifference(frames, native.frames);
  assert.ok(difference <= BAR, `frames differ by ${difference}`);
  let onEdge = 0;
  events.forEach((event, index) => {
    const other = native.events[index];
    if (other && isOnEdge(event, other, info.policy)) {
      onEdge += 1;
      return;
    }
    const bare = (told) => ({ ...told, probability: undefined });
    assert.deepEqual(bare(event), bare(other));
    const difference = Math.abs((event.probability ?? 0) - (other.probability ?? 0));
    assert.ok(difference <= BAR, `${event.type} at ${event.timeMs} ms: probability differs by ${difference}`);
  });
  assert.equal(events.length, native.events.length);
  assert.ok(onEdge <= MOST_ON_EDGE, `${onEdge} events are a hop apart`);
});

/**
 * Whether two events are the same decision, a hop apart because its probability met its threshold to within the bar: there
 * floats of two platforms, whose logarithms and FFTs round differently, may fall on either side.
 */
function isOnEdge(event, other, policy) {
  const [early, late] = event.timeMs < other.timeMs ? [event, other] : [other, event];
  if (late.timeMs - early.timeMs !== HOP_MS) return false;
  const threshold = policy[DECIDED_BY[early.type]];
  if (threshold === undefined || !(Math.abs(early.probability - threshold) <= BAR)) return false;
  const later = (name, by) => (late[name] === early[name] + by ? early[name] : late[name]);
  const moved = { ...late, timeMs: early.timeMs, sample: later("sample", HOP_SAMPLES), silenceMs: later("silenceMs", HOP_MS) };
  assert.deepEqual({ ...moved, probability: undefined }, { ...early, probability: undefined });
  return true;
}
