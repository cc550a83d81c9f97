// README and docs of the package are true: their snippets run as they stand, on a real call, in Node and in a page. What a snippet
// leaves to its reader (`speak`, `socket`, ...) is given here.
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { POLICY } from "../../www/serve.js";
import { FIXTURE, alone, eventsOf, execute, fresh, open, serve } from "./support.js";

/** Snippets and where they run: ```js is for Node, ```js page for a page. */
let snippets;
let call;
before(async () => {
  const texts = ["README.md", "docs/migrating.md"].map((name) => readFile(new URL(`../../npm/${name}`, import.meta.url), "utf8"));
  const text = (await Promise.all(texts)).join("\n");
  snippets = [...text.matchAll(/^```js( page)?\n(.*?)^```$/gms)].map(([, page, code]) => ({ inPage: Boolean(page), code }));
  call = await readFile(FIXTURE);
});

const used = new Set();
const having = (word, inPage) => {
  const found = snippets.filter((snippet) => snippet.inPage === inPage && snippet.code.includes(word));
  assert.equal(found.length, 1, `expected one snippet with ${word}, found ${found.length}`);
  used.add(found[0]);
  return found[0].code;
};

/** Runs code as a module beside call.wav; `given` is code that runs before. */
async function inNode(code, given = "", sound = call) {
  const home = await fresh({ files: { "given.mjs": given, "snippet.mjs": code } });
  await writeFile(join(home, "call.wav"), sound);
  const { stdout } = await execute(process.execPath, ["--import", "./given.mjs", "snippet.mjs"], { cwd: home });
  return stdout;
}

/** A page on which code runs as a module, without a bundler, after `given`. */
async function inPage(t, code, given = "") {
  const files = { "given.js": given, "snippet.js": code.replace('"vap-turn"', '"./node_modules/vap-turn/dist/index.js"') };
  const scripts = '<script src="given.js"></script><script type="module" src="snippet.js"></script>';
  const page = `<!doctype html><link rel="icon" href="data:,"><button></button><meter></meter>${scripts}`;
  const home = await fresh({ files: { ...files, "index.html": page } });
  await writeFile(join(home, "call.wav"), call);
  const microphone = join(home, "microphone.wav");
  await writeFile(microphone, await alone("user", 0, 3, { afterS: 4 }));
  const { address } = await serve(t, home, { "Content-Security-Policy": POLICY });
  return open(t, address, { microphone });
}

after(() => {
  const left = snippets.filter((snippet) => !used.has(snippet));
  assert.deepEqual(left, [], "snippets that no test runs");
});

test("ten lines give the events of a real call, in Node", async () => {
  const code = having("readFile", false);
  assert.ok(code.trim().split("\n").length <= 10);
  const expected = (await eventsOf(call)).map(({ timeMs, speaker, type }) => `${timeMs} ${speaker} ${type}\n`).join("");
  assert.equal(await inNode(code), expected);
});

test("ten lines give the events of a real call, in a page", async (t) => {
  const code = having("fetch", true);
  assert.ok(code.trim().split("\n").length <= 10);
  const expected = (await eventsOf(call)).map(({ timeMs, speaker, type }) => `${timeMs} ${speaker} ${type}`);
  const given = "globalThis.said = []; console.log = (...words) => said.push(words.join(' '));";
  const { page, wrong } = await inPage(t, code, given);
  await page.waitForFunction((count) => globalThis.said.length >= count, expected.length);
  assert.deepEqual(await page.evaluate(() => globalThis.said), expected);
  assert.deepEqual(wrong, []);
});

test("samples pushed into a detector", async () => {
  const given = `
    import { readFileSync } from "node:fs";
    const wav = readFileSync("call.wav");
    const samples = new Int16Array(wav.buffer.slice(wav.byteOffset + 44, wav.byteOffset + wav.length));
    // Each sample six times and three times: 8 kHz as 48 and 24 kHz.
    const channel = (at, times) => Float32Array.from({ length: (samples.length / 2) * times }, (_, i) => samples[2 * Math.floor(i / times) + at] / 32768);
    globalThis.userSamples = channel(0, 6);
    globalThis.agentSamples = channel(1, 3);
    globalThis.speak = () => console.log("speak");
    globalThis.stopSpeaking = () => console.log("stop");
  `;
  const said = await inNode(having("TurnDetector.create", false), given);
  assert.ok(said.includes("speak\n"), said);
});

test("a page listens to the microphone and to pushed speech of the agent", async (t) => {
  const given = `
    globalThis.button = document.querySelector("button");
    globalThis.meter = document.querySelector("meter");
    globalThis.socket = {};
    globalThis.said = [];
    globalThis.speak = () => said.push("speak");
    globalThis.stopSpeaking = () => said.push("stop");
  `;
  const { page, wrong } = await inPage(t, having("PcmInput", true), given);
  await page.click("button");
  await page.evaluate(() => globalThis.socket.onmessage({ data: new Float32Array(24_000).buffer }));
  await page.waitForFunction(() => globalThis.said.includes("speak"), undefined, { timeout: 40_000 });
  await page.waitForFunction(() => globalThis.meter.value > 0);
  assert.deepEqual(wrong, []);
});

test("what is written for those who come from a silence timeout", async () => {
  const printed = await inNode(having("calibration", false));
  assert.match(printed, /falseCutoff/);
  assert.match(printed, /timeoutMs/);
});

test("what is written for those who come from vad-web", async (t) => {
  const given = "globalThis.said = []; globalThis.onSpeechStart = () => said.push('start'); globalThis.answer = () => said.push('answer');";
  const { page, wrong } = await inPage(t, having("MicVAD", true), given);
  await page.waitForFunction(() => globalThis.said.includes("start") && globalThis.said.includes("answer"), undefined, { timeout: 40_000 });
  assert.deepEqual(wrong, []);
});

/** The call as 16-bit samples of both in turns, in pieces of a fifth of a second. */
const PIECES = `
  import { readFileSync } from "node:fs";
  const sound = readFileSync("call.wav").subarray(44);
  const pieces = Array.from({ length: Math.ceil(sound.length / 6400) }, (_, at) => sound.subarray(6400 * at, 6400 * (at + 1)));
`;

test("a barge-in by degrees: playback ducks, stops or goes on", async () => {
  const given = `
    import { readFileSync } from "node:fs";
    import { analyze, decodeWav } from "vap-turn";
    const { sampleRate: rate, channels } = await decodeWav(readFileSync("call.wav"));
    const [user, agent] = channels.map((samples) => ({ samples, rate }));
    globalThis.events = (await analyze({ user, agent })).events;
    globalThis.playback = Object.fromEntries(["duck", "resume", "stop"].map((name) => [name, () => console.log(name)]));
  `;
  // The user 8 s early talks into the agent's turns.
  const early = Buffer.from(call);
  for (let at = 44; at + 8 * 32_000 < early.length; at += 4) early.copyWithin(at, at + 8 * 32_000, at + 8 * 32_000 + 2);
  const asked = { overlapStart: "duck", backchannel: "resume", interruption: "stop" };
  const expected = (await eventsOf(early)).filter(({ speaker, type, soundMs }) => speaker === "user" && (type === "overlapStart" ? soundMs !== undefined : asked[type]));
  for (const type of Object.keys(asked)) assert.ok(expected.some((event) => event.type === type), type);
  assert.equal(await inNode(having("playback", false), given, early), expected.map(({ type }) => `${asked[type]}\n`).join(""));
});

test("a call of a pool, as a server has it", async () => {
  const given = `
    import { readFileSync } from "node:fs";
    // 16 bits to mu-law, by the sign, the highest bit and the four behind it.
    const code = (sample) => {
      const [sign, size] = [sample < 0 ? 0x80 : 0, Math.min(Math.abs(sample), 32635) + 132];
      const exponent = Math.floor(Math.log2(size)) - 7;
      return ~(sign | (exponent << 4) | ((size >> (exponent + 3)) & 15)) & 255;
    };
    ${PIECES.replace('import { readFileSync } from "node:fs";', "")}
    globalThis.line = (async function* () {
      for (const piece of pieces) {
        const side = (at) => Uint8Array.from({ length: piece.length / 4 }, (_, index) => code(piece.readInt16LE(4 * index + at)));
        yield { caller: side(0), agent: side(2) };
      }
    })();
    globalThis.speak = () => console.log("speak");
  `;
  const said = (await inNode(having("createPool", false), given)).trim().split("\n");
  assert.ok(said.length > 2 && said.every((line) => line === "speak"), said.join());
});

test("events of a stream", async () => {
  const given = `
    ${PIECES}
    globalThis.source = pieces;
    globalThis.signal = new AbortController().signal;
    globalThis.readable = new ReadableStream();
  `;
  const said = await inNode(`${having("turnEvents(", false)}\nconsole.log("piped", events instanceof ReadableStream);\nprocess.exit();\n`, given);
  const count = (await eventsOf(call)).length;
  assert.equal(said.match(/type: '/g).length, count);
  assert.match(said, /\npiped true\n$/);
});
