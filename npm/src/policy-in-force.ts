// What a session of the wasm side decides its events by.
import type { PolicyInForce } from "./options.js";
import type { Session } from "./vap_wasm.js";

export function inForce(session: Session): PolicyInForce {
  const expected = session.expected();
  return { policy: session.policy(), expectation: session.expectation(), ...(expected && { expected }) };
}
