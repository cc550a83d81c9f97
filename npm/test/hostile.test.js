// The command line on bad input: exit code 2, nothing on stdout, one line on stderr that says what is wrong.
import assert from "node:assert/strict";
import { readFile, readdir, writeFile } from "node:fs/promises";
import { before, test } from "node:test";
import { FIXTURE, MODEL, cli, fileWith, folder, jsonLines, wav } from "./support.js";

let fixture;
before(async () => {
  fixture = await readFile(FIXTURE);
});

async function refused(words, says) {
  const { code, stdout, stderr } = await cli(...words);
  assert.deepEqual({ code, stdout }, { code: 2, stdout: "" }, stderr);
  assert.match(stderr, /^vap-turn: [^\n]+\n$/, "one line");
  assert.match(stderr, says);
}

const ANY = new Float32Array(800);

const files = {
  "an empty file": [() => Buffer.alloc(0), /bad\.wav: WAV: /],
  "a text": [() => Buffer.from("once upon a time, there was no sound\n".repeat(9)), /bad\.wav: WAV: /],
  "a WAV cut short": [() => fixture.subarray(0, 100_001), /bad\.wav: WAV: truncated, /],
  "a WAV cut within its header": [() => fixture.subarray(0, 30), /bad\.wav: WAV: /],
  "a mono WAV": [() => wav([ANY], 8000), /bad\.wav: is mono; give a stereo file or two mono files/],
  "a WAV of 3 channels": [() => wav([ANY, ANY, ANY], 8000), /bad\.wav: expected 2 channels, found 3/],
  "a WAV of 6 channels": [() => wav([ANY, ANY, ANY, ANY, ANY, ANY], 48000), /bad\.wav: expected 2 channels, found 6/],
  "a WAV of 7 Hz": [() => wav([ANY, ANY], 7), /sample rate: expected .* found 7 Hz/],
  "a WAV of 4 GHz": [() => wav([ANY, ANY], 4_000_000_000), /sample rate|WAV/],
};
for (const [what, [content, says]] of Object.entries(files)) {
  test(`${what} is refused`, async (t) => refused(["analyze", await fileWith(t, "bad.wav", content())], says));
}

test("no command, an unknown one, no file, three files", async () => {
  await refused([], /expected "analyze FILE\.wav" or "bench", found nothing/);
  await refused(["analyse", FIXTURE], /expected "analyze FILE\.wav" or "bench", found "analyse"/);
  await refused(["analyze"], /found 0 files/);
  await refused(["analyze", FIXTURE, FIXTURE, FIXTURE], /found 3 files/);
});

test("unknown options, and options without their value", async () => {
  await refused(["analyze", FIXTURE, "--jsn"], /--jsn/);
  await refused(["analyze", FIXTURE, "--svg"], /--svg/);
  await refused(["analyze", FIXTURE, "--json=yes"], /--json/);
  await refused(["analyze", FIXTURE, "--rate", "8000"], /--rate: not an option of analyze/);
  await refused(["bench", "--swap"], /--swap: not an option of bench/);
  await refused(["bench", FIXTURE], /bench: expected no files, found 1/);
  await refused(["bench", "--rate", "fast"], /--rate: expected a whole number of Hz, found "fast"/);
  await refused(["bench", "--rate", "7"], /sample rate/);
});

test("a file that is not there, and a folder", async (t) => {
  await refused(["analyze", "no\nsuch.wav"], /no such\.wav: no such file/);
  await refused(["analyze", await folder(t)], /is a directory/);
});

test("two files of which one is stereo", async (t) => {
  const mono = await fileWith(t, "mono.wav", wav([ANY], 8000));
  await refused(["analyze", mono, FIXTURE], /call\.wav: of two files each must be mono, found 2 channels/);
});

test("policies that make no sense", async (t) => {
  const policy = (...words) => ["analyze", FIXTURE, ...words.flatMap((word) => ["--policy", word])];
  await refused(policy("endTreshold=0.5"), /endTreshold/);
  await refused(policy("vadOnset=7"), /vadOnset: expected .* found 7/);
  await refused(policy("decideMs=1.5"), /decideMs/);
  await refused(policy("vadOnset=high"), /expected name=number or a \.json file, found "vadOnset=high"/);
  await refused(policy("vadOnset="), /found "vadOnset="/);
  await refused(policy("vadOnset"), /found "vadOnset"/);
  await refused(policy("missing.json"), /missing\.json: no such file/);
  await refused(policy(await fileWith(t, "broken.json", "{")), /broken\.json is not JSON/);
  await refused(policy(await fileWith(t, "list.json", "[1]")), /list\.json does not hold a JSON object/);
  await refused(policy(await fileWith(t, "wrong.json", '{"vadOnset":"0.5"}')), /vadOnset/);
});

test("model files that are missing, cut short or something else", async (t) => {
  const model = await readFile(MODEL);
  const using = async (content) => ["analyze", FIXTURE, "--model", await fileWith(t, "bad.safetensors", content)];
  await refused(["analyze", FIXTURE, "--model", "nowhere.safetensors"], /model file: cannot load nowhere\.safetensors/);
  await refused(await using(""), /model file/);
  await refused(await using(model.subarray(0, model.length - 1000)), /model file/);
  await refused(await using(model.subarray(0, 5000)), /model file/);
  await refused(await using(fixture), /model file/);
  const lying = Buffer.from(model);
  lying.writeBigUInt64LE(2n ** 63n, 0);
  await refused(await using(lying), /model file/);
});

test("a picture that cannot be written is refused before the work", async (t) => {
  await refused(["analyze", FIXTURE, "--svg", `${await folder(t)}/no/such/call.svg`], /call\.svg: no such file/);
});

test("a picture that was there stays when the work fails; where none was none is left", async (t) => {
  const place = await folder(t);
  await writeFile(`${place}/old.svg`, "old");
  for (const name of ["old.svg", "new.svg"]) {
    await refused(["analyze", FIXTURE, "--model", "no/such/model", "--svg", `${place}/${name}`], /no\/such\/model/);
  }
  assert.deepEqual(await readdir(place), ["old.svg"]);
  assert.equal(await readFile(`${place}/old.svg`, "utf8"), "old");
});

test("a WAV without a single sample is a call without events", async (t) => {
  const none = await fileWith(t, "none.wav", wav([new Float32Array(0), new Float32Array(0)], 16000));
  const [text, json] = await Promise.all([cli("analyze", none), cli("analyze", none, "--frames")]);
  assert.deepEqual([text.code, text.stderr, json], [0, "", { code: 0, stdout: "", stderr: "" }]);
  assert.match(text.stdout, /turns +user 0, agent 0/);
});

test("samples that are not numbers count as silence", async (t) => {
  const bad = new Float32Array(16000).map((_, index) => [NaN, Infinity, -Infinity, 1e30][index % 4]);
  const path = await fileWith(t, "nan.wav", wav([bad, bad], 16000, "f32"));
  const { code, stdout } = await cli("analyze", path, "--frames");
  assert.equal(code, 0);
  const frames = jsonLines(stdout).filter((line) => line.type === "frame");
  assert.equal(frames.length, 50);
  for (const { bins, vad } of frames) assert.ok([...bins.flat(), ...vad].every((p) => p >= 0 && p <= 1));
});
