// Events as marks: one shape and colour for the picture, the list and the legend.
import { eventName } from "../npm/dist/index.js";

/** Path around (0, 0) and the custom property of its colour; hollow ones are drawn as a line. */
export const MARKS = {
  endOfTurn: { path: "M0-6.5 5.5 0 0 6.5-5.5 0Z", colour: "--ink" },
  eagerEndOfTurn: { path: "M0-5.5 4.5 0 0 5.5-4.5 0Z", colour: "--ink", hollow: true },
  turnResumed: { path: "M-3.5-3.5 3.5 3.5M3.5-3.5-3.5 3.5", colour: "--muted", hollow: true },
  turnShift: { path: "M-6-2H1V-6L7 0 1 6V2H-6Z", colour: "--shift" },
  backchannel: { path: "M5 0A5 5 0 1 1-5 0 5 5 0 1 1 5 0Z", colour: "--backchannel" },
  interruption: { path: "M0-6 6.5 5.5H-6.5Z", colour: "--interruption" },
  overlapStart: { path: "M-6-5H2V1H-6ZM-2-1H6V5H-2Z", colour: "--overlap", hollow: true },
  overlapEnd: { path: "M-6-4H6M-6 4H6", colour: "--overlap", hollow: true },
  speechStart: { path: "M-4-5 5 0-4 5Z", colour: "--muted", hollow: true },
  speechEnd: { path: "M-4-4H4V4H-4Z", colour: "--muted", hollow: true },
};

/** Types that a reader may do without. */
export const QUIET = ["speechStart", "speechEnd"];

const LEGEND = ["endOfTurn", "eagerEndOfTurn", "turnResumed", "turnShift", "backchannel", "interruption", "overlapStart"];

/** What an event is called here. */
export function nameOf(type) {
  return eventName(type).toLowerCase();
}

/** The mark of an event as a small picture. */
export function icon(type) {
  const { path, colour, hollow } = MARKS[type];
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const shape = document.createElementNS("http://www.w3.org/2000/svg", "path");
  for (const [name, value] of Object.entries({ viewBox: "-8 -8 16 16", width: 16, height: 16, "aria-hidden": "true" })) {
    svg.setAttribute(name, value);
  }
  shape.setAttribute("d", path);
  shape.style.setProperty(hollow ? "stroke" : "fill", `var(${colour})`);
  shape.style.setProperty(hollow ? "fill" : "stroke", "none");
  shape.style.setProperty("stroke-width", "1.7");
  svg.append(shape);
  return svg;
}

/** Fills the legend. */
export function showLegend(list) {
  for (const type of LEGEND) {
    const item = document.createElement("li");
    item.append(icon(type), type === "overlapStart" ? "overlap" : nameOf(type));
    list.append(item);
  }
}
