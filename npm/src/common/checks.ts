// What is asked of every caller's input, whatever it is for.
import { VapTurnError } from "./errors.js";

/** Refuses unknown options. */
export function checkNames(options: unknown, known: readonly string[]): void {
  checkObject("options", options);
  const unknown = Object.keys(options).find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw new VapTurnError("option", `option ${unknown}: unknown, expected one of ${known.join(", ")}`);
  }
}

/** Refuses what is no object; `name` says whose in errors. */
export function checkObject(name: string, given: unknown): asserts given is object {
  if (typeof given !== "object" || given === null) throw new VapTurnError("option", `${name}: expected an object, found ${shown(given)}`);
}

/** A wrong option. */
export function wrong(name: string, expected: string, found: unknown): VapTurnError {
  return new VapTurnError("option", `option ${name}: expected ${expected}, found ${shown(found)}`);
}

/** Anything in a few words. */
export function shown(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.slice(0, 32));
  if (["number", "boolean", "undefined", "bigint"].includes(typeof value) || value === null) return String(value);
  return Object.prototype.toString.call(value).slice(8, -1);
}

/** A rate as a caller gave it. */
export function rateOf(name: string, rate: unknown): number {
  if (Number.isSafeInteger(rate)) return rate as number;
  throw new VapTurnError("option", `option ${name}: expected a whole number of Hz (or rate for both), found ${String(rate)}`);
}
