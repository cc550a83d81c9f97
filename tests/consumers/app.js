// What a page does with the package, whoever bundled it: a call analysed, and the same call listened to live.
import { PcmInput, analyze, decodeWav, listen } from "vap-turn";

/** Events of call.wav, and those until both have spoken live by each runner; `load` says where files lie. */
globalThis.trial = async (load = {}) => {
  const bytes = new Uint8Array(await (await fetch("call.wav")).arrayBuffer());
  const { sampleRate: rate, channels } = await decodeWav(bytes, load);
  const [user, agent] = channels.map((samples) => ({ samples, rate }));
  const { events } = await analyze({ user, agent }, load);
  return { events, worker: await heard(user, agent, "worker", load), worklet: await heard(user, agent, "worklet", load) };
};

/** Names of the events: the user by an AudioNode, the agent by pushed samples. */
async function heard(user, { samples, rate }, runIn, load) {
  const context = new AudioContext();
  const buffer = new AudioBuffer({ length: user.samples.length, sampleRate: user.rate });
  buffer.copyToChannel(user.samples, 0);
  const node = new AudioBufferSourceNode(context, { buffer });
  const agent = new PcmInput({ rate });
  const session = await listen({ user: node, agent, runIn, ...load });
  const told = [];
  const bothSpoke = new Promise((resolve, reject) => {
    session.addEventListener("turn", ({ detail: { speaker, type } }) => {
      told.push(`${speaker} ${type}`);
      if (["user speechStart", "agent speechStart"].every((name) => told.includes(name))) resolve();
    });
    session.addEventListener("error", ({ detail }) => reject(detail));
  });
  node.start();
  agent.push(samples);
  await bothSpoke;
  await session.finish();
  await context.close();
  return told;
}
