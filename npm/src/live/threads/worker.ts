// The Worker: takes sound from the capture worklet piece by piece, computes, and tells the page. Built into one
// file without imports.
import { Engine } from "../../wasm/engine.js";
import type { Begin, Finish, Sound, ToWorker } from "../messages.js";
import { measured } from "./pace.js";
import { WorkerReporter } from "./worker-reporter.js";

const reporter = new WorkerReporter();
let engine: Engine | undefined;

/** Calls, and tells the page of what is thrown. */
function guarded(call: () => void): void {
  try {
    call();
  } catch (error) {
    engine = undefined;
    reporter.fail(error);
  }
}

function attend(port: MessagePort): void {
  port.onmessage = ({ data }: MessageEvent<Sound | Finish>) => {
    guarded(() => {
      if (!engine) return;
      if (data.kind === "sound") reporter.hearNow(engine, data, port);
      else reporter.tell(engine.finish(), true);
    });
  };
}

function begin(message: Begin): void {
  engine = new Engine(message);
  const pace = measured(engine, message.rates);
  engine.reset();
  reporter.post({ kind: "ready", start: engine.start, pace });
}

globalThis.onmessage = ({ data }: MessageEvent<ToWorker>) => {
  guarded(() => {
    if (data.kind === "attend") attend(data.sound);
    else if (data.kind === "steer") {
      if (engine) reporter.post({ kind: "steered", id: data.id, ...engine.steer(data) });
    } else if ((data.kind as unknown) === "begin") begin(data);
    // Others are messages of a page that has made the Worker itself.
  });
};
