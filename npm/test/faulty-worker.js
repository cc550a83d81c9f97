// A thread of a pool whose binary traps on a certain sample.
import { Session } from "../dist/wasm/vap_wasm.js";

const { push } = Session.prototype;
Session.prototype.push = function (user, agent) {
  if (user?.[0] === 0.625) throw new globalThis.WebAssembly.RuntimeError("unreachable");
  return push.call(this, user, agent);
};
await import("../dist/pool/worker.js");
