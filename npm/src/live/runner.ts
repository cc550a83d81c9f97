// A runner is where a conversation is computed: inside the AudioWorklet, or in a Worker that a capture worklet feeds.
import type { SessionStart } from "../common/conversation.js";
import { VapTurnError, messageOf } from "../common/errors.js";
import type { Lifetime } from "../common/lifetime.js";
import type { BackendName, Race } from "../gpu/adapter.js";
import type { Begin, Ready, Steer, ToPage } from "./messages.js";

/** Names of the runners. */
export const RUNNERS = ["worklet", "worker"] as const;

/** Where a conversation is computed: inside the audio thread, or in a Worker. */
export type RunIn = (typeof RUNNERS)[number];

/** What a runner says once it is open. */
export type Later = Exclude<ToPage, Ready>;

/** What is needed to open a runner. */
export interface Plan {
  context: BaseAudioContext;
  begin: Begin;
  /** Where the scripts lie. */
  scripts: { worklet: URL; capture: URL; worker: URL | undefined; gpuWorker: URL | undefined };
  createWorker: ((url: URL) => Worker) | undefined;
  life: Lifetime;
  /** Told what comes once the runner is open. */
  tell: (message: Later) => void;
}

/** A runner that waits for sound. */
export interface Runner {
  runIn: RunIn;
  /** Takes the user on input 0 and the agent on input 1; pushed samples and the end go to its port. */
  node: AudioWorkletNode;
  start: SessionStart;
  /** Hands a change of policy or expectation to where it is computed. */
  steer: (message: Steer) => void;
  backend: BackendName;
  race: Race | undefined;
}

const LOOK_MS = 250;
const PATIENCE_MS = 10_000;
/** A GPU may compile many shaders first. */
const GPU_PATIENCE_MS = 60_000;

/** Loads a script into the audio thread and makes its node. */
export async function openNode({ context, life }: Plan, script: URL, name: string): Promise<AudioWorkletNode> {
  const worklet = (context as { audioWorklet?: AudioWorklet }).audioWorklet;
  if (!worklet) throw new VapTurnError("context", "AudioWorklet: expected a secure context (https or localhost)");
  try {
    await worklet.addModule(script);
    // A script that failed as it was evaluated shows only here: its processor is not known.
    const node = new AudioWorkletNode(context, name, {
      numberOfInputs: 2,
      numberOfOutputs: 1,
      outputChannelCount: [1],
      channelCount: 1,
      channelCountMode: "explicit",
    });
    life.own(() => {
      node.port.postMessage({ kind: "close" });
      node.port.onmessage = null;
      node.onprocessorerror = null;
      node.disconnect();
    });
    // Silence; some browsers render only what leads to the destination.
    node.connect(context.destination);
    return node;
  } catch (error) {
    throw new VapTurnError("load", `worklet: cannot start ${script.href}: ${messageOf(error)}`, error);
  }
}

/**
 * Waits for `ready` from what `attach` begins and listens to; later messages go to the plan. An audio thread answers only
 * while its context runs, a Worker always.
 */
export async function answered(
  { context, begin, tell }: Plan,
  from: RunIn,
  attach: (hear: (message: ToPage) => void) => void,
): Promise<Ready> {
  let timer: ReturnType<typeof setInterval> | undefined;
  const patienceMs = begin.gpu ? GPU_PATIENCE_MS : PATIENCE_MS;
  try {
    return await new Promise((resolve, reject) => {
      let open = false;
      attach((message) => {
        if (message.kind === "ready") {
          open = true;
          resolve(message);
        } else if (message.kind === "failed" && !open) {
          reject(new VapTurnError(message.code, message.message));
        } else {
          tell(message);
        }
      });
      let waitedMs = 0;
      timer = setInterval(() => {
        if (context.state === "closed") reject(new VapTurnError("context", "AudioContext: it was closed"));
        if (from === "worker" || context.state === "running") waitedMs += LOOK_MS;
        if (waitedMs >= patienceMs) reject(new VapTurnError("load", `runner: expected an answer within ${patienceMs} ms`));
      }, LOOK_MS);
    });
  } finally {
    clearInterval(timer);
  }
}

/** Hands on what the processor of a node says, its failure included. */
export function listenTo(node: AudioWorkletNode, hear: (message: ToPage) => void): void {
  node.port.onmessage = ({ data }: MessageEvent<ToPage>) => {
    hear(data);
  };
  node.onprocessorerror = () => {
    hear({ kind: "failed", code: "internal", message: "worklet: the processor failed" });
  };
}
