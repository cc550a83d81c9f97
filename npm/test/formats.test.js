// The same call as WAV files of other rates and widths.
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { analyze, decodeWav } from "../dist/index.js";
import { largestDifference, resampled, sharedModel, shortCall, vadDifference, wav } from "./support.js";

let call, expected, model;
before(async () => {
  [call, model] = await Promise.all([shortCall(), sharedModel()]);
  expected = await analyze(call, { model });
});

async function heard(tracks, format) {
  const bytes = wav(tracks.map((track) => track.samples), tracks[0].rate, format);
  const { sampleRate, channels } = await decodeWav(bytes);
  assert.equal(sampleRate, tracks[0].rate);
  const [user, agent] = channels.map((samples) => ({ samples, rate: sampleRate }));
  return analyze({ user, agent }, { model });
}

for (const format of ["s16", "s24", "s32", "f32"]) {
  test(`${format}: exactly the 16-bit original`, async () => {
    const { frames, events } = await heard([call.user, call.agent], format);
    assert.equal(largestDifference(frames, expected.frames), 0);
    assert.deepEqual(events, expected.events);
  });
}

test("u8: the same call under its noise", async () => {
  const { frames } = await heard([call.user, call.agent], "u8");
  assert.equal(frames.length, expected.frames.length);
  const difference = vadDifference(frames, expected.frames);
  assert.ok(difference > 0 && difference < 0.15, `VAD differs by ${difference}`);
});

for (const rate of [16_000, 44_100, 48_000]) {
  test(`${rate} Hz: the same call`, async () => {
    const { frames } = await heard([resampled(call.user, rate), resampled(call.agent, rate)], "f32");
    assert.equal(frames.length, expected.frames.length);
    const difference = vadDifference(frames, expected.frames);
    assert.ok(difference < 0.02, `VAD differs by ${difference}`);
  });
}
