// `node npm/bench/run.mjs --burn FOLDER --kernels FOLDER [--out FOLDER] [--parts LIST] [--quick]`: what a hop costs,
// beside what else could do the work, on one thread. A folder holds `vap_wasm.js` and `vap_wasm_bg.wasm`; CHROMIUM
// names the browser. Out: `bench.json` and `bench.md`.
import { readFile, writeFile } from "node:fs/promises";
import { cpus } from "node:os";
import { join, resolve } from "node:path";
import process from "node:process";
import { URL } from "node:url";
import { parseArgs } from "node:util";
import { browser } from "./browser.mjs";
import { BURN, KERNELS } from "./cast.mjs";
import { config } from "./configs.mjs";
import { measureHops } from "./hops.mjs";
import { rooflines } from "./limits.mjs";
import { loadInNode, loadInPage } from "./load.mjs";
import { materials } from "./materials.mjs";
import { writeModels } from "./model-files.mjs";
import { door, runtime, sileroPath } from "./node-side.mjs";
import { markdown } from "./report.mjs";
import { work } from "./sizes.mjs";

const RUNTIMES = ["onnxruntime-web", "onnxruntime-node"];
const LENGTHS = {
  full: { rounds: 60, hops: 50, pacedSeconds: 20, repeats: 60, loads: 11 },
  quick: { rounds: 10, hops: 30, pacedSeconds: 3, repeats: 20, loads: 3 },
};
/** What is measured, in this order. */
const PARTS = {
  hops: hopsInNode,
  page: hopsInPage,
  limits,
  load: () => loadInNode(places, light, lengths.loads),
  loadPage: () => loadInPage(chromium, light, lengths.loads),
};

const { values: options } = parseArgs({
  options: {
    burn: { type: "string" },
    kernels: { type: "string" },
    out: { type: "string", default: "." },
    parts: { type: "string", default: Object.keys(PARTS).join() },
    quick: { type: "boolean", default: false },
  },
});
if (!options.burn || !options.kernels) throw new Error("expected --burn FOLDER and --kernels FOLDER");
const places = {
  folders: { [BURN]: resolve(options.burn), [KERNELS]: resolve(options.kernels) },
  models: resolve(options.out, "models"),
};
const lengths = LENGTHS[options.quick ? "quick" : "full"];
const light = await config("light");
await writeModels(light, places.models);
const chromium = await browser(places);
const result = { machine: await machine() };
try {
  for (const part of options.parts.split(",")) {
    if (!PARTS[part]) throw new Error(`expected parts of ${Object.keys(PARTS).join()}, found ${part}`);
    process.stderr.write(`${part}\n`);
    result[part] = await PARTS[part]();
  }
} finally {
  await chromium.close();
}
await writeFile(join(options.out, "bench.json"), `${JSON.stringify(result, null, 1)}\n`);
await writeFile(join(options.out, "bench.md"), markdown(result));
process.stdout.write(markdown(result));

async function hopsInNode() {
  const doors = {};
  for (const [name, folder] of Object.entries(places.folders)) doors[name] = await door(folder);
  const runtimes = {};
  for (const name of RUNTIMES) runtimes[name] = await runtime(name);
  return measureHops(doors, runtimes, materials(light, new Uint8Array(await readFile(sileroPath()))), lengths);
}

async function hopsInPage() {
  return (await chromium.call("hops", { doors: chromium.doors, config: light, lengths })).result;
}

function limits() {
  return rooflines({ f32: work(light, "f32"), int8: work(light, "int8") }, lengths.repeats);
}

async function machine() {
  const { devDependencies: versions } = JSON.parse(await readFile(new URL("package.json", import.meta.url), "utf8"));
  return {
    processor: cpus()[0].model,
    node: process.version,
    chromium: chromium.version,
    packages: Object.fromEntries([...RUNTIMES, "@ricky0123/vad-web"].map((name) => [name, versions[name]])),
    command: ["node", "npm/bench/run.mjs", ...process.argv.slice(2)].join(" "),
  };
}
