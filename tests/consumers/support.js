// What the trials share: the packed package installed in fresh folders, a server for static files, a browser.
import { execFile } from "node:child_process";
import { rmSync } from "node:fs";
import { cp, mkdtemp, readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { serveFiles } from "../../www/static.js";

export const execute = promisify(execFile);
const PACKAGE = fileURLToPath(new URL("../../npm/", import.meta.url));
export const EXAMPLES = join(PACKAGE, "examples");
export const FIXTURE = fileURLToPath(new URL("../fixtures/call.wav", import.meta.url));
const { chromium } = createRequire(join(PACKAGE, "package.json"))("playwright-core");

/** A bundler or runtime of package.json. */
export async function tool(name) {
  try {
    return await import(name);
  } catch (error) {
    throw new Error("run `npm ci --ignore-scripts` in tests/consumers first, which needs the network", { cause: error });
  }
}

async function folder() {
  const path = await mkdtemp(join(tmpdir(), "vap-turn-consumer-"));
  process.on("exit", () => rmSync(path, { recursive: true, force: true }));
  return path;
}

let packed;
/** Path of the tarball, packed once a test file from what is built. */
export function tarball() {
  return (packed ??= (async () => {
    const home = await folder();
    await execute(process.execPath, [join(PACKAGE, "scripts", "legal.js")]);
    const words = ["pack", "--ignore-scripts", "--json", "--pack-destination", home];
    const { stdout } = await execute("npm", words, { cwd: PACKAGE });
    return join(home, JSON.parse(stdout)[0].filename);
  })());
}

let installed;
/** A fresh folder in which the tarball is installed, with `files` (text by name), or those of the folder `from`. */
export async function fresh({ files = {}, from } = {}) {
  installed ??= (async () => {
    const home = await folder();
    await writeFile(join(home, "package.json"), '{"private":true}');
    await execute("npm", ["install", "--offline", "--no-audit", "--no-fund", await tarball()], { cwd: home });
    return home;
  })();
  const home = await folder();
  await cp(await installed, home, { recursive: true });
  if (from) await cp(from, home, { recursive: true });
  for (const [name, text] of Object.entries(files)) await writeFile(join(home, name), text);
  return home;
}

const HEADER_BYTES = 44;
/** A second of the fixture: 8000 frames of two 16-bit samples. */
const SECOND_BYTES = 32_000;

/** Bytes of a WAV file of seconds `[from, to)` of the fixture. */
export async function excerpt(from, to) {
  return wav(await readFile(FIXTURE), from, to, (frames) => frames);
}

/**
 * One speaker alone in seconds `[from, to)` of the fixture, between silences: what a fake microphone plays again and again.
 */
export async function alone(speaker, from, to, { beforeS = 0, afterS = 0 } = {}) {
  return wav(await readFile(FIXTURE), from, to, (frames) => {
    const [own, other] = speaker === "user" ? [0, 2] : [2, 0];
    for (let at = 0; at < frames.length; at += 4) frames.copy(frames, at + other, at + own, at + own + 2);
    return Buffer.concat([Buffer.alloc(beforeS * SECOND_BYTES), frames, Buffer.alloc(afterS * SECOND_BYTES)]);
  });
}

function wav(fixture, from, to, made) {
  const frames = Buffer.from(fixture.subarray(HEADER_BYTES + from * SECOND_BYTES, HEADER_BYTES + to * SECOND_BYTES));
  const bytes = Buffer.concat([fixture.subarray(0, HEADER_BYTES), made(frames)]);
  bytes.writeUInt32LE(bytes.length - 8, 4);
  bytes.writeUInt32LE(bytes.length - HEADER_BYTES, 40);
  return bytes;
}

/** What the built package tells of a WAV file's bytes: every consumer is told the same. */
export async function eventsOf(bytes) {
  const { analyze, decodeWav } = await import("../../npm/dist/index.js");
  const { sampleRate: rate, channels } = await decodeWav(bytes);
  const [user, agent] = channels.map((samples) => ({ samples, rate }));
  return (await analyze({ user, agent })).events;
}

/** Serves the files of a folder, `asked` lists which; `headers` go with each. */
export async function serve(t, root, headers = {}) {
  const { address, asked, stop } = await serveFiles((pathname) => {
    const path = decodeURIComponent(pathname).replace(/\/$/, "/index.html");
    return path.includes("..") ? undefined : { file: join(root, path), headers };
  });
  t.after(stop);
  return { address: `${address}/`, asked };
}

/** A page at an address, in a browser of its own; its fake microphone plays a WAV file, `wrong` lists what it complained of. */
export async function open(t, address, { microphone } = {}) {
  const args = ["--no-sandbox", "--disable-dev-shm-usage", "--autoplay-policy=no-user-gesture-required"];
  args.push("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream");
  if (microphone) args.push(`--use-file-for-fake-audio-capture=${microphone}`);
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args });
  t.after(() => browser.close());
  const page = await browser.newPage();
  const wrong = [];
  page.on("pageerror", (error) => wrong.push(String(error)));
  page.on("console", (message) => ["error", "warning"].includes(message.type()) && wrong.push(message.text()));
  await page.goto(address);
  return { page, wrong };
}
