// Runners timed side by side: rounds in which each works a few hops in turn, so that whatever slows the machine down
// slows all of them, and ratios are taken round by round. The same in Node and in a browser.
const { performance, setTimeout } = globalThis;

/** Untimed hops after each change of runner, which find another's data in the caches. */
const LEAD_HOPS = 5;

/**
 * Times `runners` (`{ name, hop }`) hop by hop in ms: `{ [name]: [[hop, ...] of each round] }`. Warm-up comes first
 * and counts nowhere; the order turns by one each round.
 */
export async function paired(runners, { warmUpHops, rounds, hops }) {
  const times = Object.fromEntries(runners.map(({ name }) => [name, []]));
  const places = new Map(runners.map((runner) => [runner, 0]));
  const work = async (runner, count) => {
    const list = [];
    let at = places.get(runner);
    for (const end = at + count; at < end; at++) {
      const start = performance.now();
      const answer = runner.hop(at);
      if (answer instanceof Promise) await answer;
      list.push(performance.now() - start);
    }
    places.set(runner, at);
    return list;
  };
  for (const runner of runners) await work(runner, warmUpHops);
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < runners.length; i++) {
      const runner = runners[(round + i) % runners.length];
      await work(runner, LEAD_HOPS);
      times[runner.name].push(await work(runner, hops));
    }
  }
  return times;
}

/** Hops as they come in a call, each found cold: one every `stepMs` of its runner. `{ [name]: [[hop, ...]] }`. */
export async function paced(runners, seconds) {
  const times = {};
  for (const { name, stepMs, hop } of runners) {
    const list = [];
    const begin = performance.now();
    for (let at = 0; at * stepMs < seconds * 1000; at++) {
      const wait = Math.max(0, begin + at * stepMs - performance.now());
      await new Promise((resolve) => setTimeout(resolve, wait));
      const start = performance.now();
      const answer = hop(at);
      if (answer instanceof Promise) await answer;
      list.push(performance.now() - start);
    }
    times[name] = [list];
  }
  return times;
}

/** The same rounds with every time multiplied by `share`. */
export const scaled = (rounds, share) => rounds.map((hops) => hops.map((x) => x * share));

/** The value below which `share` of a list lies. */
export function quantile(list, share) {
  const sorted = Float64Array.from(list).sort();
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}

/** What the hops of one runner come to. */
export function summary(rounds) {
  const hops = rounds.flat();
  const meanMs = hops.reduce((sum, x) => sum + x, 0) / hops.length;
  return {
    hops: hops.length,
    medianMs: quantile(hops, 0.5),
    p99Ms: quantile(hops, 0.99),
    meanMs,
    hopsASecond: 1000 / meanMs,
  };
}

/** How many times longer `slow` takes than `fast`: the median over rounds, and where 80 % of the rounds lie. */
export function ratio(slow, fast) {
  const ratios = slow.map((round, i) => quantile(round, 0.5) / quantile(fast[i], 0.5));
  return { median: quantile(ratios, 0.5), low: quantile(ratios, 0.1), high: quantile(ratios, 0.9) };
}
