// A program that uses the package in TypeScript; package.test.js compiles it against the built declarations.
import {
  PcmInput, TurnDetector, TurnModel, TurnSession, VapTurnError, analyze, callSvg, createPool, decodeWav, listen, turnEvents,
  type EndReason, type PolicyChange,
  type TurnEvent,
} from "vap-turn";

/** Every type of event, with the fields that it has alone: exact where the type is known. */
function answer(event: TurnEvent): string {
  switch (event.type) {
    case "speechStart":
    case "turnShift":
      // @ts-expect-error What begins has no end yet.
      return String(event.startMs) + String(event.endMs);
    case "speechEnd":
    case "overlapEnd":
      // @ts-expect-error Nothing was weighed.
      return String(event.startMs + event.endMs + event.durationMs) + String(event.probability);
    case "eagerEndOfTurn":
      // @ts-expect-error A turn that may end has no reason.
      return String(event.silenceMs + event.probability) + String(event.reason);
    case "endOfTurn":
      return `${event.speaker} ${event.reason satisfies EndReason} ${event.startMs + event.endMs + event.durationMs + event.silenceMs}`;
    case "turnResumed":
      // @ts-expect-error Not every resumed turn has a new sound.
      return String(event.probability + event.startMs);
    case "backchannel":
    case "interruption":
      return String(event.probability + event.durationMs + event.overlapMs + event.startMs);
    case "overlapStart":
      // @ts-expect-error Where no verdict is owed there is no evidence.
      if (event.soundMs === undefined) return String(event.startMs + event.probability);
      return String(event.startMs + event.soundMs + event.overlapMs + event.probability);
    default:
      // Compiles only while no type is left out.
      return event satisfies never;
  }
}

export async function run(bytes: Uint8Array): Promise<string[]> {
  const model = await TurnModel.load({ model: new DataView(bytes.buffer), assetBase: new URL("https://example.com/") });
  const detector = await TurnDetector.create({ rate: 16000, model, policy: { maxSilenceMs: 1500 } });
  const { frames, events } = detector.push(new Float32Array(320), undefined);
  const share: number | undefined = frames[0]?.pNow[1];
  await TurnDetector.create({ rate: 16000, model, policy: { maxFalseCutoff: 0.05, vadOnset: 0.6 } });
  const asked = await TurnDetector.create({ rate: 16000, model, policy: { meanLatencyMs: 400 } });
  const cutoffs: number | undefined = asked.info.expected?.falseCutoff ?? model.info.calibration?.points[0]?.expected.falseCutoff;
  // @ts-expect-error One ask at a time.
  await TurnDetector.create({ rate: 16000, model, policy: { maxFalseCutoff: 0.05, meanLatencyMs: 400 } });
  // @ts-expect-error The ask decides this threshold.
  await TurnDetector.create({ rate: 16000, model, policy: { maxFalseCutoff: 0.05, endThreshold: 0.5 } });
  // @ts-expect-error A preset is an ask as well.
  await TurnDetector.create({ rate: 16000, model, policy: { preset: "fast", maxFalseCutoff: 0.05 } });
  // @ts-expect-error No such preset.
  await TurnDetector.create({ rate: 16000, model, policy: { preset: "quick" } });
  const { fromMs, policy, expectation }: PolicyChange = detector.setPolicy({ preset: "patient", vadOnset: 0.6 });
  detector.expect("spelling");
  // @ts-expect-error No such expectation.
  detector.expect("letters");
  const growing: number | undefined = frames[0]?.bargeIn?.probability;
  // @ts-expect-error A policy has no such threshold.
  await TurnDetector.create({ rate: 16000, policy: { endTreshold: 1 } }).catch((e: unknown) => e instanceof VapTurnError);
  detector.push(new Int16Array(320), new Uint8Array(0));
  // @ts-expect-error Samples are of 16 or 32 bits, or the bytes of a line.
  detector.push(new Float64Array(320));
  const moved = await TurnDetector.restore(detector.save(), { model, encoding: "mulaw" });
  for await (const item of turnEvents([{ user: new Float32Array(320) }], { rate: 16000, model })) answer(item);
  for await (const item of turnEvents([new Int16Array(640)], { rate: 16000, model, frames: true })) {
    if (item.type === "frame") moved.push(Float32Array.from(item.vad));
    else answer(item);
  }
  const { channels, sampleRate: rate } = await decodeWav(bytes);
  const [user = new Float32Array(), agent = new Float32Array()] = channels;
  const call = { user: { samples: user, rate }, agent: { samples: agent, rate } };
  return [...events.map(answer), callSvg(call, await analyze(call)), String(share), String(cutoffs), `${fromMs} ${policy.vadOnset} ${expectation} ${String(growing)}`];
}

export async function live(signal: AbortSignal): Promise<number> {
  const agent = new PcmInput({ rate: 24000 });
  const session: TurnSession = await listen({
    user: "microphone", agent, signal, runIn: "auto", assetBase: "/vap-turn", policy: { maxFalseCutoff: 0.2 }, expect: "yesno",
  });
  const change: PolicyChange = await session.setPolicy({ preset: "balanced" });
  await session.expect(change.expectation);
  session.addEventListener("policychange", ({ detail }) => detail.policy.endThreshold);
  agent.push(new Float32Array(480));
  session.addEventListener("endOfTurn", ({ detail }) => answer(detail));
  session.addEventListener("turn", ({ detail }) => session.contextTime(detail.timeMs));
  session.addEventListener("error", ({ detail }) => detail.code === "context");
  // @ts-expect-error There is no such event.
  session.addEventListener("endofturn", () => undefined);
  // @ts-expect-error It runs in a worklet or a Worker.
  await listen({ user: "microphone", runIn: "webgpu" });
  for await (const { vad } of session) if (vad[0] > 0.5) break;
  await session.finish();
  return session.stats.hopMs;
}

export async function server(sound: AsyncIterable<Uint8Array>): Promise<number> {
  const pool = await createPool({ threads: 2, saveEveryMs: 2000 });
  const call = await pool.open({ rate: 8000, encoding: "alaw", policy: { maxSilenceMs: 1500 } });
  for await (const bytes of sound) if (!call.push(bytes, undefined)) await call.ready();
  await call.finish();
  for await (const item of call) if (item.type !== "frame") answer(item);
  // @ts-expect-error A line speaks one of the two laws.
  await pool.open({ rate: 8000, encoding: "ulaw" }).catch(() => undefined);
  await pool.finish();
  return pool.stats.delayMs.p99;
}
