// The page in a headless browser, under its strict policy: calls heard at once, sessions kept, a phone, no network.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { FIXTURE, ended, expected, exported, hearAtOnce, ready, start } from "./page-driver.js";

let site;

before(async () => {
  site = await start();
});

after(() => site?.stop());

test("the sample call gives in the page what the package gives in Node", async () => {
  const { page, complaints, close } = await site.open();
  await hearAtOnce(page);
  const { session } = await exported(page);
  const { frames, events } = await expected();
  assert.ok(events.length > 20, `a call with ${events.length} events proves little`);
  assert.deepEqual(session.events, events);
  assert.equal(session.frames.length, frames.length);
  for (const [hop, { vad, eot, pNow }] of frames.entries()) {
    const [there, here] = [session.frames[hop], { vad, eot, pNow }].map((frame) => [...frame.vad, ...frame.eot, ...frame.pNow]);
    for (const [at, value] of here.entries()) assert.ok(Math.abs(there[at] - value) <= 6e-5, `hop ${hop}: ${there} and ${here}`);
  }
  assert.equal(await page.locator("#events li").count(), events.length);
  assert.equal(await page.locator("#events li:visible").count(), events.filter(({ type }) => !type.startsWith("speech")).length);
  assert.deepEqual(complaints, []);
  await close();
});

test("a session that was exported comes back with the same events, and is replayed", async () => {
  const { page, complaints, close } = await site.open();
  await hearAtOnce(page);
  const first = await exported(page);
  await page.reload();
  await ready(page);
  await page.locator("#import").setInputFiles({ name: "kept.json", mimeType: "application/json", buffer: Buffer.from(first.text) });
  await page.getByText("Press Start to replay").waitFor();
  assert.equal(await page.locator("#events li").count(), first.session.events.length);
  await page.getByLabel("at once").check();
  await page.getByRole("button", { name: "Start" }).click();
  await ended(page);
  const second = await exported(page);
  for (const part of ["events", "frames", "levels"]) assert.deepEqual(second.session[part], first.session[part], part);

  // In its own time: a second of it takes a second.
  await page.getByLabel("at once").uncheck();
  await page.getByRole("button", { name: "Start" }).click();
  await page.waitForTimeout(1200);
  await page.getByRole("button", { name: "Stop" }).click();
  const heardMs = (await exported(page)).session.frames.at(-1).timeMs;
  assert.ok(heardMs > 800 && heardMs < 3000, `${heardMs} ms`);
  assert.deepEqual(complaints, []);
  await close();
});

test("a file that is no session is refused with what was expected, and the page goes on", async () => {
  const { page, complaints, close } = await site.open();
  const good = { format: "vap-turn session", version: 1, title: "x", info: {}, frames: [], levels: [], events: [] };
  const refused = [
    ["hello", /expected JSON/],
    ["null", /expected the format/],
    [JSON.stringify({ ...good, version: 2 }), /expected version 1, found 2/],
    [JSON.stringify({ ...good, frames: [{ timeMs: 20 }], levels: [[0, 0]] }), /frame 0: expected/],
    [JSON.stringify({ ...good, events: [{ type: "<img>", speaker: "user", timeMs: 1 }] }), /event 0: expected/],
  ];
  for (const [text, words] of refused) {
    await page.locator("#import").setInputFiles({ name: "<b>bad.json", mimeType: "application/json", buffer: Buffer.from(text) });
    await page.locator("#status.wrong").filter({ hasText: words }).waitFor();
  }
  await hearAtOnce(page);
  assert.deepEqual(complaints, []);
  await close();
});

test("a chosen file that is no WAV is refused in words; a good one is heard", async () => {
  const { page, complaints, close } = await site.open();
  await page.getByLabel("WAV file", { exact: true }).check();
  await page.getByLabel("at once").check();
  await page.locator("#file").setInputFiles({ name: "<b>notes.wav", mimeType: "audio/wav", buffer: Buffer.from("hello") });
  await page.getByText("press Start").waitFor();
  await page.getByRole("button", { name: "Start" }).click();
  await page.locator("#status.wrong").waitFor();
  assert.match(await page.locator("#status").textContent(), /^<b>notes\.wav: WAV: /);
  await page.locator("#file").setInputFiles(fileURLToPath(FIXTURE));
  await page.getByText("call.wav: press Start").waitFor();
  await page.getByRole("button", { name: "Start" }).click();
  assert.match(await ended(page), new RegExp(`: ${(await expected()).events.length} events`));
  assert.deepEqual(complaints, []);
  await close();
});

test("nothing scrolls sideways on a phone, with everything open", async () => {
  const { page, complaints, close } = await site.open({ viewport: { width: 360, height: 740 }, deviceScaleFactor: 3, hasTouch: true });
  await hearAtOnce(page);
  await page.getByText("All thresholds and times").click();
  await page.getByLabel("also speech starts and ends").check();
  for (const source of ["Sample call", "Microphone", "WAV file", "Recorded session"]) {
    await page.getByLabel(source, { exact: true }).check();
    const [wide, seen] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
    assert.equal(wide, seen, source);
    assert.ok(seen > 340 && seen <= 360, `${seen}`);
  }
  const canvas = await page.locator("#scope").evaluate(({ width, clientWidth }) => [width, clientWidth]);
  assert.equal(canvas[0], 3 * canvas[1]);
  assert.deepEqual(complaints, []);
  await close();
});

test("nothing but the page, the package and the sample is served, under a strict policy", async () => {
  for (const path of ["/npm/package.json", "/www/../Cargo.toml", "/www/%2e%2e/Cargo.toml", "/.git/config", "/npm/dist/"]) {
    assert.equal((await fetch(site.address + path)).status, 404, path);
  }
  const page = await fetch(`${site.address}/www/index.html`);
  const policy = page.headers.get("content-security-policy");
  assert.match(policy, /default-src 'none'; script-src 'self' 'wasm-unsafe-eval';/);
  // A static host sends no header: the page brings the same policy itself.
  assert.ok((await page.text()).includes(`http-equiv="Content-Security-Policy" content="${policy}"`));
});

test("the service worker keeps the version that the package has", async () => {
  const { version } = JSON.parse(await readFile(new URL("../../npm/package.json", import.meta.url), "utf8"));
  const text = await readFile(new URL("../../www/sw.js", import.meta.url), "utf8");
  assert.equal(/VERSION = "([^"]+)"/.exec(text)?.[1], version);
});
