// What a hop costs as models grow, and as a stream does; and whole recordings. In Node.
import { BURN, KERNELS, storages } from "./cast.mjs";
import { rooflines } from "./limits.mjs";
import { inProcess } from "./load.mjs";
import { randomModel } from "./model.mjs";
import { PRODUCTS } from "./products.mjs";
import { talk } from "./random.mjs";
import { Ours } from "./runners.mjs";
import { paired, summary } from "./schedule.mjs";
import { HOP_MS, work } from "./sizes.mjs";

const { performance } = globalThis;

const RATE_HZ = 16_000;
const SECONDS = 20;
/** More than the longest context of any sweep. */
const WARM_UP_HOPS = 600;
/** A stream is told in as many means: of an hour, each of five minutes. */
const BINS = 12;

/** Kernels on models of these configs (`{ [name]: config }`) side by side; a row for each, with both storages. */
export async function sweep(door, configs, { rounds, hops, repeats }) {
  const sound = [1, 2].map((seed) => talk(seed, RATE_HZ, SECONDS));
  const all = Object.entries(configs).flatMap(([name, config]) => {
    return storages(KERNELS).map((storage) => {
      const runner = new Ours(door, randomModel(config, storage), sound, RATE_HZ);
      return { name: `${name} ${storage}`, storage, runner, hop: (i) => runner.hop(i), work: work(config, storage) };
    });
  });
  const times = await paired(all, { warmUpHops: WARM_UP_HOPS, rounds, hops });
  for (const { runner } of all) runner.free();
  const roofs = await rooflines(Object.fromEntries(all.map(({ name, work }) => [name, work])), repeats);
  return Object.keys(configs).map((name) => {
    const of = (storage) => [storage, { ...summary(times[`${name} ${storage}`]), roof: roofs[`${name} ${storage}`] }];
    return { name, ...Object.fromEntries(storages(KERNELS).map(of)) };
  });
}

/**
 * One stream through the kernels for `hops` hops in a process of its own, by storage: mean ms a hop, and wasm memory
 * at both ends.
 */
export async function stream(places, hops) {
  const lengths = { warmUpHops: WARM_UP_HOPS, bins: BINS, hops: hops / BINS };
  const rows = [];
  for (const product of PRODUCTS.filter(({ code }) => code === KERNELS)) {
    const { meanMs, wasmBytes } = await inProcess(product, places, lengths);
    rows.push({ name: product.name, minutes: (hops * HOP_MS) / 60_000, meanMs, wasmBytes });
  }
  return rows;
}

/** Minutes of sound worked in a second when a recording comes a second at a time, as `analyze` takes it. */
export function recordings(doors, models, seconds) {
  const sound = [3, 4].map((seed) => talk(seed, RATE_HZ, seconds));
  return Object.entries(doors).flatMap(([name, door]) => {
    return storages(name).map((storage) => {
      const runner = new Ours(door, models[storage], sound, RATE_HZ, { burn: name === BURN, stepMs: 1000 });
      const start = performance.now();
      for (let second = 0; second < seconds; second++) runner.hop(second);
      const taken = (performance.now() - start) / 1000;
      runner.free();
      return { name: `${name} ${storage}`, minutesASecond: seconds / 60 / taken };
    });
  });
}
