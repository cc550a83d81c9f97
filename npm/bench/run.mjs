// `node npm/bench/run.mjs --burn FOLDER --kernels FOLDER [--out FOLDER] [--parts LIST] [--quick]`: what a hop costs,
// beside what else could do the work, on one thread. A folder holds `vap_wasm.js` and `vap_wasm_bg.wasm`; CHROMIUM
// names the browser. Out: `bench.json`, `bench.md`, and the models as files in `models/`.
import { readFile, writeFile } from "node:fs/promises";
import { cpus } from "node:os";
import { join, resolve } from "node:path";
import process from "node:process";
import { URL } from "node:url";
import { parseArgs } from "node:util";
import { browser } from "./browser.mjs";
import { BURN, KERNELS } from "./cast.mjs";
import { config } from "./configs.mjs";
import { writeModels } from "./model-files.mjs";
import { LENGTHS, RUNTIMES, parts } from "./parts.mjs";
import { markdown } from "./report.mjs";

const { values: options } = parseArgs({
  options: {
    burn: { type: "string" },
    kernels: { type: "string" },
    out: { type: "string", default: "." },
    parts: { type: "string" },
    quick: { type: "boolean", default: false },
  },
});
if (!options.burn || !options.kernels) throw new Error("expected --burn FOLDER and --kernels FOLDER");
const places = {
  folders: { [BURN]: resolve(options.burn), [KERNELS]: resolve(options.kernels) },
  models: resolve(options.out, "models"),
};
const light = await config("light");
await writeModels(light, places.models);
const chromium = await browser(places);
const result = { machine: await machine() };
try {
  const all = parts(places, chromium, light, LENGTHS[options.quick ? "quick" : "full"]);
  for (const name of options.parts?.split(",") ?? Object.keys(all)) {
    if (!all[name]) throw new Error(`expected parts among ${Object.keys(all).join()}, found ${name}`);
    process.stderr.write(`${name}\n`);
    result[name] = await all[name]();
  }
} finally {
  await chromium.close();
}
await writeFile(join(options.out, "bench.json"), `${JSON.stringify(result, null, 1)}\n`);
await writeFile(join(options.out, "bench.md"), markdown(result));
process.stdout.write(markdown(result));

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
