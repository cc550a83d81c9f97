// A call that is played into a page in its own time, and what was heard of it held to what was expected.

export const HOP_MS = 20;

/** In the page: hears the call and gives the events, in ms of the call, and how long the session listened before it. */
export async function heard({ sound, runIn, seconds, beepS, callS }) {
  const { decodeWav, listen } = await import("./npm/dist/index.js");
  const { sampleRate, channels } = await decodeWav(new Uint8Array(await (await fetch("./call.wav")).arrayBuffer()));
  // At another rate the browser would resample, in its own way.
  const context = new AudioContext({ sampleRate });
  const source = (samples) => {
    const buffer = context.createBuffer(1, samples.length, sampleRate);
    buffer.copyToChannel(samples, 0);
    return new AudioBufferSourceNode(context, { buffer });
  };
  const agent = source(channels[1]);
  let user;
  let beganAt;
  if (sound === "microphone") {
    const audio = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
    await context.audioWorklet.addModule("./tests/browser/beep.js");
    const beep = new AudioWorkletNode(context, "beep");
    const found = new Promise((resolve) => (beep.port.onmessage = ({ data }) => resolve(data)));
    // One node for both: another would bring the same sound some ms earlier or later.
    user = context.createMediaStreamSource(await navigator.mediaDevices.getUserMedia({ audio }));
    user.connect(beep);
    beganAt = (await found) + callS - beepS;
    agent.start(beganAt);
  } else {
    // The call begins with the context.
    await context.suspend();
    user = source(channels[0]);
    beganAt = context.currentTime;
    for (const channel of [user, agent]) channel.start();
  }
  const session = await listen({ user, agent, runIn, context });
  const events = [];
  session.addEventListener("turn", ({ detail: { type, speaker, timeMs } }) => events.push({ type, speaker, timeMs }));
  await context.resume();
  const late = context.currentTime > beganAt + 0.1;
  while (context.currentTime < beganAt + seconds + 1) {
    for (const until = performance.now() + 300; performance.now() < until; );
    await new Promise((resume) => setTimeout(resume, 10));
  }
  const { stats } = session;
  const heardMs = 1000 * (context.currentTime - session.startTime);
  const leadMs = 1000 * (beganAt - session.startTime);
  await session.finish();
  if (late) throw new Error("expected the session to begin before the call");
  return { stats, heardMs, leadMs, events: events.map((event) => ({ ...event, timeMs: event.timeMs - leadMs })) };
}

/** Pairs what was expected with what was heard: the same kind and speaker, the nearest in time within a hop. */
export function compared(expected, found) {
  const left = [...found];
  const offsMs = [];
  const missing = [];
  for (const event of expected) {
    const same = left.filter(({ type, speaker }) => type === event.type && speaker === event.speaker);
    const off = ({ timeMs }) => Math.abs(timeMs - event.timeMs);
    const [nearest] = same.sort((a, b) => off(a) - off(b));
    if (nearest && off(nearest) <= HOP_MS) {
      offsMs.push(nearest.timeMs - event.timeMs);
      left.splice(left.indexOf(nearest), 1);
    } else {
      missing.push({ ...event, nearestMs: nearest && nearest.timeMs - event.timeMs });
    }
  }
  return { offsMs, missing, added: left };
}
