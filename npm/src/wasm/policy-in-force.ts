// What a session of the wasm side decides its events by, and how that changes.
import { asVapTurnError, type ErrorCode } from "../common/errors.js";
import type { Expectation, PolicyChange, PolicyInForce, PolicyOptions } from "../common/options.js";
import type { RemoteSession, Session } from "./vap_wasm.js";

/** Another policy or expectation. */
export interface PolicyRequest {
  policy?: PolicyOptions;
  expect?: Expectation;
}

/** What came of it: one of the two. */
export interface PolicyAnswer {
  change?: PolicyChange;
  /** Why the old one stays. */
  refused?: { code: ErrorCode; message: string };
}

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
