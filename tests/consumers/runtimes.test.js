// The packed package outside a page: Node by import and by require, Deno, Bun, and pages rendered on a server.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { eventsOf, excerpt, execute, fresh, tool } from "./support.js";

const BODY = `
(async () => {
  const { sampleRate: rate, channels } = await decodeWav(readFileSync("call.wav"));
  const [user, agent] = channels.map((samples) => ({ samples, rate }));
  const refusal = await listen({ user: "microphone" }).catch(({ name, code }) => name + " " + code);
  const { events } = await analyze({ user, agent });
  console.log(JSON.stringify({ refusal, events }));
})();
`;
const NAMES = "{ analyze, decodeWav, listen }";
const FILES = {
  "app.mjs": `import { readFileSync } from "node:fs";\nimport ${NAMES} from "vap-turn";\n${BODY}`,
  "app.cjs": `const { readFileSync } = require("node:fs");\nconst ${NAMES} = require("vap-turn");\n${BODY}`,
};

let call;
let expected;
before(async () => {
  call = await excerpt(34, 46);
  expected = await eventsOf(call);
});

async function app() {
  const home = await fresh({ files: FILES });
  await writeFile(join(home, "call.wav"), call);
  return home;
}

/** Runs a program in the folder, and holds what it prints to what the built package tells. */
async function works(cwd, program, ...words) {
  const { stdout, stderr } = await execute(program, words, { cwd, maxBuffer: 1 << 24, env: { ...process.env, DENO_DIR: join(cwd, ".deno"), NO_COLOR: "1" } });
  const { refusal, events } = JSON.parse(stdout);
  assert.deepEqual(events, expected);
  assert.equal(refusal, "VapTurnError context");
  return stderr;
}

test("Node, import", async () => assert.equal(await works(await app(), process.execPath, "app.mjs"), ""));

test("Node, require", async () => {
  // Node 20 says that require of a module is experimental.
  assert.equal(await works(await app(), process.execPath, "--disable-warning=ExperimentalWarning", "app.cjs"), "");
});

/** The binary of a runtime, as its npm package for this machine brings it. */
async function binary(path) {
  const file = fileURLToPath(new URL(`node_modules/${path}`, import.meta.url));
  return existsSync(file) ? file : undefined;
}

const [cpu, windows] = [process.arch === "arm64" ? ["arm64", "aarch64"] : ["x64", "x64"], process.platform === "win32"];
const deno = await binary(`@deno/${process.platform}-${cpu[0]}${process.platform === "linux" ? "-glibc" : ""}/deno${windows ? ".exe" : ""}`);
const bun = await binary(`@oven/bun-${process.platform === "win32" ? "windows" : process.platform}-${cpu[1]}/bin/bun${windows ? ".exe" : ""}`);

test("Deno", { skip: deno ? false : "npm has no Deno for this machine" }, async () => {
  await works(await app(), deno, "run", "--quiet", "--cached-only", "--allow-read", "app.mjs");
});

test("Bun", { skip: bun ? false : "npm has no Bun for this machine" }, async () => {
  await works(await app(), bun, "run", "app.mjs");
});

test("both entries export the same names", async () => {
  const names = async (entry) => Object.keys(await import(`../../npm/dist/${entry}.js`)).sort();
  assert.deepEqual(await names("node"), await names("index"));
});

const PAGE = `
import { PcmInput, TurnSession, VapTurnError, listen } from "vap-turn";
export const render = async () => {
  const refusal = await listen({ user: new PcmInput({ rate: 16000 }) }).catch((error) => error);
  return [typeof TurnSession, refusal instanceof VapTurnError, refusal.code].join(" ");
};
`;

async function renders(file) {
  assert.equal(await (await import(file)).render(), "function true context");
}

test("Vite renders on a server", async () => {
  const { build } = await tool("vite");
  const home = await fresh({ files: { "page.js": PAGE } });
  await build({ root: home, configFile: false, logLevel: "silent", build: { ssr: "page.js", outDir: "dist" } });
  await renders(join(home, "dist", "page.mjs"));
});

test("webpack renders on a server, without scripts of a page in its bundle", async () => {
  const { default: webpack } = await tool("webpack");
  const home = await fresh({ files: { "page.js": PAGE } });
  const output = { path: join(home, "dist"), filename: "page.mjs", library: { type: "module" } };
  const options = { mode: "production", target: "node20", context: home, entry: "./page.js", experiments: { outputModule: true } };
  const stats = await new Promise((resolve, reject) => {
    webpack({ ...options, output, performance: false }).run((error, stats) => (error ? reject(error) : resolve(stats)));
  });
  const { errors, warnings, assets } = stats.toJson({ all: false, errors: true, warnings: true, assets: true });
  assert.deepEqual([...errors, ...warnings].map(({ message }) => message), []);
  assert.deepEqual(assets.filter(({ info }) => /(worklet|capture)\.js$/.test(info.sourceFilename)), []);
  await renders(join(home, "dist", "page.mjs"));
});
