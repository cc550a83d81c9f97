// Frames as the wasm side packs them: 31 numbers a hop, in the order written below.
import { VapTurnError } from "./errors.js";
import { SPEAKERS, type Frame, type Pair } from "./events.js";

/** Length of a hop, in ms. */
export const HOP_MS = 20;
const BINS = 10;
/** Numbers of one hop. */
export const NUMBERS = 2 * BINS + 11;
/** Numbers of a sound that is not judged yet: channel, timeMs, startMs, durationMs, overlapMs, probability. */
const BARGE_IN_NUMBERS = 6;

/** Hops as the wasm side packs them, `[n, 31]`, and what was not judged after some of them, `[m, 6]`. */
export interface Packed {
  frames: Float32Array;
  bargeIns: Float64Array;
}

/** Frames of packed hops; the first is hop number `firstHop` of the stream. */
export function unpacked({ frames: packed, bargeIns }: Packed, firstHop: number): Frame[] {
  if (packed.length % NUMBERS !== 0) {
    throw new VapTurnError("length", `frames: expected a multiple of ${NUMBERS} numbers, found ${packed.length}`);
  }
  const frames: Frame[] = [];
  for (let at = 0; at < packed.length; at += NUMBERS) {
    frames.push(frame(packed.subarray(at, at + NUMBERS), firstHop + frames.length));
  }
  for (let at = 0; at < bargeIns.length; at += BARGE_IN_NUMBERS) {
    const [channel, timeMs = NaN, startMs = NaN, durationMs = NaN, overlapMs = NaN, probability = NaN] = bargeIns.subarray(at);
    const frame = frames[timeMs / HOP_MS - 1 - firstHop];
    if (frame) frame.bargeIn = { speaker: SPEAKERS[channel === 0 ? 0 : 1], startMs, durationMs, overlapMs, probability };
  }
  return frames;
}

function frame(numbers: Float32Array, hop: number): Frame {
  const pair = (at: number): Pair => [numbers[at] ?? NaN, numbers[at + 1] ?? NaN];
  return {
    type: "frame",
    timeMs: (hop + 1) * HOP_MS,
    bins: [Array.from(numbers.subarray(0, BINS)), Array.from(numbers.subarray(BINS, 2 * BINS))],
    pNow: pair(2 * BINS + 7),
    pFuture: pair(2 * BINS + 9),
    eot: pair(2 * BINS),
    backchannel: pair(2 * BINS + 2),
    vad: pair(2 * BINS + 4),
    overlap: numbers[2 * BINS + 6] ?? NaN,
  };
}
