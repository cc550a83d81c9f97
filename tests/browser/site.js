// A server for the tests of live listening: the built package and the sample call on an empty page, under headers that
// the first folder of the path chooses.
import { POLICY } from "../../www/serve.js";
import { serveFiles } from "../../www/static.js";
import { launch } from "./browsers.js";

const ROOT = new URL("../../", import.meta.url);
const SERVED = /^(npm\/dist|npm\/models|tests\/fixtures|tests\/browser)(\/[\w-]+)*\/[\w-]+(\.[\w-]+)*$/;
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

function find(pathname, files) {
  const [, site, ...rest] = pathname.split("/");
  const headers = { ...HEADERS[site], "Cache-Control": "no-store" };
  const path = rest.join("/");
  if (path === "") return { body: EMPTY, headers: { ...headers, "Content-Type": "text/html; charset=utf-8" } };
  if (path in files) return { body: files[path], headers };
  return SERVED.test(path) ? { file: new URL(path, ROOT), headers } : { headers };
}

/**
 * A browser and the site, with `files` (text by path) beside those of the repository; `page(folder)` opens an empty page under the headers of that folder,
 * after `script` has logged "ready", where there is one. What a test evaluates counts as a gesture of the person, a script does not.
 */
export async function start({ files = {}, ...browserOptions } = {}) {
  const served = { ...BROKEN, ...files };
  const { address, stop: halt } = await serveFiles((pathname) => find(pathname, served));
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
    halt();
  };
  return { page, stop, address };
}
