// Opens the Worker runner: a Worker that computes, and a capture worklet that hands it sound by a port of their own.
import { VapTurnError, messageOf } from "../common/errors.js";
import { CAPTURE, type Attend, type Failed, type Open, type Ready, type ToPage } from "./messages.js";
import { answered, listenTo, openNode, type Runner, type Plan } from "./runner.js";

/** A Worker that is ready and has measured its pace. */
export interface ReadyWorker {
  worker: Worker;
  ready: Ready;
}

/** Starts the Worker and has it load. */
export async function startWorker(plan: Plan): Promise<ReadyWorker> {
  const worker = made(plan);
  const end = (): void => {
    worker.onmessage = worker.onerror = worker.onmessageerror = null;
    worker.terminate();
  };
  plan.life.own(end);
  let code: Failed["code"] = "load";
  const ready = await answered(plan, "worker", (hear) => {
    worker.onmessage = ({ data }: MessageEvent<ToPage>) => {
      hear(data);
    };
    // A script that cannot be fetched or is refused gives an event without a message.
    worker.onerror = ({ message }: Partial<ErrorEvent>) => {
      hear({ kind: "failed", code, message: `Worker: ${message ?? "its script cannot be loaded"}` });
    };
    worker.onmessageerror = () => {
      hear({ kind: "failed", code: "internal", message: "Worker: a message could not be read" });
    };
    worker.postMessage(plan.begin);
  }).catch((error: unknown) => {
    end();
    throw error;
  });
  code = "internal";
  return { worker, ready };
}

/** Opens the capture of a Worker that is ready. */
export async function openWorker(plan: Plan, { worker, ready: { start, backend = "cpu", race } }: ReadyWorker): Promise<Runner> {
  const node = await openNode(plan, plan.scripts.capture, CAPTURE);
  listenTo(node, (message) => {
    if (message.kind !== "ready") plan.tell(message);
  });
  const { port1, port2 } = new MessageChannel();
  const attend: Attend = { kind: "attend", sound: port1 };
  const open: Open = { kind: "open", sound: port2, pushed: plan.begin.pushed };
  worker.postMessage(attend, [port1]);
  node.port.postMessage(open, [port2]);
  return {
    runIn: "worker",
    node,
    start,
    backend,
    race,
    steer: (message) => {
      worker.postMessage(message);
    },
  };
}

function made({ begin: { gpu }, scripts, createWorker }: Plan): Worker {
  const url = gpu ? scripts.gpuWorker : scripts.worker;
  try {
    const script = url ?? ownScript(gpu !== undefined);
    if (createWorker) return createWorker(script);
    // The package itself may come from another origin.
    if (script.origin !== location.origin && script.protocol !== "blob:") return foreign(script);
    if (url) return new Worker(url, { type: "module" });
    // Written out for bundlers, which follow this form alone.
    if (gpu) return new Worker(new URL("../gpu-worker.js", import.meta.url), { type: "module" });
    return new Worker(new URL("../worker.js", import.meta.url), { type: "module" });
  } catch (error) {
    throw new VapTurnError("load", `Worker: ${messageOf(error)}`, error);
  }
}

function ownScript(gpu: boolean): URL {
  return gpu ? new URL("../gpu-worker.js", import.meta.url) : new URL("../worker.js", import.meta.url);
}

/** A Worker whose script comes from another origin, which only an import may load. */
function foreign(url: URL): Worker {
  const shim = URL.createObjectURL(new Blob([`import ${JSON.stringify(url.href)};`], { type: "text/javascript" }));
  try {
    return new Worker(shim, { type: "module" });
  } finally {
    // The Worker has begun to fetch it; a task later is late enough for every browser.
    setTimeout(() => {
      URL.revokeObjectURL(shim);
    }, 10_000);
  }
}
