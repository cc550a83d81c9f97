// Each example, with the packed package: built or started as its README says, and used as a person would.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cp, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { EXAMPLES, alone, eventsOf, excerpt, execute, fresh, open, serve, tool } from "./support.js";

const PATIENCE = { timeout: 120_000 };

let call;
let expected;
before(async () => {
  call = await excerpt(34, 46);
  expected = await eventsOf(call);
});

async function example(name) {
  const home = await fresh({ from: join(EXAMPLES, name) });
  await writeFile(join(home, "call.wav"), call);
  return home;
}

async function built(home) {
  const { build } = await tool("vite");
  await build({ root: home, logLevel: "silent" });
  return join(home, "dist");
}

const wav = (name, buffer) => ({ name, mimeType: "audio/wav", buffer });
const eventsOn = (page) => page.textContent("#events");

test("the page with Vite analyses a file and listens to a microphone", PATIENCE, async (t) => {
  const home = await example("vite");
  const { page, wrong } = await open(t, (await serve(t, await built(home))).address, { microphone: join(home, "call.wav") });
  await page.setInputFiles("#file", wav("call.wav", call));
  await page.waitForFunction(() => document.querySelector("#state").value === "analysed");
  assert.equal((await eventsOn(page)).trim().split("\n").length, expected.length);
  await page.click("#listen");
  await page.waitForFunction((before) => document.querySelector("#events").textContent.split("\n").length > before + 3, expected.length);
  await page.click("#listen");
  await page.waitForFunction(() => document.querySelector("#events").textContent === "");
  assert.deepEqual(wrong, []);
});

test("the page without a bundler listens to a microphone", PATIENCE, async (t) => {
  const home = await example("script-tag");
  await execute("npm", ["run", "copy"], { cwd: home });
  const { page, wrong } = await open(t, (await serve(t, home)).address, { microphone: join(home, "call.wav") });
  await page.click("#listen");
  await page.waitForFunction(() => document.querySelector("#events").textContent.includes("speech starts"), undefined, { timeout: 60_000 });
  assert.deepEqual(wrong, []);
});

test("the voice gets quieter, stops, and goes on when the user has finished", PATIENCE, async (t) => {
  const home = await example("agent");
  const user = join(home, "user.wav");
  await writeFile(user, await alone("user", 0, 3, { beforeS: 4, afterS: 5 }));
  const { page, wrong } = await open(t, (await serve(t, await built(home))).address, { microphone: user });
  await page.evaluate(() => {
    const state = document.querySelector("#state");
    globalThis.states = [];
    new MutationObserver(() => globalThis.states.push(state.value)).observe(state, { childList: true });
  });
  await page.setInputFiles("#file", wav("speech.wav", await alone("agent", 26, 36)));
  await page.click("#start");
  await page.waitForFunction(() => globalThis.states.join(" ").includes("speaking quiet stopped speaking"), undefined, { timeout: 60_000 });
  const told = await eventsOn(page);
  assert.match(told, /user +overlap starts(.|\n)*user +INTERRUPTION(.|\n)*user +END OF TURN/);
  assert.deepEqual(wrong, []);
});

const SAMPLE_BYTES = 4;

/** Plays a call's samples to the server in pieces of so many bytes; what it told, and how it closed. */
async function played(WebSocket, address, pcm, pieceBytes) {
  const socket = new WebSocket(address);
  const told = [];
  socket.on("message", (data) => told.push(JSON.parse(data)));
  await once(socket, "open");
  for (let at = 0; at < pcm.length; at += pieceBytes) {
    socket.send(pcm.subarray(at, at + pieceBytes));
    // The calls take turns.
    await new Promise((resume) => setImmediate(resume));
  }
  socket.send("finish");
  const [code] = await once(socket, "close");
  return { told, code };
}

/** How the server closes a connection on which `send` sends something wrong. */
async function refused(WebSocket, address, send) {
  const socket = new WebSocket(address);
  socket.on("open", () => send?.(socket));
  const [code, reason] = await once(socket, "close");
  return `${code} ${reason}`;
}

test("the server takes many calls at once, and a wrong one disturbs none", PATIENCE, async (t) => {
  const { WebSocket } = await tool("ws");
  const home = await example("server");
  await cp(fileURLToPath(new URL("node_modules/ws", import.meta.url)), join(home, "node_modules/ws"), { recursive: true });
  const server = spawn(process.execPath, ["server.js"], { cwd: home, env: { ...process.env, PORT: "0" }, stdio: ["ignore", "pipe", "inherit"] });
  t.after(() => server.kill());
  const port = /\d+/.exec(await once(server.stdout, "data"))[0];
  const address = `ws://127.0.0.1:${port}/?rate=8000`;

  const pcm = call.subarray(44);
  const swapped = Buffer.from(pcm);
  for (let at = 0; at < pcm.length; at += SAMPLE_BYTES) swapped.writeUInt32LE((pcm.readUInt32LE(at) << 16 | pcm.readUInt32LE(at) >>> 16) >>> 0, at);
  const expectedSwapped = await eventsOf(Buffer.concat([call.subarray(0, 44), swapped]));

  const calls = Array.from({ length: 16 }, (_, i) => played(WebSocket, address, i % 2 ? swapped : pcm, SAMPLE_BYTES * (80 + 97 * i)));
  const gone = new WebSocket(address);
  gone.on("open", () => gone.send(pcm.subarray(0, 8000), () => gone.terminate()));
  const wrong = [
    refused(WebSocket, address, (socket) => socket.send(Buffer.alloc(6))),
    refused(WebSocket, address, (socket) => socket.send("stop")),
    refused(WebSocket, `ws://127.0.0.1:${port}/?rate=9`),
    refused(WebSocket, `ws://127.0.0.1:${port}/`),
    refused(WebSocket, `ws://127.0.0.1:${port}//`),
    refused(WebSocket, address, (socket) => socket.send(Buffer.alloc(2 << 20))),
  ];
  for (const [i, { told, code }] of (await Promise.all(calls)).entries()) {
    assert.equal(code, 1000);
    assert.deepEqual(told, i % 2 ? expectedSwapped : expected);
  }
  const reasons = await Promise.all(wrong);
  for (const reason of reasons.slice(0, 4)) assert.match(reason, /^1008 .*expected/);
  assert.match(reasons[4], /^1008 Invalid URL/);
  assert.match(reasons[5], /^1009/);

  const short = await excerpt(37, 41);
  await writeFile(join(home, "short.wav"), short);
  const client = await execute(process.execPath, ["client.js", "short.wav", `ws://127.0.0.1:${port}`], { cwd: home });
  assert.equal(client.stdout.trim().split("\n").length, (await eventsOf(short)).length);
});
