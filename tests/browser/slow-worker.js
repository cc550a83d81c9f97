// The package's Worker on a machine a thousand times slower, as its own clock tells; and one that can be held up.
import "../../npm/dist/worker.js";

const now = performance.now.bind(performance);
performance.now = () => 1000 * now();

addEventListener("message", ({ data: { stallMs } }) => {
  for (const end = now() + (stallMs ?? 0); now() < end; );
});
