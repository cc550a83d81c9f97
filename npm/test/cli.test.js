// The command line on good input: text, JSON lines, frames, pictures, two files, swapped channels.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { before, test } from "node:test";
import { checkLine } from "./schema.js";
import { FIXTURE, cli, cliCutShort, fileWith, folder, jsonLines, resampled, shortCall, wav } from "./support.js";

let call;
before(async () => {
  call = await shortCall();
});

const stereo = (t, tracks = [call.user, call.agent]) =>
  fileWith(t, "call.wav", wav(tracks.map((track) => track.samples), tracks[0].rate));

test("help and version", async () => {
  const help = await cli("--help");
  assert.equal(help.code, 0);
  const words = ["analyze", "bench", "--rate", "--json", "--frames", "--svg", "--swap", "--model", "--policy", "--max-false-cutoff",
    "--mean-latency-ms", "--preset", "--expect"];
  for (const word of words) assert.match(help.stdout, new RegExp(word));
  const { version } = JSON.parse(await readFile(new URL("../package.json", import.meta.url), "utf8"));
  assert.deepEqual(await cli("--version"), { code: 0, stdout: `${version}\n`, stderr: "" });
});

test("bench: figures for people and for programs", async () => {
  const [text, json] = [await cli("bench"), await cli("bench", "--json", "--rate", "16000")];
  assert.deepEqual([text.code, text.stderr, json.code, json.stderr], [0, "", 0, ""]);
  assert.match(text.stdout, /^first frame +\d+ ms.*\na hop of 20 ms +median \d+\.\d{3} ms.*\ncalls a core +\d+ .*\nmemory of a call +\d\.\d\d MB.*\n$/);
  const { firstFrameMs, hopMs, callsACore, stateBytes, rateHz } = JSON.parse(json.stdout);
  assert.ok(firstFrameMs > 0 && hopMs.median > 0 && hopMs.median <= hopMs.p99 && callsACore > 0 && Number.isFinite(callsACore));
  assert.ok(stateBytes > 1e5 && stateBytes < 2e6 && rateHz === 16000);
});

test("the call as text: headline, one row an event, summary", async () => {
  const [text, json] = await Promise.all([cli("analyze", FIXTURE), cli("analyze", FIXTURE, "--json")]);
  assert.deepEqual([text.code, text.stderr, json.code, json.stderr], [0, "", 0, ""]);
  const lines = text.stdout.trimEnd().split("\n");
  assert.match(lines[0], /^call\.wav {2}1:09\.880 {2}8000 Hz, model optimized \(\d\.\d M weights\)$/);
  assert.match(lines[2], /^ +time {2}speaker {2}event +detail$/);
  const rows = lines.filter((line) => /^ +\d+:\d\d\.\d{3} {2}(user|agent) +\S/.test(line));
  const events = jsonLines(json.stdout);
  assert.equal(rows.length, events.length);
  events.forEach(checkLine);
  assert.ok(events.length > 20, `only ${events.length} events in a call of a dozen exchanges`);
  assert.deepEqual(lines.slice(-6).map((line) => line.split(/ {2,}/)[0]), [
    "turns", "mean gap", "backchannels", "interruptions", "speech", "processing",
  ]);
});

test("JSON lines have the promised shape, in order of time", async (t) => {
  const { code, stdout, stderr } = await cli("analyze", await stereo(t), "--json");
  assert.deepEqual([code, stderr], [0, ""]);
  const events = jsonLines(stdout);
  assert.ok(events.length > 5);
  events.forEach(checkLine);
  events.reduce((earlier, event) => (assert.ok(earlier <= event.timeMs), event.timeMs), 0);
  assert.ok(!events.some((event) => event.type === "frame"));
});

test("with frames there is a line a hop, before the events of its hop", async (t) => {
  const path = await stereo(t);
  const [{ stdout }, plain] = await Promise.all([cli("analyze", path, "--json", "--frames"), cli("analyze", path, "--json")]);
  const lines = jsonLines(stdout);
  lines.forEach(checkLine);
  const frames = lines.filter((line) => line.type === "frame");
  assert.deepEqual(frames.map((frame) => frame.timeMs), Array.from({ length: 600 }, (_, hop) => 20 * (hop + 1)));
  assert.deepEqual(lines.filter((line) => line.type !== "frame"), jsonLines(plain.stdout));
  let heardMs = 0;
  for (const line of lines) {
    if (line.type === "frame") heardMs = line.timeMs;
    else assert.equal(line.timeMs, Math.min(heardMs, line.timeMs), `told before its frame: ${JSON.stringify(line)}`);
  }
  lines.reduce((earlier, line) => (assert.ok(earlier <= line.timeMs), line.timeMs), 0);
  assert.equal((await cli("analyze", path, "--frames")).stdout, stdout);
});

test("two mono files of different rates are the same call", async (t) => {
  const user = await fileWith(t, "user.wav", wav([resampled(call.user, 16000).samples], 16000));
  const agent = await fileWith(t, "agent.wav", wav([call.agent.samples], 8000));
  const [two, one] = await Promise.all([cli("analyze", user, agent, "--json"), cli("analyze", await stereo(t), "--json")]);
  assert.deepEqual([two.code, two.stderr], [0, ""]);
  const starts = ({ stdout }) => jsonLines(stdout).filter((event) => event.type === "turnShift").map((event) => event.speaker);
  assert.deepEqual(starts(two), starts(one));
});

test("the shorter of two files is filled up with silence, and that is said", async (t) => {
  const user = await fileWith(t, "user.wav", wav([call.user.samples.slice(0, 5 * 8000)], 8000));
  const agent = await fileWith(t, "agent.wav", wav([call.agent.samples], 8000));
  const { code, stdout, stderr } = await cli("analyze", user, agent, "--frames");
  assert.equal(code, 0);
  assert.equal(stderr, "vap-turn: the user's sound is 7.000 s shorter; silence was added to its end\n");
  assert.equal(jsonLines(stdout).filter((line) => line.type === "frame").length, 600);
});

test("swapped channels with --swap are the same call", async (t) => {
  const swapped = await stereo(t, [call.agent, call.user]);
  const [one, other] = await Promise.all([cli("analyze", await stereo(t), "--frames"), cli("analyze", swapped, "--frames", "--swap")]);
  assert.equal(one.stdout, other.stdout);
});

test("a policy changes the events", async (t) => {
  const path = await stereo(t);
  const file = await fileWith(t, "policy.json", JSON.stringify({ minPauseMs: 20 }));
  const [plain, word, both] = await Promise.all([
    cli("analyze", path, "--json"),
    cli("analyze", path, "--json", "--policy", "minPauseMs=20"),
    cli("analyze", path, "--json", "--policy", "minPauseMs=600", "--policy", file),
  ]);
  const sounds = ({ stdout }) => jsonLines(stdout).filter((event) => event.type === "speechEnd").length;
  assert.ok(sounds(word) > sounds(plain), `${sounds(word)} sounds, ${sounds(plain)} before`);
  assert.equal(both.stdout, word.stdout);
});

test("a picture is written", async (t) => {
  const path = join(await folder(t), "call.svg");
  const { code } = await cli("analyze", await stereo(t), "--svg", path);
  assert.equal(code, 0);
  assert.match(await readFile(path, "utf8"), /^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg"[^]*<\/svg>\n$/);
});

test("a reader that stops reading is no error", async (t) => {
  const { code, stderr } = await cliCutShort("analyze", await stereo(t), "--frames");
  assert.deepEqual({ code, stderr }, { code: 0, stderr: "" });
});
