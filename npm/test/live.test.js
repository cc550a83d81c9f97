// The parts of live listening that need no browser; the whole is tested in Chromium (tests/browser).
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { Feed, takeInput } from "../dist/live/threads/feed.js";
import { FrameQueue } from "../dist/live/frame-queue.js";
import { PcmInput, VapTurnError, listen } from "../dist/index.js";

const ramp = (from, length) => Float32Array.from({ length }, (_, i) => from + i);

test("pushed samples come out at their own rate, each once, and silence behind them", () => {
  const feed = new Feed(24_000, 44_100);
  feed.push(ramp(1, 700));
  feed.push(ramp(701, 300));
  const room = new Float32Array(4096).fill(-1);
  let at = 0;
  for (let block = 0; block < 20; block++) at += feed.take(128, room, at);
  assert.equal(at, Math.floor((20 * 128 * 24_000) / 44_100));
  assert.deepEqual(room.slice(0, 1000), ramp(1, 1000));
  assert.ok(room.subarray(1000, at).every((sample) => sample === 0));
  assert.ok(room.subarray(at).every((sample) => sample === -1));
});

test("what is cleared is not heard", () => {
  const feed = new Feed(16_000, 16_000);
  feed.push(ramp(1, 200));
  const room = new Float32Array(256);
  assert.equal(feed.take(100, room, 0), 100);
  feed.clear();
  feed.push(ramp(1000, 50));
  assert.equal(feed.take(100, room, 100), 100);
  assert.deepEqual([room[99], room[100], room[149], room[150]], [100, 1000, 1049, 0]);
});

test("an input that is not connected is silence", () => {
  const room = new Float32Array(8).fill(-1);
  assert.equal(takeInput(undefined, 0, 3, room, 0), 3);
  assert.equal(takeInput(ramp(1, 8), 4, 4, room, 3), 4);
  assert.deepEqual([...room], [0, 0, 0, 5, 6, 7, 8, -1]);
});

test("a reader that falls behind loses the oldest frames, and is told how many", async () => {
  let left = 0;
  const queue = new FrameQueue(() => left++);
  for (let timeMs = 0; timeMs < 520; timeMs++) queue.push({ timeMs });
  assert.equal(queue.dropped, 20);
  assert.equal((await queue.next()).value.timeMs, 20);
  queue.end(new VapTurnError("context", "gone"));
  const rest = [];
  await assert.rejects(async () => { for await (const { timeMs } of queue) rest.push(timeMs); }, { code: "context" });
  assert.equal(rest.length, 499);
  assert.deepEqual([left, (await queue.next()).done], [1, true]);
});

test("the codec of the audio thread is that of the platform", async () => {
  const { TextDecoder, TextEncoder } = globalThis;
  delete globalThis.TextDecoder;
  delete globalThis.TextEncoder;
  await import("../dist/live/threads/polyfill.js");
  const own = [new globalThis.TextDecoder(), new globalThis.TextEncoder()];
  Object.assign(globalThis, { TextDecoder, TextEncoder });
  assert.notEqual(own[0].constructor, TextDecoder);
  for (const text of ["", "policy", "größer, naïve, žluťoučký", "句読点 ターン", "👋🏽 \u{10ffff} \u0000"]) {
    const bytes = new TextEncoder().encode(text);
    assert.deepEqual(own[1].encode(text), bytes);
    assert.equal(own[0].decode(bytes), text);
  }
  assert.equal(own[0].decode(), "");
});

test("what runs on other threads is one file each, without imports, above 4 KiB", async () => {
  for (const name of ["worklet", "capture", "worker", "gpu-worker"]) {
    const code = await readFile(new URL(`../dist/${name}.js`, import.meta.url), "utf8");
    assert.doesNotMatch(code, /^import\b|[;}]import\s*["'{*]|\bimport\(/m, name);
    assert.ok(code.length > 4096, name);
  }
});

test("what every page loads names no file for the GPU", async () => {
  const dist = new URL("../dist/", import.meta.url).href;
  const seen = new Set([`${dist}index.js`]);
  // The set grows as it is walked.
  for (const file of seen) {
    const code = await readFile(new URL(file), "utf8");
    assert.doesNotMatch(code, /vap_gpu/, file);
    for (const [, name] of code.matchAll(/(?:from|import)\s*"(\.{1,2}\/[^"]+)"/g)) seen.add(new URL(name, file).href);
  }
  assert.ok(seen.has(`${dist}live/listen.js`) && seen.has(`${dist}analyze.js`) && seen.size > 15, [...seen].join(", "));
});

test("outside a browser listen says so, and inputs refuse what is none", async () => {
  await assert.rejects(listen({ user: "microphone" }), { name: "VapTurnError", code: "context" });
  assert.throws(() => new PcmInput({ rate: 7999 }), { code: "sample-rate" });
  assert.throws(() => new PcmInput({ rate: 16000 }).push([1, 2]), { code: "option" });
});
