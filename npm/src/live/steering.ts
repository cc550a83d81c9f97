// Questions to a runner that change policy or expectation, and their answers.
import { VapTurnError } from "../common/errors.js";
import type { PolicyChange } from "../common/options.js";
import type { Steer, Steered } from "./messages.js";

interface Waiting {
  resolve: (change: PolicyChange) => void;
  reject: (error: VapTurnError) => void;
}

/** What a session has asked of its runner and was not answered yet. */
export class Steering {
  #send: (message: Steer) => void;
  #waiting = new Map<number, Waiting>();
  #asked = 0;
  #ended = false;

  constructor(send: (message: Steer) => void) {
    this.#send = send;
  }

  /** Asks; rejected with what the runner refuses, or `closed`. */
  ask(request: Pick<Steer, "policy" | "expect">): Promise<PolicyChange> {
    return new Promise((resolve, reject) => {
      if (this.#ended) {
        reject(closed());
        return;
      }
      const id = this.#asked++;
      this.#waiting.set(id, { resolve, reject });
      this.#send({ kind: "steer", id, ...request });
    });
  }

  answer({ id, change, refused }: Steered): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (change) waiting?.resolve(change);
    else if (refused) waiting?.reject(new VapTurnError(refused.code, refused.message));
  }

  /** No answer comes any more. */
  end(): void {
    this.#ended = true;
    for (const { reject } of this.#waiting.values()) reject(closed());
    this.#waiting.clear();
  }
}

function closed(): VapTurnError {
  return new VapTurnError("closed", "session: it was closed");
}
