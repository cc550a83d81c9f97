// Opens the worklet runner.
import { WORKLET } from "./messages.js";
import { answered, listenTo, openNode, type Runner, type Plan } from "./runner.js";

export async function openWorklet(plan: Plan): Promise<Runner> {
  const node = await openNode(plan, plan.scripts.worklet, WORKLET);
  // Without the GPU binary, which may be there after a race.
  const begin = { ...plan.begin };
  delete begin.gpu;
  const { start } = await answered({ ...plan, begin }, "worklet", (hear) => {
    listenTo(node, hear);
    node.port.postMessage(begin);
  });
  return {
    runIn: "worklet",
    node,
    start,
    backend: "cpu",
    race: undefined,
    steer: (message) => {
      node.port.postMessage(message);
    },
  };
}
