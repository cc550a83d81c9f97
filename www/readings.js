// The numbers of one frame as bars, and how the computation fares.
const ROWS = [
  ["vad", "Speaks", (frame) => frame.vad],
  ["eot", "Turn at its end", (frame) => frame.eot],
  ["backchannel", "Backchannel", (frame) => frame.backchannel],
  ["pNow", "Next 0.6 s", (frame) => frame.pNow],
  ["pFuture", "Then up to 2 s", (frame) => frame.pFuture],
];
const RUNNERS = { worklet: "in the audio thread, CPU", worker: "in a Worker, CPU", page: "on the page, CPU" };

export class Readings {
  #cells = {};
  #facts;

  /** `body` of a table, and the elements of the facts by name. */
  constructor(body, facts) {
    this.#facts = facts;
    for (const [key, name] of ROWS) {
      const row = document.createElement("tr");
      const head = document.createElement("th");
      head.scope = "row";
      head.textContent = name;
      this.#cells[key] = ["user", "agent"].map(bar);
      row.append(head, ...this.#cells[key].map(({ cell }) => cell));
      body.append(row);
    }
  }

  /** Shows a frame, or none. */
  show(frame) {
    for (const [key, , read] of ROWS) {
      this.#cells[key].forEach(({ fill, number }, speaker) => {
        const value = frame ? read(frame)[speaker] : 0;
        fill.style.width = `${100 * value}%`;
        number.textContent = frame ? value.toFixed(2) : "–";
      });
    }
  }

  /** Shows where and how fast it is computed. */
  tell({ runIn, hopMs, delayMs, overruns, replayed }) {
    const text = (value, form) => (value === undefined ? "–" : form(value));
    this.#facts["run-in"].textContent = text(runIn, (name) => `${RUNNERS[name]}${replayed ? ", then" : ""}`);
    const coarse = runIn === "worklet";
    this.#facts.hop.textContent = text(hopMs, (ms) => `${coarse ? "≈ " : ""}${ms.toFixed(2)} ms`);
    this.#facts.coarse.hidden = !coarse;
    this.#facts.delay.textContent = text(delayMs, (ms) => `${ms.toFixed(0)} ms`);
    this.#facts.overruns.textContent = text(overruns, String);
  }
}

function bar(speaker) {
  const cell = document.createElement("td");
  const track = document.createElement("span");
  const fill = document.createElement("span");
  const number = document.createElement("span");
  cell.className = speaker;
  track.className = "bar";
  number.className = "number";
  track.append(fill);
  cell.append(track, number);
  return { cell, fill, number };
}
