// The parts of a run, each apart and in this order.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { KERNELS } from "./cast.mjs";
import { SIZES, config } from "./configs.mjs";
import { measureHops } from "./hops.mjs";
import { rooflines } from "./limits.mjs";
import { loadInNode, loadInPage } from "./load.mjs";
import { materials } from "./materials.mjs";
import { door, runtime } from "./node-side.mjs";
import { SILERO } from "./products.mjs";
import { work } from "./sizes.mjs";
import { measureSlices } from "./slices.mjs";
import { recordings, stream, sweep } from "./sweeps.mjs";

export const RUNTIMES = ["onnxruntime-web", "onnxruntime-node"];
const CONTEXTS = [32, 64, 128, 256, 512];
/** How much each part takes; the stream of the full run is an hour. */
export const LENGTHS = {
  full: {
    rounds: 60,
    hops: 50,
    pacedSeconds: 20,
    repeats: 60,
    loads: 11,
    streamHops: 180_000,
    seconds: 60,
  },
  quick: {
    rounds: 10,
    hops: 30,
    pacedSeconds: 3,
    repeats: 20,
    loads: 3,
    streamHops: 9_000,
    seconds: 10,
  },
};

/**
 * Functions by name. `places` are `folders` of wasm packages and that of `models`, `chromium` is the browser, `light`
 * the config of the models.
 */
export function parts(places, chromium, light, lengths) {
  const read = async (name) => new Uint8Array(await readFile(join(places.models, name)));
  const models = () => loaded(["f32", "int8"].map((name) => [name, `light-${name}.safetensors`]), read);
  const doors = () => loaded(Object.entries(places.folders), door);
  const kernels = () => door(places.folders[KERNELS]);
  const sweepOver = async (entries) => sweep(await kernels(), await loaded(entries, (x) => x), lengths);
  return {
    async hops() {
      const runtimes = await loaded(RUNTIMES.map((name) => [name, name]), runtime);
      return measureHops(await doors(), runtimes, materials(light, await read(SILERO)), lengths);
    },
    async page() {
      return (await chromium.call("hops", { doors: chromium.doors, config: light, lengths })).result;
    },
    limits: () => rooflines({ f32: work(light, "f32"), int8: work(light, "int8") }, lengths.repeats),
    load: () => loadInNode(places, light, lengths.loads),
    loadPage: () => loadInPage(chromium, light, lengths.loads),
    contexts: () => sweepOver(CONTEXTS.map((frames) => [frames, config("light", { context_frames: frames })])),
    sizes: () => sweepOver(SIZES.map((name) => [name, config(name)])),
    stream: () => stream(places, lengths.streamHops),
    recordings: async () => recordings(await doors(), await models(), lengths.seconds),
    async slices() {
      const { seconds } = lengths;
      const node = measureSlices(await kernels(), (await models()).int8, seconds);
      const argument = { path: chromium.doors[KERNELS], file: "light-int8.safetensors", seconds };
      return { node, page: (await chromium.call("slices", argument)).result };
    },
  };
}

/** Entries with their values worked one after the other. */
async function loaded(entries, load) {
  const list = {};
  for (const [name, value] of entries) list[name] = await load(await value);
  return list;
}
