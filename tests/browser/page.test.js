// The page in headless Chromium, under its strict policy: the built package gives there what it gives in Node.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { analyze, decodeWav } from "../../npm/dist/index.js";
import { serve } from "../../www/serve.js";

const { chromium } = createRequire(new URL("../../npm/package.json", import.meta.url))("playwright-core");
const FIXTURE = new URL("../fixtures/call.wav", import.meta.url);

let server, browser, address;

before(async () => {
  server = await serve(0);
  address = `http://127.0.0.1:${server.address().port}`;
  const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
  browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
});

after(async () => {
  await browser?.close();
  server?.close();
});

/** The page, opened, with everything it complains about collected. */
async function open() {
  const page = await browser.newPage();
  const complaints = [];
  page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(String(error)));
  await page.goto(`${address}/www/index.html`);
  await page.getByText("Choose a file, or analyse").waitFor();
  return { page, complaints };
}

test("the package gives the same events and frames in the page as in Node", async () => {
  const { page, complaints } = await open();
  const inPage = await page.evaluate(async () => {
    const { analyze, decodeWav } = await import("/npm/dist/index.js");
    const bytes = await (await fetch("/tests/fixtures/call.wav")).arrayBuffer();
    const { sampleRate: rate, channels } = await decodeWav(new Uint8Array(bytes));
    const [user, agent] = channels.map((samples) => ({ samples, rate }));
    const { frames, events } = await analyze({ user, agent });
    return { frames: frames.map((frame) => [frame.timeMs, ...frame.pNow, ...frame.eot, ...frame.vad]), events };
  });
  const { sampleRate: rate, channels } = await decodeWav(await readFile(FIXTURE));
  const [user, agent] = channels.map((samples) => ({ samples, rate }));
  const { frames, events } = await analyze({ user, agent });
  assert.ok(events.length > 20, `a call with ${events.length} events proves little`);
  assert.deepEqual(inPage.events, events);
  assert.deepEqual(
    inPage.frames,
    frames.map((frame) => [frame.timeMs, ...frame.pNow, ...frame.eot, ...frame.vad]),
  );
  assert.deepEqual(complaints, []);
  await page.close();
});

test("the sample call is analysed and shown by keyboard alone", async () => {
  const { page, complaints } = await open();
  for (let presses = 0; presses < 10; presses++) {
    await page.keyboard.press("Tab");
    if (await page.evaluate(() => document.activeElement?.id === "sample")) break;
  }
  await page.keyboard.press("Enter");
  await page.locator("#result").waitFor({ timeout: 120_000 });
  const rows = await page.locator("#events tr").count();
  assert.match(await page.locator("#status").textContent(), new RegExp(`: ${rows} events`));
  assert.ok(rows > 20, `${rows} rows`);
  assert.equal(await page.locator("#picture svg").count(), 1);
  const box = await page.locator("#picture svg").boundingBox();
  assert.ok(box && box.width > 890 && box.height > 400, JSON.stringify(box));
  assert.equal(await page.locator("#summary dt").first().textContent(), "turns");
  assert.deepEqual(complaints, []);
  if (process.env.VAP_SCREENSHOT) await page.screenshot({ path: process.env.VAP_SCREENSHOT, fullPage: true });
  await page.close();
});

test("a chosen file that is no WAV is refused in words, and the page goes on", async () => {
  const { page, complaints } = await open();
  await page.locator("#file").setInputFiles({ name: "<b>notes.wav", mimeType: "audio/wav", buffer: Buffer.from("hello") });
  await page.locator("#status.wrong").waitFor();
  assert.match(await page.locator("#status").textContent(), /^<b>notes\.wav: WAV: /);
  assert.equal(await page.locator("#result").isVisible(), false);
  await page.locator("#file").setInputFiles(fileURLToPath(FIXTURE));
  await page.locator("#result").waitFor({ timeout: 120_000 });
  assert.match(await page.locator("#status").textContent(), /^call\.wav: \d+ events/);
  assert.deepEqual(complaints, []);
  await page.close();
});

test("nothing but the page, the package and the sample is served", async () => {
  for (const path of ["/npm/package.json", "/www/../Cargo.toml", "/www/%2e%2e/Cargo.toml", "/.git/config", "/npm/dist/"]) {
    assert.equal((await fetch(address + path)).status, 404, path);
  }
  const page = await fetch(`${address}/www/index.html`);
  assert.match(page.headers.get("content-security-policy"), /script-src 'self' 'wasm-unsafe-eval';/);
});
