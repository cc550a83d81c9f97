// What a session of the wasm side decides its events by, and how that changes.
import type { PolicyAnswer, PolicyRequest } from "../common/conversation.js";
import { asVapTurnError } from "../common/errors.js";
import type { PolicyInForce } from "../common/options.js";
import type { RemoteSession, Session } from "./vap_wasm.js";

export function inForce(session: Session | RemoteSession): PolicyInForce {
  const expected = session.expected();
  return { policy: session.policy(), expectation: session.expectation(), ...(expected && { expected }) };
}

/** Changes policy or expectation from the hop on that ends after `fromMs`; what is refused leaves the old one. */
export function steered(session: Session | RemoteSession, { policy, expect }: PolicyRequest, fromMs: number): PolicyAnswer {
  try {
    if (policy) session.setPolicy(policy);
    if (expect) session.expect(expect);
    return { change: { ...inForce(session), fromMs } };
  } catch (error) {
    const { code, message } = asVapTurnError(error);
    if (code === "internal") throw error;
    return { refused: { code, message } };
  }
}
