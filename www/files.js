// Files in and out: calls, sessions, pictures.
import { callSvg, clock, decodeWav } from "../npm/dist/index.js";

const SAMPLE = new URL("../tests/fixtures/call.wav", import.meta.url);

/** The call that comes with the page. */
export async function sampleCall() {
  const response = await fetch(SAMPLE);
  if (!response.ok) throw new Error(`${SAMPLE.pathname}: HTTP status ${response.status}`);
  return callOf(new Uint8Array(await response.arrayBuffer()), false);
}

/** A call from the bytes of a WAV file; `swap` when the agent is on the first channel. */
export async function callOf(bytes, swap) {
  const { sampleRate: rate, channels } = await decodeWav(bytes);
  if (channels.length !== 2) throw new Error(`WAV: expected 2 channels, found ${channels.length}`);
  const [first, second] = channels.map((samples) => ({ samples, rate }));
  return swap ? { user: second, agent: first } : { user: first, agent: second };
}

/** The whole session as a picture; its levels stand for the sound. */
export function pictureOf({ title, frames, levels, events, endMs }) {
  const track = (speaker) => ({ samples: Float32Array.from(levels, (pair) => pair[speaker]), rate: 50 });
  const analysis = { frames, events, durationMs: endMs };
  return callSvg({ user: track(0), agent: track(1) }, analysis, { title, subtitle: clock(endMs) });
}

/** Hands a file to the person. */
export function save(name, type, text) {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = Object.assign(document.createElement("a"), { href: url, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
