// How long a hop takes on this machine, timed on the page: the audio thread has no clock that is fine enough.
import { TurnDetector } from "../npm/dist/index.js";

/** The first hops run slower, until the compiler has settled. */
const WARM_UP_HOPS = 150;
const HOPS = 100;
const RATE = 16_000;
let measured;

/** Times the hops of a model, once. */
export async function timeHops(model) {
  const detector = await TurnDetector.create({ rate: RATE, model });
  const hop = () => Float32Array.from({ length: RATE / 50 }, () => 0.1 * (Math.random() - 0.5));
  const [user, agent] = [hop(), hop()];
  const run = (hops) => {
    for (let at = 0; at < hops; at++) detector.push(user, agent);
  };
  run(WARM_UP_HOPS);
  const begun = performance.now();
  run(HOPS);
  measured = (performance.now() - begun) / HOPS;
  detector.close();
}

/** Time of a hop on the page, in ms. */
export function pageHopMs() {
  return measured;
}
