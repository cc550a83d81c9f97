// The sliders of the policy. Only what was moved differs from the model's own.
import { POLICY_LIMITS, POLICY_ORDER } from "../npm/dist/index.js";

/** What people call each option, and how far its slider goes where few would want all that the package takes. */
const SLIDERS = {
  endThreshold: { name: "End of turn, from" },
  eagerThreshold: { name: "Turn may end, from" },
  minSilenceMs: { name: "Least silence before an end", max: 3000 },
  maxSilenceMs: { name: "Silence that always ends", min: 100, max: 5000 },
  vadOnset: { name: "Speech, from" },
  backchannelThreshold: { name: "Backchannel, from" },
  vadOffset: { name: "Speech, until below" },
  overlapThreshold: { name: "Overlap, from" },
  minSpeechMs: { name: "Sound before it is speech", max: 1000 },
  minPauseMs: { name: "Quiet before speech ends", max: 1000 },
  eotSmoothingMs: { name: "Smoothing of end of turn", max: 500, step: 10 },
  eagerHoldMs: { name: "Speech that retracts an end", max: 2000 },
  maxBackchannelMs: { name: "Longest backchannel", max: 3000 },
  decideMs: { name: "Listen before judging a sound", max: 2000 },
  minOverlapMs: { name: "Least overlap", max: 1000 },
};
/** All options, those without a slider of their own last. */
const KEYS = [...new Set([...Object.keys(SLIDERS), ...Object.keys(POLICY_LIMITS)])];
const RANGES = Object.fromEntries(KEYS.map((key) => [key, range(key)]));
const FIRST = 6;
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
    KEYS.forEach((key, at) => (at < FIRST ? first : rest).append(this.#row(key)));
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

  #row(key) {
    const row = document.createElement("div");
    const label = document.createElement("label");
    const value = document.createElement("output");
    const input = document.createElement("input");
    Object.assign(input, { type: "range", id: key, ...RANGES[key] });
    label.htmlFor = value.htmlFor = key;
    label.textContent = SLIDERS[key]?.name ?? key;
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
    for (const { low, high, less } of POLICY_ORDER) {
      const gap = less ? RANGES[low].step : 0;
      if (now[low] <= now[high] - gap) continue;
      if (key === low) this.#moved[high] = now[low] + gap;
      if (key === high) this.#moved[low] = Math.max(RANGES[low].min, now[high] - gap);
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

/** Least, most and step of a slider, within what the package takes. */
function range(key) {
  const { least, most, above } = POLICY_LIMITS[key];
  const { step = key.endsWith("Ms") ? 20 : 0.01, min = above ? step : least, max = most } = SLIDERS[key] ?? {};
  return { min, max, step };
}
