// How a picture looks: colours told apart by everyone (after Okabe and Ito), the shape of each mark, XML made safe.
// Presentation attributes only, no style sheet: the picture shows under a strict Content-Security-Policy too.
import type { Speaker, TurnEvent } from "../common/events.js";

/** Strong and pale colour of each speaker. */
export const COLOUR: Record<Speaker, { strong: string; pale: string }> = {
  user: { strong: "#0072b2", pale: "#d3e8f5" },
  agent: { strong: "#c85200", pale: "#fce3cf" },
};

export const INK = "#1f2328";
export const MUTED = "#656d76";
export const QUIET = "#b4bac1";
export const RULE = "#e4e7ea";
export const LANE = "#f6f7f8";
export const FONT = "system-ui, 'Segoe UI', Roboto, 'DejaVu Sans', Arial, sans-serif";

/** Fill of a stretch in which both speak. */
export const HATCH = "url(#vap-turn-overlap)";
export const HATCH_PATTERN =
  `<defs><pattern id="vap-turn-overlap" width="6" height="6" patternUnits="userSpaceOnUse" ` +
  `patternTransform="rotate(45)"><rect width="2" height="6" fill="#7a2f8a" fill-opacity="0.38"/></pattern></defs>`;

/** Events that are drawn as a mark in the lane of their speaker. */
export type MarkType = Extract<
  TurnEvent["type"],
  "eagerEndOfTurn" | "endOfTurn" | "turnResumed" | "backchannel" | "interruption"
>;

/** A mark around `(x, y)`. */
export function mark(type: MarkType, x: number, y: number): string {
  const at = (dx: number, dy: number): string => `${num(x + dx)} ${num(y + dy)}`;
  const diamond = `M${at(0, -6)}L${at(5, 0)}L${at(0, 6)}L${at(-5, 0)}Z`;
  switch (type) {
    case "endOfTurn":
      return `<path d="${diamond}" fill="${INK}" stroke="${INK}" stroke-width="1.3"/>`;
    case "eagerEndOfTurn":
      return `<path d="${diamond}" fill="#fff" stroke="${INK}" stroke-width="1.3"/>`;
    case "turnResumed":
      return `<path d="M${at(-4, -4)}L${at(4, 4)}M${at(4, -4)}L${at(-4, 4)}" stroke="${MUTED}" stroke-width="2"/>`;
    case "backchannel":
      return `<circle cx="${num(x)}" cy="${num(y)}" r="5" fill="#009e73" stroke="#00543d"/>`;
    case "interruption":
      return `<path d="M${at(0, -6)}L${at(6, 5)}L${at(-6, 5)}Z" fill="#b3187f" stroke="#5e0a42"/>`;
  }
}

/** Arrow from `y` to `toY` at `x`. */
export function arrow(x: number, y: number, toY: number, colour: string): string {
  const back = toY < y ? 5 : -5;
  const head = `M${num(x - 4)} ${num(toY + back)}L${num(x)} ${num(toY)}L${num(x + 4)} ${num(toY + back)}`;
  return `<path d="M${num(x)} ${num(y)}V${num(toY)}${head}" fill="none" stroke="${colour}" stroke-width="2"/>`;
}

/** Text of a picture. */
export function text(
  x: number,
  y: number,
  content: string,
  { size = 12, fill = INK, anchor = "start", weight = "normal" } = {},
): string {
  const look = `font-size="${size}" fill="${fill}" text-anchor="${anchor}" font-weight="${weight}"`;
  return `<text x="${num(x)}" y="${num(y)}" ${look}>${escaped(content)}</text>`;
}

/** A group that tells `title` when pointed at. */
export function titled(title: string, content: string): string {
  return `<g><title>${escaped(title)}</title>${content}</g>`;
}

/** Rectangle with further attributes. */
export function box(x: number, y: number, width: number, height: number, fill: string, more = ""): string {
  return `<rect x="${num(x)}" y="${num(y)}" width="${num(width)}" height="${num(height)}" fill="${fill}"${more && ` ${more}`}/>`;
}

/** A coordinate, to a tenth of a pixel. */
export function num(value: number): string {
  return String(Math.round(value * 10) / 10);
}

/** Text that is safe within XML: file names come from outside. */
export function escaped(content: string): string {
  const entities: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
  // eslint-disable-next-line no-control-regex -- XML has no place for control characters, not even escaped.
  const printable = content.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|\p{Surrogate}/gu, "\ufffd");
  return printable.replace(/[&<>"']/g, (sign) => entities[sign] ?? sign);
}
