// The packed package in a page: by each bundler and by none, under a strict Content-Security-Policy wherever it is built.
import assert from "node:assert/strict";
import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { before, test } from "node:test";
import { gzipSync } from "node:zlib";
import { POLICY } from "../../www/serve.js";
import { eventsOf, excerpt, fresh, open, serve, tool } from "./support.js";

const PATIENCE = { timeout: 90_000 };
const LARGEST_WIRE_BYTES = 2_000_000;
const STRICT = { "Content-Security-Policy": POLICY };
const PAGE = '<!doctype html><title>trial</title><link rel="icon" href="data:,"><script type="module" src="./app.js"></script>';

let call;
let expected;
before(async () => {
  call = await excerpt(34, 46);
  expected = await eventsOf(call);
  assert.ok(expected.length > 10);
});

/** A fresh folder with the package and the app. */
async function app(page = PAGE) {
  const home = await fresh({ files: { "index.html": page, "app.js": await readFile(new URL("app.js", import.meta.url)) } });
  await writeFile(join(home, "call.wav"), call);
  return home;
}

/** The page and the call beside what was built. */
async function finish(built) {
  await writeFile(join(built, "index.html"), PAGE);
  await writeFile(join(built, "call.wav"), call);
}

/** Loads the page, and holds what it is told to what Node is. */
async function works(t, address, load) {
  const { page, wrong } = await open(t, address);
  await page.waitForFunction(() => globalThis.trial);
  const { events, worker, worklet } = await page.evaluate((load) => globalThis.trial(load), load);
  assert.deepEqual(events, expected);
  for (const told of [worker, worklet]) {
    for (const name of ["user speechStart", "agent speechStart"]) assert.ok(told.includes(name), told.join(", "));
  }
  assert.deepEqual(wrong, []);
}

/** A logger for Vite that keeps what it warns of. */
function keeping(warnings) {
  const keep = (text) => warnings.push(text);
  return { info() {}, warn: keep, warnOnce: keep, error: keep, clearScreen() {}, hasErrorLogged: () => false, hasWarned: false };
}

test("Vite, dev", PATIENCE, async (t) => {
  const { createServer } = await tool("vite");
  const warnings = [];
  const server = await createServer({
    root: await app(),
    configFile: false,
    customLogger: keeping(warnings),
    server: { host: "127.0.0.1", port: 0, hmr: false, watch: null },
  });
  await server.listen();
  t.after(() => server.close());
  await works(t, server.resolvedUrls.local[0]);
  assert.deepEqual(warnings, []);
});

test("Vite, build", PATIENCE, async (t) => {
  const { build } = await tool("vite");
  const home = await app();
  const warnings = [];
  await build({ root: home, configFile: false, customLogger: keeping(warnings) });
  await writeFile(join(home, "dist", "call.wav"), call);
  assert.deepEqual(warnings, []);
  const { address, asked } = await serve(t, join(home, "dist"), STRICT);
  await works(t, address);
  const code = [...new Set(asked)].filter((path) => path.endsWith(".js")).map((path) => readFile(join(home, "dist", path), "utf8"));
  for (const text of await Promise.all(code)) assert.doesNotMatch(text, /vap_gpu/);
});

test("webpack", PATIENCE, async (t) => {
  const { default: webpack } = await tool("webpack");
  const home = await app();
  const output = { path: join(home, "dist"), filename: "app.js" };
  const compiler = webpack({ mode: "production", context: home, entry: "./app.js", output, performance: false });
  const stats = await new Promise((resolve, reject) => compiler.run((error, stats) => (error ? reject(error) : resolve(stats))));
  const { errors, warnings } = stats.toJson({ all: false, errors: true, warnings: true });
  assert.deepEqual([...errors, ...warnings].map(({ message }) => message), []);
  await finish(output.path);
  await works(t, (await serve(t, output.path, STRICT)).address);
});

test("esbuild, with the package's files copied and named by assetBase", PATIENCE, async (t) => {
  const { build } = await tool("esbuild");
  const home = await app();
  const built = join(home, "dist");
  const options = { entryPoints: [join(home, "app.js")], bundle: true, format: "esm", minify: true, outdir: built };
  const { warnings } = await build({ ...options, logLevel: "silent" });
  assert.deepEqual(warnings, []);
  const { exports } = JSON.parse(await readFile(join(home, "node_modules/vap-turn/package.json"), "utf8"));
  await mkdir(join(built, "vap-turn"));
  const copied = ["./worklet.js", "./capture.js", "./worker.js", "./core.wasm", "./optimized.safetensors"];
  for (const target of copied.map((name) => exports[name].default ?? exports[name])) {
    await cp(join(home, "node_modules/vap-turn", target), join(built, "vap-turn", target.split("/").at(-1)));
  }
  await finish(built);
  await works(t, (await serve(t, built, STRICT)).address, { assetBase: "/vap-turn" });
});

test("no bundler", PATIENCE, async (t) => {
  const home = await app();
  const bare = await readFile(join(home, "app.js"), "utf8");
  await writeFile(join(home, "app.js"), bare.replace('"vap-turn"', '"./node_modules/vap-turn/dist/index.js"'));
  const { address, asked } = await serve(t, home, STRICT);
  await works(t, address);
  // Every file of the package that a page can need, of both runners.
  const files = [...new Set(asked)].filter((path) => path.startsWith("/node_modules/"));
  const sizes = await Promise.all(files.map(async (path) => gzipSync(await readFile(join(home, path)), { level: 9 }).length));
  const wireBytes = sizes.reduce((sum, bytes) => sum + bytes, 0);
  assert.ok(files.length > 10 && wireBytes < LARGEST_WIRE_BYTES, `${files.length} files, ${wireBytes} bytes in gzip`);
});

test("another origin: the package from a server that allows it, the page on its own", PATIENCE, async (t) => {
  const home = await app();
  const there = await serve(t, join(home, "node_modules/vap-turn"), { "Access-Control-Allow-Origin": "*" });
  const bare = await readFile(join(home, "app.js"), "utf8");
  await writeFile(join(home, "app.js"), bare.replace('"vap-turn"', JSON.stringify(`${there.address}dist/index.js`)));
  await works(t, (await serve(t, home)).address);
});
