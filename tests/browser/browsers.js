// The browsers of the tests: headless Chromium, or with BROWSER=firefox a stock Firefox, driven by WebDriver BiDi.
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";

const { chromium, firefox } = createRequire(new URL("../../npm/package.json", import.meta.url))("playwright-core");

/** The browser that is tested, "chromium" or "firefox". */
export const BROWSER = process.env.BROWSER ?? "chromium";
const LAUNCH = { chromium: launchChromium, firefox: launchFirefox }[BROWSER];
if (!LAUNCH) throw new Error(`BROWSER: expected chromium or firefox, found ${BROWSER}`);

/**
 * A browser; `close()` also ends what it needed. `autoplay` lets sound run without a gesture; `microphone` is "refuse",
 * "grant", or the path of a WAV file that is granted as the microphone (Chromium alone).
 */
export function launch({ autoplay = false, microphone = "refuse" } = {}) {
  return LAUNCH({ autoplay, microphone });
}

async function launchChromium({ autoplay, microphone }) {
  const args = ["--no-sandbox", "--disable-dev-shm-usage", "--use-fake-device-for-media-stream"];
  if (autoplay) args.push("--autoplay-policy=no-user-gesture-required");
  if (microphone !== "refuse") args.push("--use-fake-ui-for-media-stream");
  if (!["refuse", "grant"].includes(microphone)) args.push(`--use-file-for-fake-audio-capture=${microphone}`);
  return chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args });
}

async function launchFirefox({ autoplay, microphone }) {
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
    { env: { ...process.env, XDG_RUNTIME_DIR: folder, HOME: folder }, stdio: "ignore" },
  );
  await new Promise((resolve, reject) => {
    server.once("spawn", resolve);
    server.once("error", () => reject(new Error("pulseaudio is not on the PATH: Firefox needs an audio device")));
  });
  const stop = async () => {
    server.kill();
    await rm(folder, { recursive: true, force: true });
  };
  return { env: { PULSE_SERVER: `unix:${socket}` }, stop };
}
