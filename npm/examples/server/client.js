// Plays a stereo WAV to the server in real time, the user on the left channel, and prints what it tells.
import { readFile } from "node:fs/promises";
import { setTimeout } from "node:timers/promises";
import { decodeWav, eventLine } from "vap-turn";
import { WebSocket } from "ws";

const CHUNK_MS = 20;

const [file, address = "ws://localhost:8765"] = process.argv.slice(2);
const { sampleRate, channels } = await decodeWav(await readFile(file));
const [user, agent] = channels;
const socket = new WebSocket(`${address}/?rate=${sampleRate}`);
socket.on("message", (data) => console.log(eventLine(JSON.parse(data))));
socket.on("close", (code, reason) => {
  if (code !== 1000) console.error(`closed with ${code}: ${reason}`);
  process.exit(code === 1000 ? 0 : 1);
});
await new Promise((resolve) => socket.once("open", resolve));

const chunk = Math.round((sampleRate * CHUNK_MS) / 1000);
const start = performance.now();
for (let from = 0; from < user.length; from += chunk) {
  const length = Math.min(chunk, user.length - from);
  const bytes = Buffer.alloc(4 * length);
  for (let i = 0; i < length; i++) {
    bytes.writeInt16LE(32767 * user[from + i], 4 * i);
    bytes.writeInt16LE(32767 * agent[from + i], 4 * i + 2);
  }
  socket.send(bytes);
  await setTimeout(start + ((from + length) / sampleRate) * 1000 - performance.now());
}
socket.send("finish");
