// What a session of the wasm side decides its events by, and how that changes.
import { asVapTurnError } from "../common/errors.js";
import type { Steer, Steered } from "../live/messages.js";
import type { PolicyInForce } from "../common/options.js";
import type { Relay, Session } from "./vap_wasm.js";

export function inForce(session: Session | Relay): PolicyInForce {
  const expected = session.expected();
  return { policy: session.policy(), expectation: session.expectation(), ...(expected && { expected }) };
}

/** Changes policy or expectation from the hop on that ends after `fromMs`; what is refused leaves the old one. */
export function steered(session: Session | Relay, { id, policy, expect }: Pick<Steer, "id" | "policy" | "expect">, fromMs: number): Steered {
  try {
    if (policy) session.setPolicy(policy);
    if (expect) session.expect(expect);
    return { kind: "steered", id, change: { ...inForce(session), fromMs } };
  } catch (error) {
    const { code, message } = asVapTurnError(error);
    if (code === "internal") throw error;
    return { kind: "steered", id, refused: { code, message } };
  }
}
