// After tsc: the files that run on other threads become one file each, without imports, so that they can be copied and
// loaded as they are. They are padded above 4 KiB, below which Vite would turn them into `data:` addresses, which a
// strict Content-Security-Policy refuses.
import { access, readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const LEAST_BYTES = 4097;

const at = (file) => fileURLToPath(new URL(`../dist/${file}`, import.meta.url));
const names = ["worklet", "capture", "worker"];
// Left out of a build for the CPU alone.
if (await access(at("gpu/vap_gpu.js")).then(() => true, () => false)) names.push("gpu-worker");

for (const name of names) {
  const file = at(`${name}.js`);
  await build({
    entryPoints: [at(`live/threads/${name}.js`)],
    outfile: file,
    bundle: true,
    format: "esm",
    target: "es2022",
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: "none",
    logLevel: "warning",
    // In the wasm glue's own loading, which these files do not use: they compile bytes.
    logOverride: { "empty-import-meta": "silent" },
  });
  const code = await readFile(file, "utf8");
  const missing = LEAST_BYTES - Buffer.byteLength(code);
  if (missing > 0) await writeFile(file, `${code}//${"-".repeat(missing)}\n`);
  await writeFile(at(`${name}.d.ts`), "export {};\n");
}
