// Events as a list of lines, told by screen readers as they fall.
import { clock, eventDetail } from "../npm/dist/index.js";
import { QUIET, icon, nameOf } from "./marks.js";

export class EventList {
  /** Told the time of a line that was pointed at. */
  onpick = () => undefined;
  #list;
  #none;

  constructor(list, none) {
    this.#list = list;
    this.#none = none;
    list.addEventListener("click", ({ target }) => {
      const item = target.closest("li");
      if (item) this.onpick(Number(item.dataset.timeMs));
    });
  }

  /** Empties the list; `aloud` says whether what comes is to be told. */
  clear(aloud) {
    this.#list.replaceChildren();
    this.#list.setAttribute("aria-live", aloud ? "polite" : "off");
    this.#none.hidden = false;
  }

  add(event) {
    const item = document.createElement("li");
    item.className = QUIET.includes(event.type) ? "quiet" : "";
    item.dataset.timeMs = event.timeMs;
    const part = (tag, name, text) => Object.assign(document.createElement(tag), { className: name, textContent: text });
    item.append(
      part("time", "", clock(event.timeMs)),
      icon(event.type),
      part("span", `who ${event.speaker}`, event.speaker),
      part("strong", "", nameOf(event.type)),
      part("small", "", eventDetail(event)),
    );
    const list = this.#list;
    const following = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
    list.append(item);
    this.#none.hidden = true;
    if (following) list.scrollTop = list.scrollHeight;
  }

  /** Shows the last line at or before a time. */
  goTo(timeMs) {
    const list = this.#list;
    const shown = [...list.children].filter((item) => item.offsetParent);
    const current = shown.findLast((item) => Number(item.dataset.timeMs) <= timeMs);
    for (const item of list.querySelectorAll("[aria-current]")) item.removeAttribute("aria-current");
    if (!current) return list.scrollTo(0, 0);
    current.setAttribute("aria-current", "true");
    list.scrollTop = current.offsetTop - list.offsetTop - (list.clientHeight - current.offsetHeight) / 2;
  }
}
