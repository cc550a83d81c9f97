// Frames as the wasm side packs them: a row of numbers a hop, in the order of the contract.
import { BARGE_IN_LAYOUT, BINS, FRAME_LAYOUT, FRAME_NUMBERS, HOP_MS } from "./contract.js";
import { VapTurnError } from "./errors.js";
import { SPEAKERS, type Frame, type Pair } from "./events.js";

/** Hops as the wasm side packs them, `[n, FRAME_NUMBERS]`, and what was not judged after some of them. */
export interface Packed {
  frames: Float32Array;
  bargeIns: Float64Array;
}

/** Frames of packed hops; the first is hop number `firstHop` of the stream. */
export function unpacked({ frames: packed, bargeIns }: Packed, firstHop: number): Frame[] {
  if (packed.length % FRAME_NUMBERS !== 0) {
    throw new VapTurnError("length", `frames: expected a multiple of ${FRAME_NUMBERS} numbers, found ${packed.length}`);
  }
  const frames: Frame[] = [];
  for (let at = 0; at < packed.length; at += FRAME_NUMBERS) {
    frames.push(frame(packed.subarray(at, at + FRAME_NUMBERS), firstHop + frames.length));
  }
  for (let at = 0; at < bargeIns.length; at += BARGE_IN_LAYOUT.length) {
    const field = (name: (typeof BARGE_IN_LAYOUT)[number]): number => bargeIns[at + BARGE_IN_LAYOUT.indexOf(name)] ?? NaN;
    const frame = frames[field("timeMs") / HOP_MS - 1 - firstHop];
    if (!frame) continue;
    frame.bargeIn = {
      speaker: SPEAKERS[field("channel") === 0 ? 0 : 1],
      startMs: field("startMs"),
      durationMs: field("durationMs"),
      overlapMs: field("overlapMs"),
      probability: field("probability"),
    };
  }
  return frames;
}

function frame(numbers: Float32Array, hop: number): Frame {
  const pair = (field: keyof typeof FRAME_LAYOUT): Pair => {
    const at = FRAME_LAYOUT[field];
    return [numbers[at] ?? NaN, numbers[at + 1] ?? NaN];
  };
  const bins = (speaker: number): number[] => {
    const at = FRAME_LAYOUT.bins + speaker * BINS;
    return Array.from(numbers.subarray(at, at + BINS));
  };
  return {
    type: "frame",
    timeMs: (hop + 1) * HOP_MS,
    bins: [bins(0), bins(1)],
    pNow: pair("pNow"),
    pFuture: pair("pFuture"),
    eot: pair("eot"),
    backchannel: pair("backchannel"),
    vad: pair("vad"),
    overlap: numbers[FRAME_LAYOUT.overlap] ?? NaN,
  };
}
