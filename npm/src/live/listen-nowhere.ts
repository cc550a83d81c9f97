// Listening live where there is no page.
import { VapTurnError } from "../common/errors.js";
import type { listen as inPage } from "./listen.js";

/** Rejects with `context`: a page is needed. */
export const listen: typeof inPage = () =>
  Promise.reject(new VapTurnError("context", "listen: expected a browser with Web Audio; TurnDetector hears samples anywhere"));
