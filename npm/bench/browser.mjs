// Headless Chromium with the bench's page, on a server of its own.
import process from "node:process";
import { URL, fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { runtimeFolder } from "./node-side.mjs";
import { serve } from "./serve.mjs";

/**
 * `{ version, doors, call, close }`: `doors` are the paths in the page of `folders` of wasm packages; `call` runs a
 * function of page.mjs in a fresh page and gives its `result` and the files that it `asked` for.
 */
export async function browser({ folders, models }) {
  const doors = Object.fromEntries(Object.keys(folders).map((name) => [name, `/door/${name}`]));
  const served = Object.entries(folders).map(([name, folder]) => [`${doors[name]}/`, folder]);
  const server = await serve({
    "/bench/": fileURLToPath(new URL(".", import.meta.url)),
    "/ort/": runtimeFolder(),
    "/models/": models,
    ...Object.fromEntries(served),
  });
  const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
  const launched = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
  return {
    version: launched.version(),
    doors,
    async call(name, argument) {
      const context = await launched.newContext();
      try {
        const page = await context.newPage();
        await page.goto(`${server.address}/bench/page.html`);
        server.asked.length = 0;
        const result = await page.evaluate(([name, argument]) => globalThis.bench[name](argument), [name, argument]);
        return { result, asked: server.files() };
      } finally {
        await context.close();
      }
    },
    async close() {
      await launched.close();
      server.stop();
    },
  };
}
