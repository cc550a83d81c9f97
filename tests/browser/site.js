// A server for the tests of live listening: the built package and the sample call on an empty page, under headers that
// the first folder of the path chooses.
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname } from "node:path";
import { POLICY } from "../../www/serve.js";
import { launch } from "./browsers.js";

const ROOT = new URL("../../", import.meta.url);
const SERVED = /^(npm\/dist|npm\/models|tests\/fixtures|tests\/browser)(\/[\w-]+)*\/[\w-]+(\.[\w-]+)*$/;
const TYPES = { ".js": "text/javascript", ".wasm": "application/wasm", ".html": "text/html; charset=utf-8" };
const EMPTY = '<!doctype html><title>test</title><link rel="icon" href="data:,">';
const ISOLATION = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
  "Cross-Origin-Resource-Policy": "same-origin",
};

/** What the pages below a folder are sent with. */
const HEADERS = {
  plain: { "Content-Security-Policy": POLICY },
  isolated: { "Content-Security-Policy": POLICY, ...ISOLATION },
  nowasm: { "Content-Security-Policy": POLICY.replace(" 'wasm-unsafe-eval'", "") },
};

/** Files that are not what their name says. */
const BROKEN = { "broken/model.safetensors": "no model" };

async function answer({ url }, response, files) {
  const [, site, ...rest] = new URL(url, "http://localhost").pathname.split("/");
  const headers = { ...HEADERS[site], "Cache-Control": "no-store" };
  const path = rest.join("/");
  if (path === "") return response.writeHead(200, { ...headers, "Content-Type": TYPES[".html"] }).end(EMPTY);
  const body = files[path] ?? (SERVED.test(path) ? await readFile(new URL(path, ROOT)).catch(() => undefined) : undefined);
  if (!body) return response.writeHead(404, headers).end();
  return response.writeHead(200, { ...headers, "Content-Type": TYPES[extname(path)] ?? "application/octet-stream" }).end(body);
}

/**
 * A browser and the site, with `files` (text by path) beside those of the repository; `page(folder)` opens an empty page under the headers of that folder,
 * after `script` has logged "ready", where there is one. What a test evaluates counts as a gesture of the person, a script does not.
 */
export async function start({ files = {}, ...browserOptions } = {}) {
  const served = { ...BROKEN, ...files };
  const server = createServer((request, response) => void answer(request, response, served));
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = `http://127.0.0.1:${server.address().port}`;
  const browser = await launch(browserOptions);
  const page = async (folder, { script } = {}) => {
    const context = await browser.newContext();
    if (script) await context.addInitScript(script);
    const page = await context.newPage();
    page.on("close", () => void context.close().catch(() => undefined));
    const said = script && page.waitForEvent("console", (message) => message.text() === "ready");
    await page.goto(`${address}/${folder}/`);
    await said;
    return page;
  };
  const stop = async () => {
    await browser.close();
    server.close();
    server.closeAllConnections();
  };
  return { page, stop, address };
}
