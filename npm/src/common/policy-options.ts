// What can be said of a policy before the model is asked: names, kinds, and what excludes each other.
import { wrong } from "./checks.js";
import { EXPECTATIONS, PRESETS, type Expectation, type Policy, type PolicyOptions } from "./options.js";

const THRESHOLDS = {
  vadOnset: 1, vadOffset: 1, minSpeechMs: 1, minPauseMs: 1, eagerThreshold: 1, endThreshold: 1, eotSmoothingMs: 1, eagerHoldMs: 1,
  minSilenceMs: 1, maxSilenceMs: 1, backchannelThreshold: 1, maxBackchannelMs: 1, decideMs: 1, overlapThreshold: 1, minOverlapMs: 1,
} satisfies Record<keyof Policy, 1>;
const ASKS = ["maxFalseCutoff", "meanLatencyMs", "preset"] as const;
const DECIDED = ["endThreshold", "minSilenceMs", "maxSilenceMs"] as const;
const NAMES: readonly string[] = [...Object.keys(THRESHOLDS), ...ASKS];

/** The policy by its own entries, or a thrown `option`; ranges and what the model can do are told by the model. @internal */
export function checkedPolicy(policy: unknown): PolicyOptions {
  if (typeof policy !== "object" || policy === null || Array.isArray(policy)) {
    throw wrong("policy", "an object of thresholds and times", policy);
  }
  const entries = Object.entries(policy).filter(([, value]) => value !== undefined);
  for (const [name, value] of entries) {
    if (!NAMES.includes(name)) throw wrong("policy", `one of ${NAMES.join(", ")}`, name);
    if (name === "preset") oneOf(PRESETS, "preset", value);
    else if (typeof value !== "number" || Number.isNaN(value)) throw wrong(name, "a number", value);
  }
  const given = Object.fromEntries(entries);
  const [ask, other] = ASKS.filter((name) => name in given);
  if (other) throw wrong(other, `to be left out beside ${String(ask)}`, given[other]);
  const decided = DECIDED.find((name) => ask && name in given);
  if (decided) throw wrong(decided, `to be left out, ${String(ask)} decides it`, given[decided]);
  return given;
}

/** The expectation, or a thrown `option`. @internal */
export function checkedExpectation(expectation: unknown): Expectation {
  return oneOf(EXPECTATIONS, "expect", expectation);
}

function oneOf<T extends string>(known: readonly T[], name: string, value: unknown): T {
  const found = known.find((each) => each === value);
  if (found === undefined) throw wrong(name, `one of ${known.join(", ")}`, value);
  return found;
}
