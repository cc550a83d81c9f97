// The wasm build in Node against the native build, on the whole fixture. The native side is a file of JSON lines made by
// `cargo run -p vap-wasm --example analyze -- npm/models/optimized.safetensors tests/fixtures/call.wav --frames`, named by
// VAP_NATIVE_EVENTS; `cargo xtask test` makes it and forbids skipping by VAP_REQUIRE_NATIVE=1.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { analyze } from "../dist/index.js";
import { jsonLines, largestDifference, sharedModel, wholeCall } from "./support.js";

const { VAP_NATIVE_EVENTS: path, VAP_REQUIRE_NATIVE: required } = process.env;
const skip = !path && required !== "1" && "VAP_NATIVE_EVENTS is not set";

test("wasm and native give the same events and frames", { skip }, async () => {
  assert.ok(path, "VAP_NATIVE_EVENTS names no file");
  const lines = jsonLines(await readFile(path, "utf8"));
  const native = {
    frames: lines.filter((line) => line.type === "frame"),
    events: lines.filter((line) => line.type !== "frame"),
  };
  const { frames, events } = await analyze(await wholeCall(), { model: await sharedModel() });
  assert.ok(native.events.length > 20, `${native.events.length} events prove little`);
  const bare = (list) => list.map((event) => ({ ...event, probability: undefined }));
  assert.deepEqual(bare(events), bare(native.events));
  events.forEach((event, index) => {
    const difference = Math.abs((event.probability ?? 0) - (native.events[index].probability ?? 0));
    assert.ok(difference <= 1e-3, `${event.type} at ${event.timeMs} ms: probability differs by ${difference}`);
  });
  const difference = largestDifference(frames, native.frames);
  assert.ok(difference <= 1e-3, `frames differ by ${difference}`);
});
