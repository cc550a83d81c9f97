// What can be said of a policy before the model is asked: names, kinds, and what excludes each other.
import { wrong } from "./checks.js";
import { ASKS, DECIDED, EXPECTATIONS, POLICY_LIMITS, PRESETS, type Expectation } from "./contract.js";
import type { PolicyOptions } from "./options.js";

const NAMES: readonly string[] = [...Object.keys(POLICY_LIMITS), ...ASKS];

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
