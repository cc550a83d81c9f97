// After tsc: the files that run on other threads become one file each, without imports, so that they can be copied and
// loaded as they are. They are padded above 4 KiB, below which Vite would turn them into `data:` addresses, which a
// strict Content-Security-Policy refuses.
import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const LEAST_BYTES = 4097;

for (const name of ["worklet", "capture", "worker"]) {
  const file = fileURLToPath(new URL(`../dist/${name}.js`, import.meta.url));
  await build({
    entryPoints: [file],
    outfile: file,
    allowOverwrite: true,
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
}
