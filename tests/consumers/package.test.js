// The tarball's types, as every way of resolving them sees them.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { execute, tarball } from "./support.js";

test("attw finds nothing", async () => {
  const { exports } = JSON.parse(await readFile(new URL("../../npm/package.json", import.meta.url), "utf8"));
  // Files that are no code have no types.
  const assets = Object.keys(exports).filter((name) => /\.(wasm|safetensors|json)$/.test(name));
  const attw = join(fileURLToPath(new URL("node_modules", import.meta.url)), "@arethetypeswrong/cli/dist/index.js");
  const words = [attw, await tarball(), "--profile", "esm-only", "--format", "ascii", "--no-color", "--no-emoji", "--exclude-entrypoints", ...assets];
  const { stdout } = await execute(process.execPath, words).catch((error) => assert.fail(error.stdout || error));
  assert.match(stdout, /"vap-turn"\n\nnode16 \(from ESM\): OK \(ESM\)\nbundler: OK/);
});
