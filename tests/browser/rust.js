// `node tests/browser/rust.js URL`: opens what wasm-bindgen's test runner serves there, and says what came of the tests.
import process from "node:process";
import { BROWSER, launch } from "./browsers.js";

const PATIENCE_MS = 60_000;

const [url] = process.argv.slice(2);
const browser = await launch();
try {
  const page = await browser.newPage();
  page.on("pageerror", (error) => console.error(String(error)));
  // The runner makes the files that it serves only once it is started.
  for (const end = Date.now() + PATIENCE_MS; ; await new Promise((resume) => setTimeout(resume, 100))) {
    try {
      await page.goto(url);
      break;
    } catch (error) {
      if (Date.now() > end) throw error;
    }
  }
  const output = page.locator("#output");
  await output.filter({ hasText: "test result: " }).waitFor({ timeout: PATIENCE_MS }).catch(() => undefined);
  const text = await output.textContent();
  console.log(`${BROWSER}, ${browser.version()}:\n${text}`);
  process.exitCode = text.includes("test result: ok") ? 0 : 1;
} finally {
  await browser.close();
}
