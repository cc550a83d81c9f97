// What is timed must be the same model: each runner's logits over the first hops, against the first runner's.

/** Tolerances on logits. int8 quantises activations too, each runtime in its own way. */
const LARGEST = { f32: 1e-3, int8: 0.5 };
const ROOT_MEAN_SQUARE = { f32: 1e-3, int8: 0.05 };

/** Logits of the first `hops` hops of every runner that has any, `{ name, storage, logits }`; state is left behind. */
export async function heard(runners, hops) {
  const list = [];
  for (const { name, storage, hop, logits } of runners) {
    if (!logits) continue;
    const frames = [];
    for (let i = 0; i < hops; i++) frames.push(logits(await hop(i)));
    list.push({ name, storage, logits: frames });
  }
  return list;
}

/** Largest and root-mean-square difference of each from the first; throws when one is another model. */
export function compared([first, ...others]) {
  const result = { [first.name]: { against: first.name, largest: 0, rootMeanSquare: 0 } };
  for (const { name, storage, logits } of others) {
    let [largest, squares, count] = [0, 0, 0];
    logits.forEach((frame, hop) =>
      frame.forEach((x, i) => {
        const difference = Math.abs(x - first.logits[hop][i]);
        largest = Math.max(largest, Number.isFinite(difference) ? difference : Infinity);
        squares += difference ** 2;
        count++;
      }),
    );
    const rootMeanSquare = Math.sqrt(squares / count);
    if (!(largest <= LARGEST[storage] && rootMeanSquare <= ROOT_MEAN_SQUARE[storage])) {
      const found = `${largest} at most, ${rootMeanSquare} root mean square`;
      throw new Error(`${name} is not the model of ${first.name}: logits differ by ${found}`);
    }
    result[name] = { against: first.name, largest, rootMeanSquare };
  }
  return result;
}
