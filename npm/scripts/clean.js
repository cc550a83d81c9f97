// Before tsc: what an earlier build left in dist goes, so that no file of an old name is packed; what cargo and
// wasm-bindgen made stays.
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const dist = fileURLToPath(new URL("../dist", import.meta.url));
const built = await readdir(dist, { recursive: true, withFileTypes: true }).catch(() => []);
for (const { name, parentPath } of built.filter((entry) => entry.isFile())) {
  if (!/^vap_(wasm|gpu)[._]/.test(name)) await rm(join(parentPath, name));
}
