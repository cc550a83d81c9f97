// Listening live in a page: options checked, inputs and a runner opened, a session given.
import { VapTurnError, asVapTurnError, messageOf } from "../common/errors.js";
import type { Pair } from "../common/events.js";
import { Lifetime, unlessAborted } from "../common/lifetime.js";
import { mayTry } from "../gpu/adapter.js";
import { defaultModel, defaultWasm, readBytes, urlIn } from "../wasm/load.js";
import { PcmInput, openInput, type OpenInput } from "./inputs.js";
import { checked, contextOf, type ListenOptions } from "./listen-options.js";
import type { Begin, PushedRates } from "./messages.js";
import { openRunner } from "./runner-auto.js";
import type { Plan } from "./runner.js";
import { TurnSession } from "./turn-session.js";

/**
 * Listens to a conversation in a page: sound of the user and the agent in, turn events out, computed off the main
 * thread. The microphone is opened only where `"microphone"` is asked for. An AudioContext of its own begins to run only
 * after a user gesture, so call it from one, or look at `state`.
 */
export async function listen(options: ListenOptions): Promise<TurnSession> {
  checked(options);
  const life = new Lifetime();
  try {
    return await unlessAborted(options.signal, opened(options, life), "listen");
  } catch (error) {
    life.end();
    throw asVapTurnError(error);
  }
}

async function opened(options: ListenOptions, life: Lifetime): Promise<TurnSession> {
  const { user, agent, signal } = options;
  if (signal?.aborted) throw new VapTurnError("aborted", "listen: the signal was aborted", signal.reason);
  const { context, own } = contextOf(options);
  if (own) {
    life.own(() => {
      // Already closed by the page, maybe.
      own.close().catch(() => undefined);
    });
    // Waits for a gesture, as long as it takes; the session's state tells.
    own.resume().catch(() => undefined);
  }
  const [gpu, wasm, model, ...inputs] = await Promise.all([
    gpuOf(options, context),
    readBytes(options.wasm ?? defaultWasm(options.assetBase), "wasm binary"),
    readBytes(options.model ?? defaultModel(options.assetBase), "model file"),
    openInput("user", user, context, life),
    openInput("agent", agent, context, life),
  ]);
  const rate = (input: unknown): number | undefined => (input instanceof PcmInput ? input.rate : undefined);
  const pushed: PushedRates = [rate(user), rate(agent)];
  const rates = pushed.map((own) => own ?? Math.round(context.sampleRate)) as Pair;
  const begin: Begin = {
    kind: "begin", wasm, model, rates, policy: options.policy, expect: options.expect, pushed, ...(gpu && { gpu }),
  };
  // Nothing is told before the runner listens, and it does not before the session is made.
  let take: Plan["tell"] = () => undefined;
  const wanted = gpu?.backend === "webgpu" ? "worker" : (options.runIn ?? "auto");
  const runner = await openRunner(plan(options, context, begin, life, (message) => { take(message); }), wanted);
  if (life.ended) throw new VapTurnError("aborted", "listen: it ended before it began");
  const session = new TurnSession({ context, runner, inputs, life });
  connect(runner.node, [user, agent], inputs, life);
  if (session.state === "closed") throw new VapTurnError("context", "AudioContext: it was closed");
  await new Promise<void>((resolve, reject) => {
    take = (message) => {
      if (message.kind === "listening") resolve();
      else session.take(message);
    };
    session.addEventListener("error", ({ detail }) => { reject(detail); }, { once: true });
    life.own(() => {
      reject(new VapTurnError("aborted", "listen: it ended before it began"));
    });
    runner.node.port.postMessage({ kind: "listen" });
  });
  closeOnAbort(signal, session, life);
  return session;
}

/** The GPU binary, where it may be used: in the Worker, if the GPU is asked for or may be raced. */
async function gpuOf(options: ListenOptions, context: BaseAudioContext): Promise<Begin["gpu"]> {
  const { backend = "cpu", runIn = "auto" } = options;
  const raced = runIn === "worker" || (runIn === "auto" && context instanceof AudioContext);
  if (backend === "cpu" || (backend === "auto" && !raced) || !(await mayTry(backend))) return undefined;
  try {
    return { wasm: await readBytes(await defaultGpu(options), "GPU binary"), backend };
  } catch (error) {
    if (backend === "auto") return undefined;
    throw error;
  }
}

/** Where the GPU binary lies, known only to code that is fetched now. */
async function defaultGpu({ assetBase }: ListenOptions): Promise<URL | string> {
  const file = await import("../gpu/file.js").catch((error: unknown) => {
    throw new VapTurnError("load", `GPU code: ${messageOf(error)}`, error);
  });
  return file.defaultGpuWasm(assetBase);
}

function plan(options: ListenOptions, context: BaseAudioContext, begin: Begin, life: Lifetime, tell: Plan["tell"]): Plan {
  const scripts: Plan["scripts"] = {
    worklet: at(options, "worklet.js") ?? new URL("../worklet.js", import.meta.url),
    capture: at(options, "capture.js") ?? new URL("../capture.js", import.meta.url),
    worker: at(options, "worker.js"),
    gpuWorker: at(options, "gpu-worker.js"),
  };
  return { context, begin, scripts, createWorker: options.createWorker, life, tell };
}

function at({ assetBase }: ListenOptions, file: string): URL | undefined {
  return assetBase === undefined ? undefined : urlIn(assetBase, file);
}

/** Lets sound in. */
function connect(node: AudioWorkletNode, sources: readonly unknown[], inputs: readonly OpenInput[], life: Lifetime): void {
  for (const channel of [0, 1] as const) {
    const [source, from] = [sources[channel], inputs[channel]?.node];
    if (source instanceof PcmInput) {
      source.attach({
        push: (samples) => {
          node.port.postMessage({ kind: "pcm", channel, samples }, [samples.buffer]);
        },
        clear: () => {
          node.port.postMessage({ kind: "clear", channel });
        },
      });
      life.own(() => {
        source.attach(undefined);
      });
    }
    if (from) {
      from.connect(node, 0, channel);
      life.own(() => {
        disconnect(from, node, channel);
      });
    }
  }
}

function disconnect(from: AudioNode, node: AudioNode, channel: number): void {
  try {
    from.disconnect(node, 0, channel);
  } catch {
    // The page has taken its node off all others already.
  }
}

function closeOnAbort(signal: AbortSignal | undefined, session: TurnSession, life: Lifetime): void {
  if (!signal) return;
  const close = (): void => {
    session.close();
  };
  signal.addEventListener("abort", close);
  life.own(() => {
    signal.removeEventListener("abort", close);
  });
}
