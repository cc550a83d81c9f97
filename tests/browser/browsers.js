// The browsers of the tests: headless Chromium, or with BROWSER=firefox a stock Firefox, driven by WebDriver BiDi.
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";

const { chromium, firefox } = createRequire(new URL("../../npm/package.json", import.meta.url))("playwright-core");

/** How long the audio server may take to start. */
const SOUND_PATIENCE_MS = 20_000;
/** The browser that is tested, "chromium" or "firefox". */
export const BROWSER = process.env.BROWSER ?? "chromium";
const LAUNCH = { chromium: launchChromium, firefox: launchFirefox }[BROWSER];
if (!LAUNCH) throw new Error(`BROWSER: expected chromium or firefox, found ${BROWSER}`);

/**
 * A browser; `close()` also ends what it needed. `autoplay` lets sound run without a gesture; `microphone` is "refuse",
 * "grant", or the path of a WAV file that is granted as the microphone (Chromium alone); `webgpu` offers WebGPU also where
 * it runs in software (Chromium alone).
 */
export function launch({ autoplay = false, microphone = "refuse", webgpu = false, ...unknown } = {}) {
  const [name] = Object.keys(unknown);
  if (name !== undefined) throw new Error(`launch: expected autoplay, microphone or webgpu, found ${name}`);
  return LAUNCH({ autoplay, microphone, webgpu });
}

async function launchChromium({ autoplay, microphone, webgpu }) {
  const args = ["--no-sandbox", "--disable-dev-shm-usage", "--use-fake-device-for-media-stream"];
  if (autoplay) args.push("--autoplay-policy=no-user-gesture-required");
  if (webgpu) args.push("--enable-unsafe-webgpu");
  if (microphone !== "refuse") args.push("--use-fake-ui-for-media-stream");
  if (!["refuse", "grant"].includes(microphone)) args.push(`--use-file-for-fake-audio-capture=${microphone}`);
  return chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args });
}

async function launchFirefox({ autoplay, microphone, webgpu }) {
  if (webgpu) throw new Error("Firefox: expected no webgpu");
  if (!["refuse", "grant"].includes(microphone)) throw new Error("Firefox: expected no file as the microphone");
  const sound = await soundServer();
  const browser = await firefox.launch({
    // By BiDi: only a Firefox of Playwright's own speaks its other protocol.
    channel: "moz-firefox",
    executablePath: process.env.FIREFOX ?? "/usr/bin/firefox-esr",
    env: { ...process.env, ...sound.env },
    firefoxUserPrefs: {
      // The panel of a download would take the focus from the page.
      "browser.download.alwaysOpenPanel": false,
      "media.autoplay.default": autoplay ? 0 : 1,
      "media.navigator.streams.fake": true,
      "permissions.default.microphone": microphone === "refuse" ? 2 : 1,
    },
  });
  browser.on("disconnected", () => void sound.stop());
  return browser;
}

/** Firefox runs no AudioContext without an audio device: on Linux it is given a server of its own that plays to nowhere. */
async function soundServer() {
  if (process.platform !== "linux") return { env: {}, stop: () => undefined };
  const folder = await mkdtemp(join(tmpdir(), "vap-turn-sound-"));
  const socket = join(folder, "socket");
  const modules = [`module-native-protocol-unix socket=${socket} auth-anonymous=1`, "module-null-sink"];
  const server = spawn(
    process.env.PULSEAUDIO ?? "pulseaudio",
    ["-n", "--daemonize=no", "--use-pid-file=no", "--exit-idle-time=-1", ...modules.flatMap((module) => ["-L", module])],
    { env: { ...process.env, XDG_RUNTIME_DIR: folder, HOME: folder }, stdio: ["ignore", "ignore", "pipe"] },
  );
  const stop = async () => {
    server.kill();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await listening(server, socket);
  } catch (error) {
    await stop();
    throw error;
  }
  return { env: { PULSE_SERVER: `unix:${socket}` }, stop };
}

/** Until the server takes connections; rejected with what it says when it ends before. */
async function listening(server, socket) {
  let said = "";
  let ended;
  server.stderr.setEncoding("utf8").on("data", (text) => (said = (said + text).slice(-2000)));
  server.once("error", ({ message }) => (ended = `it did not start: ${message}`));
  server.once("close", (code, signal) => (ended ??= `it ended with ${code ?? signal}: ${said}`));
  for (const until = Date.now() + SOUND_PATIENCE_MS; !(await takes(socket)); await new Promise((resume) => setTimeout(resume, 20))) {
    if (ended === undefined && Date.now() > until) ended = `it did not listen within ${SOUND_PATIENCE_MS} ms: ${said}`;
    if (ended !== undefined) throw new Error(`pulseaudio: Firefox needs an audio device, but ${ended}`);
  }
}

function takes(path) {
  return new Promise((resolve) => {
    const connection = connect(path, () => {
      connection.destroy();
      resolve(true);
    });
    connection.once("error", () => resolve(false));
  });
}
