// What it takes to begin: time to the first frame and memory in fresh processes and pages, and bytes over the wire.
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { extname, join } from "node:path";
import process from "node:process";
import { URL, fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { PRODUCTS } from "./products.mjs";
import { quantile } from "./schedule.mjs";

const { performance } = globalThis;
const CHILD = fileURLToPath(new URL("child.mjs", import.meta.url));
const LENGTHS = { warmUpHops: 20, bins: 1, hops: 1000 };

const median = (list) => quantile(list, 0.5);

/** A product in a Node process of its own; none gives Node alone. */
export async function inProcess(product, { folders, models }, lengths = LENGTHS) {
  const argument = product
    ? { product, path: join(models, product.file), folder: folders[product.code], lengths }
    : {};
  const start = performance.now();
  const { stdout } = await promisify(execFile)(process.execPath, [CHILD, JSON.stringify(argument)]);
  return { ...JSON.parse(stdout), processMs: performance.now() - start };
}

/** Every product in turn, `repeats` times; medians, memory above that of Node alone. */
export async function loadInNode(places, config, repeats) {
  const alone = [];
  const found = PRODUCTS.map(() => []);
  for (let repeat = 0; repeat < repeats; repeat++) {
    alone.push(await inProcess(undefined, places));
    for (const [i, product] of PRODUCTS.entries()) found[i].push(await inProcess({ ...product, config }, places));
  }
  const of = (list, value) => median(list.map(value));
  const bareBytes = of(alone, ({ peakBytes }) => peakBytes);
  const rows = PRODUCTS.map(({ name }, i) => ({
    name,
    firstFrameMs: of(found[i], (x) => x.firstFrameMs),
    warmMs: of(found[i], (x) => x.warmMs),
    peakBytes: of(found[i], (x) => x.peakBytes) - bareBytes,
    wasmBytes: of(found[i], (x) => x.wasmBytes[1]),
  }));
  return { warmUpHops: LENGTHS.warmUpHops, startMs: of(alone, ({ processMs }) => processMs), bareBytes, rows };
}

/** The same in fresh pages, and what each fetched: bytes after `gzip -9`, by kind. */
export async function loadInPage(chromium, config, repeats) {
  const products = PRODUCTS.filter(({ inPage }) => inPage);
  const found = products.map(() => []);
  for (let repeat = 0; repeat < repeats; repeat++) {
    for (const [i, product] of products.entries()) {
      const argument = { product: { ...product, config }, doors: chromium.doors, lengths: LENGTHS };
      found[i].push(await chromium.call("load", argument));
    }
  }
  return Promise.all(
    products.map(async ({ name }, i) => ({
      name,
      firstFrameMs: median(found[i].map(({ result }) => result.firstFrameMs)),
      warmMs: median(found[i].map(({ result }) => result.warmMs)),
      wire: await wire(found[i][0].asked),
    })),
  );
}

async function wire(files) {
  const sums = { code: 0, model: 0 };
  for (const file of files) {
    const kind = [".onnx", ".safetensors"].includes(extname(file)) ? "model" : "code";
    sums[kind] += gzipSync(await readFile(file), { level: 9 }).length;
  }
  return { ...sums, files };
}
