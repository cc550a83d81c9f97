// `node child.mjs '{ "product", "path", "folder", "lengths" }'`: a product in a process of its own; without a product,
// Node alone. Out: a line of JSON.
import { readFile } from "node:fs/promises";
import process from "node:process";
import { door, runtime } from "./node-side.mjs";
import { worked } from "./products.mjs";

const { product, path, folder, lengths } = JSON.parse(process.argv[2]);
const readCode = () => (product.kind === "ours" ? door(folder) : runtime(product.code));
const readModel = async () => new Uint8Array(await readFile(path));
const result = product ? await worked(product, readCode, readModel, lengths) : {};
process.stdout.write(JSON.stringify({ ...result, peakBytes: await peakBytes() }), () => process.exit());

/** Linux counts in `maxRSS` what the parent had when it forked; its high-water mark begins with the program. */
async function peakBytes() {
  const status = await readFile("/proc/self/status", "utf8").catch(() => "");
  const kilobytes = /^VmHWM:\s*(\d+) kB$/m.exec(status)?.[1];
  return Number(kilobytes ?? process.resourceUsage().maxRSS) * 1024;
}
