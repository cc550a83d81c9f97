// The page as it listens: the call as it plays, the microphone, the keyboard alone, and all of it without a server.
/* global caches */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { BROWSER } from "./browsers.js";
import { ended, expected, exported, ready, start, userSays } from "./page-driver.js";

const HOP_MS = 20;
let site;

before(async () => {
  // A question of the caller, and then the caller waits.
  site = await start({ microphone: BROWSER === "firefox" ? "grant" : await userSays(37.2, 39.9) });
});

after(() => site?.stop());

/** Waits until the picture shows a time, in s. */
async function reached(page, seconds) {
  await page.waitForFunction((wanted) => {
    const [minutes, rest] = document.getElementById("clock").textContent.split(":").map(Number);
    return 60 * minutes + rest >= wanted;
  }, seconds);
}

/** What the page heard of the playing call equals what the package hears, each event within a hop. */
async function assertAsExpected(session) {
  const { events } = await expected();
  const endMs = session.frames.at(-1).timeMs;
  const due = events.filter(({ timeMs }) => timeMs < endMs - HOP_MS);
  assert.ok(due.length >= 5, `${due.length} events in ${endMs} ms`);
  for (const [at, { type, speaker, timeMs }] of due.entries()) {
    const heard = session.events[at];
    assert.deepEqual([heard?.type, heard?.speaker], [type, speaker], `event ${at}, due at ${timeMs} ms`);
    assert.ok(Math.abs(heard.timeMs - timeMs) <= HOP_MS, `${type} at ${heard.timeMs} ms, due at ${timeMs} ms`);
  }
}

test("by keyboard alone the call plays as the package hears it, a threshold moves, a session is exported", async () => {
  const { page, complaints, close } = await site.open();
  const focused = () => page.evaluate(() => document.activeElement?.id ?? "");
  const tabTo = async (id, key = "Tab") => {
    for (let presses = 0; presses < 40 && (await focused()) !== id; presses++) await page.keyboard.press(key);
    assert.equal(await focused(), id);
    const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
    assert.equal(outline, "solid", `the focus on ${id} shows`);
  };
  await tabTo("go");
  await page.keyboard.press("Enter");
  await reached(page, 5.5);
  await page.keyboard.press("Enter");
  await ended(page);
  await tabTo("export");
  const { session } = await exported(page, () => page.keyboard.press("Enter"));
  await assertAsExpected(session);
  assert.ok(["worklet", "worker"].includes(session.info.runIn), session.info.runIn);
  assert.ok(session.info.hopMs >= 0 && session.info.hopMs < 20, `${session.info.hopMs} ms a hop`);

  await tabTo("go", "Shift+Tab");
  await page.keyboard.press("Enter");
  await reached(page, 1);
  await tabTo("endThreshold");
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("ArrowRight");
  await page.getByText("The new thresholds count from 0:0").waitFor();
  await reached(page, 3);
  await page.getByRole("button", { name: "Stop" }).press("Enter");
  await ended(page);
  const again = (await exported(page)).session;
  assert.ok(again.info.policy.endThreshold > session.info.policy.endThreshold);
  assert.deepEqual(again.frames.map(({ timeMs }) => timeMs), Array.from(again.frames, (_, hop) => HOP_MS * (hop + 1)));
  assert.ok(again.frames.length >= 150, "the session went on");
  assert.deepEqual(complaints, []);
  await close();
});

const deaf = BROWSER === "firefox" && "Firefox takes no file as its microphone";
test("the microphone is opened by the button alone; the agent answers when the turn has ended", { skip: deaf }, async () => {
  const { page, complaints, close } = await site.open();
  await page.evaluate(() => {
    const { mediaDevices } = navigator;
    const ask = mediaDevices.getUserMedia.bind(mediaDevices);
    mediaDevices.getUserMedia = (constraints) => {
      document.title = "asked";
      return ask(constraints);
    };
  });
  await page.getByLabel("Microphone").check();
  await page.waitForTimeout(300);
  assert.notEqual(await page.title(), "asked");
  await page.getByRole("button", { name: "Start" }).click();
  await page.locator("#events li", { hasText: "speech starts" }).first().waitFor({ state: "attached" });
  assert.equal(await page.title(), "asked");
  await page.locator("#events li", { hasText: "turn shift" }).first().waitFor();
  await page.getByRole("button", { name: "Stop" }).click();
  await ended(page);
  const { events, levels } = (await exported(page)).session;
  const first = (type, speaker) => events.findIndex((event) => event.type === type && event.speaker === speaker);
  assert.equal(first("speechStart", "user"), 0);
  assert.ok(first("endOfTurn", "user") > 0);
  assert.ok(first("speechStart", "agent") > first("endOfTurn", "user"), "the agent waits for its turn");
  for (const speaker of [0, 1]) assert.ok(levels.some((pair) => pair[speaker] > 0.05), "the waveforms show both");
  assert.deepEqual(complaints, []);
  await close();
});

// The last: the server is gone afterwards.
test("with the server gone, the page comes back and listens", async () => {
  const { page, close } = await site.open({ serviceWorkers: "allow" });
  await page.waitForFunction(async () => (await navigator.serviceWorker.ready).active?.state === "activated");
  const kept = await page.evaluate(async () => {
    const names = await caches.keys();
    const requests = await Promise.all(names.map(async (name) => (await caches.open(name)).keys()));
    return requests.flat().map(({ url }) => new URL(url).pathname);
  });
  assert.ok(kept.some((path) => path.endsWith("/vap_wasm_bg.wasm")), kept.join(", "));
  assert.deepEqual(kept.filter((path) => /vap_gpu|gpu-worker/.test(path)), []);
  await site.halt();
  const faults = [];
  page.on("pageerror", (error) => faults.push(String(error)));
  await page.reload();
  await ready(page);
  await page.getByRole("button", { name: "Start" }).click();
  await reached(page, 1.2);
  await page.getByRole("button", { name: "Stop" }).click();
  await ended(page);
  const { session } = await exported(page);
  assert.ok(session.events.some(({ type }) => type === "speechStart"));
  assert.deepEqual(faults, []);
  await close();
});
