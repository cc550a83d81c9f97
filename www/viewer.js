// What is shown of a record, and when: the newest while it grows, any place of it otherwise.
import { clock } from "../npm/dist/index.js";
import { onScheme } from "./canvas.js";
import { drawOverview } from "./overview.js";
import { SessionRecord } from "./record.js";
import { Scope, frameAt } from "./scope.js";

export class Viewer {
  record = new SessionRecord("");
  /** Told the time of a place that was gone to. */
  onplace = () => undefined;
  #at;
  #scope;
  #readings;
  #timeMs = 0;
  #following = true;
  #durationMs;
  #drawn = false;

  /** `at` gives the elements: scope, overview, view, clock. */
  constructor(at, readings) {
    this.#at = at;
    this.#readings = readings;
    this.#scope = new Scope(at.scope);
    at.view.addEventListener("input", () => this.goTo(at.view.valueAsNumber));
    const pick = ({ offsetX, buttons }) => {
      if (buttons & 1) this.goTo((offsetX / at.overview.clientWidth) * this.#lengthMs());
    };
    at.overview.addEventListener("pointerdown", pick);
    at.overview.addEventListener("pointermove", pick);
    new ResizeObserver(() => this.refresh()).observe(at.scope);
    onScheme(() => this.refresh());
  }

  /** Shows a record from now on; `durationMs` is how long it will be, where that is known. */
  show(record, { following, durationMs }) {
    this.record = record;
    this.#following = following;
    this.#durationMs = durationMs;
    this.#timeMs = record.endMs;
    this.refresh();
  }

  /** The length, once it is known. */
  expect(durationMs) {
    this.#durationMs = durationMs;
  }

  /** The record grows no more. */
  settle() {
    this.#following = false;
    this.#durationMs = undefined;
    this.refresh();
  }

  /** Shows the place where something happened; the newest is shown while the record grows. */
  goTo(timeMs) {
    if (this.#following) return;
    this.#timeMs = Math.min(this.record.endMs, Math.max(0, Math.round(timeMs / 20) * 20));
    this.onplace(this.#timeMs);
    this.refresh();
  }

  /** Draws with the next picture of the screen. */
  refresh() {
    if (this.#drawn) return;
    this.#drawn = true;
    requestAnimationFrame(() => {
      this.#drawn = false;
      this.#draw();
    });
  }

  #lengthMs() {
    return Math.max(this.#durationMs ?? 0, this.record.endMs);
  }

  #draw() {
    const { record } = this;
    if (this.#following) this.#timeMs = record.endMs;
    const { view, clock: shown, overview } = this.#at;
    view.disabled = this.#following || record.endMs === 0;
    view.max = Math.ceil(this.#lengthMs() / 20) * 20;
    view.value = this.#timeMs;
    const text = clock(this.#timeMs).slice(0, -2);
    view.setAttribute("aria-valuetext", text);
    shown.textContent = text;
    this.#scope.draw(record, this.#timeMs);
    drawOverview(overview, record, this.#lengthMs(), this.#timeMs);
    this.#readings.show(frameAt(record, this.#timeMs));
  }
}
