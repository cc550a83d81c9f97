// The sliders of the policy. Only what was moved differs from the model's own.
const PERCENT = { min: 0, max: 1, step: 0.01 };
const ABOVE_0 = { ...PERCENT, min: 0.01 };
const SLIDERS = {
  endThreshold: { ...PERCENT, name: "End of turn, from" },
  eagerThreshold: { ...PERCENT, name: "Turn may end, from" },
  minSilenceMs: { min: 0, max: 3000, step: 20, name: "Least silence before an end" },
  maxSilenceMs: { min: 100, max: 5000, step: 20, name: "Silence that always ends" },
  vadOnset: { ...ABOVE_0, name: "Speech, from" },
  backchannelThreshold: { ...PERCENT, name: "Backchannel, from" },
  vadOffset: { ...ABOVE_0, name: "Speech, until below" },
  overlapThreshold: { ...PERCENT, name: "Overlap, from" },
  minSpeechMs: { min: 40, max: 1000, step: 20, name: "Sound before it is speech" },
  minPauseMs: { min: 20, max: 1000, step: 20, name: "Quiet before speech ends" },
  eotSmoothingMs: { min: 0, max: 500, step: 10, name: "Smoothing of end of turn" },
  eagerHoldMs: { min: 0, max: 2000, step: 20, name: "Speech that retracts an end" },
  maxBackchannelMs: { min: 20, max: 3000, step: 20, name: "Longest backchannel" },
  decideMs: { min: 0, max: 2000, step: 20, name: "Listen before judging a sound" },
  minOverlapMs: { min: 20, max: 1000, step: 20, name: "Least overlap" },
};
const FIRST = 6;
/** The first is at most the second, less a gap. */
const ORDERED = [["vadOffset", "vadOnset", 0], ["eagerThreshold", "endThreshold", 0], ["minSilenceMs", "maxSilenceMs", 20], ["decideMs", "maxBackchannelMs", 0]];
/** A slider moved by keys changes with every press. */
const SETTLE_MS = 350;

export class PolicySliders {
  /** Told when a change has settled. */
  onchange = () => undefined;
  #own;
  #moved = {};
  #rows = {};
  #timer;
  #reset;

  /** `first` and `rest` are the elements to fill, `reset` the button that undoes all. */
  constructor({ first, rest, reset, own }) {
    this.#own = own;
    this.#reset = reset;
    Object.entries(SLIDERS).forEach(([key, slider], at) => (at < FIRST ? first : rest).append(this.#row(key, slider)));
    reset.addEventListener("click", () => {
      this.#moved = {};
      this.#settle();
    });
    this.#show();
  }

  /** What differs from the model's own; undefined for nothing. */
  get policy() {
    return Object.keys(this.#moved).length > 0 ? { ...this.#moved } : undefined;
  }

  #row(key, { name, ...range }) {
    const row = document.createElement("div");
    const label = document.createElement("label");
    const value = document.createElement("output");
    const input = document.createElement("input");
    Object.assign(input, { type: "range", id: key, ...range });
    label.htmlFor = value.htmlFor = key;
    label.textContent = name;
    input.addEventListener("input", () => {
      this.#move(key, input.valueAsNumber);
      this.#settle();
    });
    row.append(label, value, input);
    this.#rows[key] = { input, value, row };
    return row;
  }

  /** Moves one; those it must stay in order with follow. */
  #move(key, to) {
    this.#moved[key] = to;
    const now = { ...this.#own, ...this.#moved };
    for (const [low, high, gap] of ORDERED) {
      if (now[low] <= now[high] - gap) continue;
      if (key === low) this.#moved[high] = now[low] + gap;
      if (key === high) this.#moved[low] = Math.max(SLIDERS[low].min, now[high] - gap);
    }
  }

  #settle() {
    this.#show();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.onchange(), SETTLE_MS);
  }

  #show() {
    for (const [key, { input, value, row }] of Object.entries(this.#rows)) {
      const now = this.#moved[key] ?? this.#own[key];
      input.value = now;
      value.textContent = key.endsWith("Ms") ? `${now} ms` : now.toFixed(2);
      input.setAttribute("aria-valuetext", value.textContent);
      row.classList.toggle("moved", key in this.#moved);
    }
    this.#reset.disabled = !this.policy;
  }
}
