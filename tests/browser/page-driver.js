// What the tests of the page share: the server, a browser, the page opened, its session exported.
import { mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { analyze, decodeWav } from "../../npm/dist/index.js";
import { serve } from "../../www/serve.js";
import { BROWSER, launch } from "./browsers.js";
import { wavOf } from "./sound.js";

export const FIXTURE = new URL("../fixtures/call.wav", import.meta.url);

/** The server and a browser; `open()` gives a page of its own context, with everything it complains about. */
export async function start(browserOptions) {
  const { address, stop: halt } = await serve(0);
  const browser = await launch(browserOptions);
  const open = async (options = {}) => {
    // Only the test without a network needs the service worker, which fetches everything once more.
    const context = await browser.newContext({ serviceWorkers: "block", ...options });
    const page = await context.newPage();
    const complaints = [];
    page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
    page.on("pageerror", (error) => complaints.push(String(error)));
    await page.addInitScript(() => {
      document.addEventListener("securitypolicyviolation", ({ violatedDirective }) => console.error(`CSP: ${violatedDirective}`));
    });
    await page.goto(`${address}/www/index.html`);
    await ready(page);
    return { page, complaints, close: () => context.close() };
  };
  const stop = async () => {
    await browser.close();
    halt();
  };
  return { open, stop, halt, address };
}

/** Waits until the page can start. */
export async function ready(page) {
  await page.getByText("Ready.").waitFor();
}

/** Waits for the end of what was started; gives what the page says of it. */
export async function ended(page) {
  await page.locator("#status").filter({ hasText: /: \d+ events in/ }).waitFor();
  return page.locator("#status").textContent();
}

/** Hears the sample call at once. */
export async function hearAtOnce(page) {
  await page.getByLabel("at once").check();
  await page.getByRole("button", { name: "Start" }).click();
  return ended(page);
}

/** The session shown, as the page exports it. */
export async function exported(page, press = () => page.getByRole("button", { name: "Export JSON" }).click()) {
  const text = await (BROWSER === "firefox" ? given(page, press) : downloaded(page, press));
  return { text, session: JSON.parse(text) };
}

async function downloaded(page, press) {
  const [download] = await Promise.all([page.waitForEvent("download"), press()]);
  return readFile(await download.path(), "utf8");
}

/** What the page gives the browser to download: of a download itself, BiDi does not tell. */
async function given(page, press) {
  await page.evaluate(() => {
    const make = URL.createObjectURL;
    globalThis.given = new Promise((resolve) => {
      URL.createObjectURL = (blob) => {
        URL.createObjectURL = make;
        resolve(blob.text());
        return make.call(URL, blob);
      };
    });
  });
  await press();
  return page.evaluate(() => globalThis.given);
}

/** A WAV file of what the user of the sample call says from and to, in s, and of half a minute of silence. */
export async function userSays(from, to) {
  const bytes = await readFile(FIXTURE);
  const { sampleRate: rate, channels } = await decodeWav(bytes);
  const said = new Float32Array((to - from + 30) * rate);
  said.set(channels[0].subarray(from * rate, to * rate));
  const file = join(await mkdtemp(join(tmpdir(), "vap-turn-")), "user.wav");
  await writeFile(file, wavOf([said], rate));
  return file;
}

/** What the package gives for the sample call, here. */
export async function expected() {
  const { sampleRate: rate, channels } = await decodeWav(await readFile(FIXTURE));
  const [user, agent] = channels.map((samples) => ({ samples, rate }));
  return analyze({ user, agent });
}
