// Calls by WebSocket: two-channel PCM in, turn events out, a connection a call.
import { TurnDetector, TurnModel } from "vap-turn";
import { WebSocketServer } from "ws";

const LONGEST_MESSAGE_BYTES = 1 << 20;
const REFUSED = 1008;

const model = await TurnModel.load();
const server = new WebSocketServer({ port: Number(process.env.PORT ?? 8765), maxPayload: LONGEST_MESSAGE_BYTES });
server.on("listening", () => console.log(`listening on port ${server.address().port}`));
server.on("connection", (socket, request) => void attend(socket, request.url));

async function attend(socket, address) {
  // A broken connection closes by itself; the message is nothing to us.
  socket.on("error", () => undefined);
  socket.pause();
  try {
    const rate = Number(new URL(address, "ws://server").searchParams.get("rate"));
    const detector = await TurnDetector.create({ rate, model });
    socket.on("message", (data, isBinary) => answer(socket, detector, data, isBinary));
    socket.on("close", () => detector.close());
    // Closed meanwhile: nothing tells of it any more.
    if (socket.readyState === socket.CLOSED) detector.close();
  } catch (error) {
    refuse(socket, error);
  }
  socket.resume();
}

function answer(socket, detector, data, isBinary) {
  if (socket.readyState !== socket.OPEN) return;
  try {
    const over = !isBinary && data.toString() === "finish";
    const { events } = over ? detector.finish() : detector.push(...channels(data, isBinary));
    for (const event of events) socket.send(JSON.stringify(event));
    if (over) socket.close(1000);
  } catch (error) {
    refuse(socket, error);
  }
}

/** User and agent of interleaved 16-bit samples. */
function channels(data, isBinary) {
  if (!isBinary || data.length % 4 !== 0) throw new Error("expected pairs of 16-bit samples, or the text finish");
  return [0, 2].map((at) => Float32Array.from({ length: data.length / 4 }, (_, i) => data.readInt16LE(4 * i + at) / 32768));
}

function refuse(socket, { message }) {
  // A reason has at most 123 bytes.
  socket.close(REFUSED, Buffer.from(message).subarray(0, 120).toString());
}
