// A program that uses the package in TypeScript; package.test.js compiles it against the built declarations.
import {
  PcmInput, TurnDetector, TurnModel, TurnSession, VapTurnError, analyze, callSvg, decodeWav, listen, type EndReason, type PolicyChange,
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
  // @ts-expect-error Samples are floats.
  detector.push(new Int16Array(320));
  const { channels, sampleRate: rate } = await decodeWav(bytes);
  const [user = new Float32Array(), agent = new Float32Array()] = channels;
  const call = { user: { samples: user, rate }, agent: { samples: agent, rate } };
  return [...events.map(answer), callSvg(call, await analyze(call)), String(share), String(cutoffs), `${fromMs} ${policy.vadOnset} ${expectation} ${String(growing)}`];
}

export async function live(signal: AbortSignal): Promise<number> {
  const agent = new PcmInput({ rate: 24000 });
  const session: TurnSession = await listen({
    user: "microphone", agent, signal, home: "auto", assetBase: "/vap-turn", policy: { maxFalseCutoff: 0.2 }, expect: "yesno",
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
  // @ts-expect-error A home is a worklet or a Worker.
  await listen({ user: "microphone", home: "webgpu" });
  for await (const { vad } of session) if (vad[0] > 0.5) break;
  await session.finish();
  return session.stats.hopMs;
}
