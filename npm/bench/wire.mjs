// `node npm/bench/wire.mjs`: what a page fetches until it listens to the microphone, by vap-turn as built in npm/dist and
// by @ricky0123/vad-web with its runtime and model: bytes raw, after `gzip -9` and after `brotli -q 11`. CHROMIUM names
// the browser. Out: a Markdown table, and the files behind each row.
import { readFile } from "node:fs/promises";
import { dirname } from "node:path";
import process from "node:process";
import { URL, fileURLToPath } from "node:url";
import { createRequire } from "node:module";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { chromium } from "playwright-core";
import { runtimeFolder } from "./node-side.mjs";
import { serve } from "./serve.mjs";

const VAD = dirname(createRequire(import.meta.url).resolve("@ricky0123/vad-web/package.json"));
const npm = (folder) => fileURLToPath(new URL(`../${folder}/`, import.meta.url));

/** Served to pages alone; nothing of it is counted. */
const BARE = "/bench/bare.html";
const SERVED = { "/bench/": npm("bench"), "/dist/": npm("dist"), "/models/": npm("models"), "/vad/": `${VAD}/dist`, "/ort/": runtimeFolder() };

/** Runs in the page: listens, as the package's README says. */
async function ours(options) {
  const { listen } = await import("/dist/index.js");
  await listen({ user: "microphone", ...options });
}

/** Runs in the page: listens, as the guide of vad-web says for pages without a bundler. */
async function theirs(options) {
  const { document } = globalThis;
  for (const src of ["/ort/ort.wasm.min.js", "/vad/bundle.min.js"]) {
    await new Promise((onload, onerror) => document.head.append(Object.assign(document.createElement("script"), { src, onload, onerror })));
  }
  const mic = await globalThis.vad.MicVAD.new({ baseAssetPath: "/vad/", onnxWASMBasePath: "/ort/", ...options });
  await mic.start();
  if (!mic.listening) throw new Error("vad-web does not listen");
}

const PAGES = [
  { name: "vap-turn, `runIn: \"worklet\"`", run: ours, options: { runIn: "worklet" } },
  { name: "vap-turn, `runIn: \"worker\"`", run: ours, options: { runIn: "worker" } },
  { name: "vap-turn, as it chooses", run: ours, options: {} },
  { name: "vad-web, `model: \"legacy\"`, its default", run: theirs, options: { model: "legacy" } },
  { name: "vad-web, `model: \"v5\"`", run: theirs, options: { model: "v5" } },
  { name: "vad-web, `model: \"v6\"`", run: theirs, options: { model: "v6" } },
];

const server = await serve(SERVED);
const launch = {
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-dev-shm-usage", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream", "--autoplay-policy=no-user-gesture-required"],
};
const rows = [];
/** Sizes by path: brotli at its best takes long over a runtime. */
const known = new Map();
for (const { name, run, options } of PAGES) {
  const browser = await chromium.launch(launch);
  try {
    const page = await browser.newPage();
    await page.goto(server.address + BARE);
    server.asked.length = 0;
    await page.evaluate(run, options);
    rows.push({ name, ...(await weighed(new Set(server.files()))) });
  } finally {
    await browser.close();
  }
}
server.stop();

async function weighed(paths) {
  const sums = { raw: 0, gzip: 0, brotli: 0 };
  const files = [];
  for (const path of paths) {
    const sizes = known.get(path) ?? sizesOf(await readFile(path));
    known.set(path, sizes);
    for (const kind of Object.keys(sums)) sums[kind] += sizes[kind];
    files.push(`${path.split("/").at(-1)} ${sizes.gzip}`);
  }
  return { sums, files };
}

function sizesOf(bytes) {
  const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length };
  return { raw: bytes.length, gzip: gzipSync(bytes, { level: 9 }).length, brotli: brotliCompressSync(bytes, { params }).length };
}

const mega = (bytes) => (bytes / 1e6).toFixed(2);
const print = (line) => process.stdout.write(`${line}\n`);
print("| a page listens by | files | raw, MB | gzip, MB | brotli, MB |\n|---|---:|---:|---:|---:|");
for (const { name, files, sums } of rows) {
  print(`| ${name} | ${files.length} | ${mega(sums.raw)} | ${mega(sums.gzip)} | ${mega(sums.brotli)} |`);
}
print("\nBytes in gzip:\n");
for (const { name, files } of rows) print(`- ${name}: ${files.join(", ")}`);
