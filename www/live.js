// What the live sources share: the page's one AudioContext, and a session of the package that is listened to.
import { listen } from "../npm/dist/index.js";
import { pageHopMs } from "./pace.js";

let context;
/** The pause that was asked for last: a browser may show it in the state only later. */
let resting;

/** The page's AudioContext, running; asked for by a button, as browsers want. */
export async function runningContext() {
  context ??= new AudioContext({ latencyHint: "interactive" });
  await resting;
  if (context.state !== "running") await context.resume();
  return context;
}

/** Lets the sound device go until the next start. */
export function restContext() {
  if (context?.state === "running") resting = context.suspend();
}

/** Begins a session that tells `source` what it hears; `levels(frame, session)` are the peaks of both channels. */
export async function begin(source, options, levels) {
  const session = await listen({ ...options, context: await runningContext() });
  session.addEventListener("frame", ({ detail }) => source.onframe(detail, levels(detail, session)));
  session.addEventListener("turn", ({ detail }) => source.onevent(detail));
  session.addEventListener("error", ({ detail }) => source.onerror(detail));
  return session;
}

/** Gives a session another policy, or the model's own; what it says of it, or nothing where there is no session, or none any more. */
export async function steer(session, policy = {}) {
  try {
    return await session?.setPolicy(policy);
  } catch (error) {
    if (error.code !== "closed") throw error;
  }
}

/** What the page shows of a session. */
export function infoOf(session) {
  if (!session) return { runIn: undefined };
  const { runIn, hopMs, delayMs, overruns, droppedHops } = session.stats;
  return { runIn, hopMs: runIn === "worklet" ? pageHopMs() : hopMs, delayMs, overruns: overruns + droppedHops, policy: session.info.policy };
}
