// `node npm/bench/run.mjs --burn FOLDER [--kernels FOLDER] [--out FOLDER] [--quick]`: what a hop costs, beside what
// else could do the work, on one thread, in one run. A folder holds `vap_wasm.js` and `vap_wasm_bg.wasm`.
// Out: `bench.json` and `bench.md`.
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { cpus } from "node:os";
import { join, resolve } from "node:path";
import process from "node:process";
import { URL } from "node:url";
import { parseArgs } from "node:util";
import { BURN, KERNELS, cast } from "./cast.mjs";
import { compared, heard } from "./check.mjs";
import { config } from "./configs.mjs";
import { measureLimits, roofline } from "./limits.mjs";
import { limitsWasm } from "./limits-wasm.mjs";
import { materials } from "./materials.mjs";
import { door, runtime } from "./node-side.mjs";
import { markdown } from "./report.mjs";
import { paced, paired, ratio, summary } from "./schedule.mjs";
import { work } from "./sizes.mjs";

const RUNTIMES = ["onnxruntime-web", "onnxruntime-node"];
const SLOW = "onnxruntime-web f32";
const WARM_UP_HOPS = 300;
const LENGTHS = {
  full: { rounds: 60, hops: 50, pacedSeconds: 20, repeats: 60 },
  quick: { rounds: 10, hops: 30, pacedSeconds: 3, repeats: 20 },
};

const { values: options } = parseArgs({
  options: {
    burn: { type: "string" },
    kernels: { type: "string" },
    out: { type: "string", default: "." },
    quick: { type: "boolean", default: false },
  },
});
const lengths = LENGTHS[options.quick ? "quick" : "full"];
const result = { machine: await machine(), light: await light(), limits: await limits() };
await mkdir(options.out, { recursive: true });
await writeFile(join(options.out, "bench.json"), `${JSON.stringify(result, null, 1)}\n`);
await writeFile(join(options.out, "bench.md"), markdown(result));
process.stdout.write(markdown(result));

/** Everything on `light` in this process. */
async function light() {
  const doors = {};
  for (const [name, folder] of [[BURN, options.burn], [KERNELS, options.kernels]]) {
    if (folder) doors[name] = await door(resolve(folder));
  }
  const runtimes = {};
  for (const name of RUNTIMES) runtimes[name] = await runtime(name);
  const size = await config("light");
  const runners = await cast({ doors, runtimes }, await materials(size), { rates: [16_000, 48_000], silero: true });
  const same = compared(await heard(runners, WARM_UP_HOPS));
  const times = await paired(runners, { warmUpHops: WARM_UP_HOPS, ...lengths });
  const sleep = (ms) => new Promise((done) => globalThis.setTimeout(done, ms));
  const live = await paced(runners, { seconds: lengths.pacedSeconds, everyMs: 20 }, sleep);
  return runners.map(({ name, what, stepMs, storage }) => ({
    name,
    what,
    stepMs,
    storage,
    ...summary(times[name]),
    live: summary(live[name]),
    faster: ratio(times[SLOW], times[name]),
    logits: same[name],
  }));
}

/** Rooflines of `light` by this machine's limits in wasm. */
async function limits() {
  const size = await config("light");
  const works = { f32: work(size, 4), int8: work(size, 1) };
  const sizes = Object.fromEntries(Object.entries(works).map(([name, x]) => [name, x.weightBytes + x.cacheBytes]));
  const measured = await measureLimits(await limitsWasm(Math.max(...Object.values(sizes))), sizes, lengths.repeats);
  const hop = (name) => ({ ...works[name], ...roofline(works[name], measured, name) });
  return { measured, f32: hop("f32"), int8: hop("int8") };
}

async function machine() {
  const { devDependencies: versions } = JSON.parse(await readFile(new URL("package.json", import.meta.url), "utf8"));
  return {
    processor: cpus()[0].model,
    node: process.version,
    packages: Object.fromEntries([...RUNTIMES, "@ricky0123/vad-web"].map((name) => [name, versions[name]])),
    command: ["node", "npm/bench/run.mjs", ...process.argv.slice(2)].join(" "),
  };
}
