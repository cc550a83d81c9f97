// Opens the worklet home.
import { answered, listenTo, openNode, type Home, type Plan } from "./home.js";
import { WORKLET } from "./messages.js";

export async function openWorklet(plan: Plan): Promise<Home> {
  const node = await openNode(plan, plan.scripts.worklet, WORKLET);
  const { beginning } = await answered(plan, (hear) => {
    listenTo(node, hear);
    node.port.postMessage(plan.begin);
  });
  return {
    name: "worklet",
    node,
    beginning,
    steer: (message) => {
      node.port.postMessage(message);
    },
  };
}
