// The package's own files, wherever they lie and in whatever form they come.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { copyFile, readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { TurnModel, VapTurnError } from "../dist/index.js";
import { MODEL, folder } from "./support.js";

const WASM = new URL("../dist/wasm/vap_wasm_bg.wasm", import.meta.url);

const failsWith = (code, says) => (error) => error instanceof VapTurnError && error.code === code && says.test(error.message);

/** What `call`, an expression, gives in a process of its own: the wasm binary is loaded once a process. */
async function inProcess(call, ...words) {
  const index = new URL("../dist/index.js", import.meta.url);
  const code = `import * as vap from ${JSON.stringify(index)}; const [base] = process.argv.slice(1); console.log(await ${call});`;
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", code, ...words]);
  return stdout.trim();
}

test("a folder is named by its path or URL, with a slash or without", async (t) => {
  const home = await folder(t);
  await copyFile(WASM, join(home, "vap_wasm_bg.wasm"));
  await copyFile(MODEL, join(home, "optimized.safetensors"));
  const { parameters } = (await TurnModel.load()).info;
  const load = "vap.TurnModel.load({ assetBase: base }).then(({ info }) => info.parameters)";
  for (const base of [home, `${home}/`, pathToFileURL(home).href, `${pathToFileURL(home)}/`]) {
    assert.equal(await inProcess(load, base), String(parameters));
  }
  const create = "vap.TurnDetector.create({ rate: 16000, assetBase: base }).then(({ info }) => info.userRate)";
  assert.equal(await inProcess(create, home), "16000");
});

test("a folder that lacks them is told", async (t) => {
  const home = await folder(t);
  const code = "catch(({ code, message }) => code + ' ' + message.includes(base))";
  assert.equal(await inProcess(`vap.TurnModel.load({ assetBase: base }).${code}`, home), "load true");
  assert.equal(await inProcess(`vap.decodeWav(new Uint8Array(), { assetBase: base }).${code}`, home), "load true");
  for (const assetBase of [5, null, {}, "https://"]) await assert.rejects(TurnModel.load({ assetBase }), failsWith("option", /assetBase/));
});

test("bytes come as a buffer or any view of one", async () => {
  const bytes = await readFile(MODEL);
  const { buffer } = new Uint8Array(bytes);
  const within = new Uint8Array(bytes.length + 8);
  within.set(bytes, 4);
  for (const model of [buffer, new DataView(buffer), within.subarray(4, bytes.length + 4), bytes]) {
    const loaded = await TurnModel.load({ model });
    assert.ok(loaded.info.parameters > 0);
    loaded.close();
  }
  structuredClone(buffer, { transfer: [buffer] });
  await assert.rejects(TurnModel.load({ model: buffer }), failsWith("load", /detached/));
});

test("a response that was read is told", async () => {
  const model = new Response(await readFile(MODEL));
  await model.arrayBuffer();
  await assert.rejects(TurnModel.load({ model }), failsWith("load", /model file/));
});
