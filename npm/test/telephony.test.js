// Sound as telephone lines and servers have it: G.711 bytes, 16-bit integers and their bytes, WAV files of calls.
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { TurnDetector, VapTurnError, decodeG711, decodeWav } from "../dist/index.js";
import { cli, fileWith, jsonLines, sharedModel, shortCall, vadDifference, wav } from "./support.js";
import { g711 } from "./telephone.js";

let call, model;
before(async () => {
  [call, model] = await Promise.all([shortCall(), sharedModel()]);
});

const failsWith = (code, says = /./) => (error) =>
  error instanceof VapTurnError && error.code === code && says.test(error.message);

async function heard(user, agent, encoding, size = 160) {
  const detector = await TurnDetector.create({ rate: 8000, model, ...(encoding && { encoding }) });
  const parts = [];
  for (let at = 0; at < user.length; at += size) parts.push(detector.push(user.subarray(at, at + size), agent.subarray(at, at + size)));
  parts.push(detector.finish());
  detector.close();
  return { frames: parts.flatMap(({ frames }) => frames), events: parts.flatMap(({ events }) => events) };
}

test("the codes of both laws", async () => {
  // ITU-T G.711, at 16 bits: the smallest and the largest of either sign, and some between.
  const known = {
    alaw: [[0xd5, 8], [0x55, -8], [0xd4, 24], [0xc5, 264], [0xf5, 528], [0xaa, 32256], [0x2a, -32256]],
    mulaw: [[0xff, 0], [0x7f, 0], [0xfe, 8], [0x7e, -8], [0xef, 132], [0x80, 32124], [0x00, -32124]],
  };
  for (const [law, pairs] of Object.entries(known)) {
    const samples = await decodeG711(Uint8Array.from(pairs, ([code]) => code), law);
    assert.deepEqual(Array.from(samples, (x) => x * 32768), pairs.map(([, sample]) => sample), law);
    const all = await decodeG711(Uint8Array.from({ length: 256 }, (_, code) => code), law);
    assert.deepEqual(Array.from(g711(all, law)).filter((code, index) => code !== index && all[index] !== 0), []);
  }
});

for (const law of ["alaw", "mulaw"]) {
  test(`${law}: the same call under the noise of the line`, async () => {
    const [user, agent] = [call.user, call.agent].map(({ samples }) => g711(samples, law));
    const expected = await heard(call.user.samples, call.agent.samples);
    const found = await heard(user, agent, law);
    assert.ok(vadDifference(found.frames, expected.frames) < 0.02);
    const decoded = await Promise.all([user, agent].map((bytes) => decodeG711(bytes, law)));
    assert.deepEqual(found, await heard(...decoded));
    assert.deepEqual(found, await heard(Buffer.from(user), Buffer.from(agent), law), "as Buffers");

    const { sampleRate, channels } = await decodeWav(wav(decoded, 8000, law));
    assert.equal(sampleRate, 8000);
    assert.deepEqual(channels, decoded);
  });

  test(`${law}: a recording on the command line`, async (t) => {
    const [file, plain] = await Promise.all([law, "s16"].map((format) => fileWith(t, "call.wav", wav([call.user.samples, call.agent.samples], 8000, format))));
    const [{ code, stdout, stderr }, other] = await Promise.all([cli("analyze", file, "--json"), cli("analyze", plain, "--json")]);
    assert.deepEqual([code, stderr], [0, ""]);
    const ends = (text) => jsonLines(text).filter(({ type }) => type === "speechStart").length;
    assert.ok(ends(stdout) > 3 && Math.abs(ends(stdout) - ends(other.stdout)) <= 1);
  });
}

test("16-bit integers, and their bytes at any place in memory", async () => {
  const integers = [call.user, call.agent].map(({ samples }) => Int16Array.from(samples, (x) => x * 32768));
  const expected = await heard(...integers.map((list) => Float32Array.from(list, (x) => x / 32768)));
  assert.deepEqual(await heard(...integers), expected);
  const bytes = integers.map((list) => {
    const odd = Buffer.alloc(2 * list.length + 1);
    list.forEach((x, index) => odd.writeInt16LE(x, 2 * index + 1));
    return odd.subarray(1);
  });
  assert.deepEqual(await heard(...bytes, "s16le", 320), expected);
});

test("an encoding that is none, bytes without one, and half a sample", async () => {
  const create = (encoding) => TurnDetector.create({ rate: 8000, model, encoding });
  for (const wrong of ["ulaw", "ALAW", "", 7, null]) await assert.rejects(create(wrong), failsWith("option", /encoding/));
  await assert.rejects(decodeG711(new Uint8Array(4), "s16le"), failsWith("option", /alaw or mulaw/));
  await assert.rejects(decodeG711(new Uint8Array(4), undefined), failsWith("option", /encoding/));
  for (const wrong of ["bytes", [1], new Float32Array(1), undefined]) await assert.rejects(decodeG711(wrong, "alaw"), failsWith("option", /Uint8Array/));
  const plain = await create(undefined);
  assert.throws(() => plain.push(new Uint8Array(160)), failsWith("option", /bytes need the option encoding/));
  assert.throws(() => plain.push(undefined, Buffer.alloc(160)), failsWith("option", /agent/));
  plain.close();
  const bytes = await create("s16le");
  assert.throws(() => bytes.push(new Uint8Array(321)), failsWith("length", /321 bytes/));
  assert.equal(bytes.push(new Uint8Array(640)).frames.length > 0, true);
  bytes.close();
});

test("a buffer that was transferred away is not taken for silence", async () => {
  const detector = await TurnDetector.create({ rate: 8000, model });
  for (const gone of [new Float32Array(160), new Int16Array(160)]) {
    structuredClone(gone.buffer, { transfer: [gone.buffer] });
    assert.throws(() => detector.push(gone, new Float32Array(160)), failsWith("option", /user: .*transferred/));
    assert.throws(() => detector.push(new Float32Array(160), gone), failsWith("option", /agent: .*transferred/));
  }
  assert.deepEqual(detector.push(new Float32Array(0)), { frames: [], events: [] });
  detector.close();
});
