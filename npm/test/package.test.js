// The package as others get it: what is in the tarball, that it installs and runs, and that its types hold.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import ts from "typescript";
import { cli, folder, shortCall, wav } from "./support.js";

const execute = promisify(execFile);
const HERE = fileURLToPath(new URL("..", import.meta.url));

test("the tarball holds the product alone, installs without network and runs", async (t) => {
  const home = await folder(t);
  await execute(process.execPath, ["scripts/legal.js"], { cwd: HERE });
  const { stdout } = await execute("npm", ["pack", "--ignore-scripts", "--json", "--pack-destination", home], { cwd: HERE });
  const [{ filename, files }] = JSON.parse(stdout);
  const names = files.map((file) => file.path).sort();
  for (const name of ["dist/cli/main.js", "dist/index.js", "dist/index.d.ts", "dist/node.js", "dist/wasm/vap_wasm.js", "dist/wasm/vap_wasm_bg.wasm", "dist/worklet.js", "dist/capture.js", "dist/worker.js", "dist/pool/worker.js", "dist/gpu-worker.js", "dist/gpu/vap_gpu.js", "dist/gpu/vap_gpu_bg.wasm", "models/optimized.safetensors", "README.md", "CHANGELOG.md"]) {
    assert.ok(names.includes(name), `${name} is missing`);
  }
  assert.ok(names.some((name) => name.startsWith("LICENSE")), "no licence");
  const allowed = /^(dist\/([\w-]+\/)?[\w-]+\.(js|d\.ts)|dist\/(wasm|gpu)\/vap_(wasm|gpu)_bg\.wasm|models\/[\w.-]+|(LICENSE|NOTICE)[\w.-]*|README\.md|CHANGELOG\.md|package\.json)$/;
  assert.deepEqual(names.filter((name) => !allowed.test(name)), []);

  await writeFile(join(home, "package.json"), '{"private":true,"type":"module"}');
  await execute("npm", ["install", "--offline", "--no-audit", "--no-fund", join(home, filename)], { cwd: home });
  const { user, agent } = await shortCall();
  await writeFile(join(home, "call.wav"), wav([user.samples, agent.samples], 8000));
  const command = process.platform === "win32" ? "vap-turn.cmd" : "vap-turn";
  const installed = await execute(join(home, "node_modules", ".bin", command), ["analyze", "call.wav", "--json"], { cwd: home });
  assert.equal(installed.stdout, (await cli("analyze", join(home, "call.wav"), "--json")).stdout);
  const asked = 'import("vap-turn").then((m) => console.log(typeof m.TurnDetector, typeof require("vap-turn").analyze))';
  const loaded = await execute(process.execPath, ["--no-warnings", "--input-type=commonjs", "-e", asked], { cwd: home });
  assert.equal(loaded.stdout, "function function\n");
});

test("publint finds nothing", async () => {
  const { messages } = await publint({ pkgDir: HERE, strict: true });
  const manifest = JSON.parse(await readFile(join(HERE, "package.json"), "utf8"));
  assert.deepEqual(messages.map((message) => formatMessage(message, manifest)), []);
});

test("there are no dependencies and no install scripts, and no lockfile names a registry", async () => {
  const manifest = JSON.parse(await readFile(join(HERE, "package.json"), "utf8"));
  for (const field of ["dependencies", "optionalDependencies", "peerDependencies"]) assert.equal(manifest[field], undefined);
  for (const script of ["preinstall", "install", "postinstall", "prepare"]) assert.equal(manifest.scripts[script], undefined);
  for (const version of Object.values(manifest.devDependencies)) assert.match(version, /^\d+\.\d+\.\d+$/);
  for (const folder of [".", "bench", "../tests/consumers"]) {
    assert.ok(!(await readFile(join(HERE, folder, "package-lock.json"), "utf8")).includes('"resolved"'), folder);
  }
});

test("every option says what it is, and a default where it may be left out", async () => {
  const silent = [];
  // What wasm-bindgen declares is no one's to use.
  for (const name of (await readdir(join(HERE, "dist"), { recursive: true })).filter((name) => /(^|[/\\])(?!vap_)[\w-]+\.d\.ts$/.test(name))) {
    const source = ts.createSourceFile(name, await readFile(join(HERE, "dist", name), "utf8"), ts.ScriptTarget.ES2022, true);
    for (const declared of source.statements.filter(ts.isInterfaceDeclaration)) {
      if (!declared.name.text.endsWith("Options")) continue;
      for (const option of declared.members) {
        const told = ts.getJSDocCommentsAndTags(option).map((comment) => comment.getText()).join(" ");
        const holds = option.questionToken ? /default|instead of|left out/.test(told) : told;
        if (!holds) silent.push(`${declared.name.text}.${option.name.getText()}`);
      }
    }
  }
  assert.deepEqual(silent, []);
});

test("the types hold for a program that uses them", async () => {
  const strict = ["--strict", "--noUncheckedIndexedAccess", "--exactOptionalPropertyTypes", "--skipLibCheck", "false"];
  const target = ["--target", "es2022", "--module", "nodenext", "--lib", "es2022,dom"];
  const tsc = join(HERE, "node_modules", "typescript", "bin", "tsc");
  await execute(process.execPath, [tsc, "--ignoreConfig", "--noEmit", ...strict, ...target, "test/consumer.ts"], { cwd: HERE }).catch((error) => {
    assert.fail(error.stdout);
  });
});
