// How fast a session is on this machine: timed slice by slice after a warm-up.
import { HOP_MS } from "../../common/contract.js";
import type { Pair } from "../../common/events.js";
import type { Engine } from "../../wasm/engine.js";
import type { Pace } from "../messages.js";

/** The first hundred hops run several times slower, until the compiler has settled. */
const WARM_UP_HOPS = 100;
const ROUNDS = 3;
const ROUND_HOPS = 40;
/** Pieces in which the sound of a hop is taken in, about as an audio thread does. */
const PIECES = 8;

/** Works through silence; the session has then heard some seconds and wants a reset. The calmest round counts. */
export function measured(engine: Engine, rates: Pair): Pace {
  for (let hop = 0; hop < WARM_UP_HOPS; hop++) work(engine, rates, []);
  const rounds = Array.from({ length: ROUNDS }, () => {
    // A clock may tick in 0.1 ms or coarser, more than a slice takes; sums over a round are right all the same.
    const sums: number[] = [];
    for (let hop = 0; hop < ROUND_HOPS; hop++) work(engine, rates, sums);
    const [taking = 0, ...slices] = sums.map((sum) => sum / ROUND_HOPS);
    return { hopMs: slices.reduce((sum, slice) => sum + slice, taking), sliceMs: Math.max(taking / PIECES, ...slices) };
  });
  return rounds.reduce((best, round) => (round.hopMs < best.hopMs ? round : best));
}

/** One hop of silence; adds the time of taking it in and of each slice to `sums`. */
function work(engine: Engine, rates: Pair, sums: number[]): void {
  let last = performance.now();
  let place = 0;
  const lap = (): void => {
    const now = performance.now();
    sums[place] = (sums[place] ?? 0) + now - last;
    last = now;
    place++;
  };
  const [user, agent] = rates.map((rate) => Math.ceil((rate * HOP_MS) / 1000 / PIECES)) as Pair;
  engine.input(0).fill(0, 0, user);
  engine.input(1).fill(0, 0, agent);
  for (let piece = 0; piece < PIECES; piece++) engine.hear(user, agent);
  lap();
  for (let more = true; more; ) {
    more = engine.work();
    lap();
  }
  engine.output();
}
