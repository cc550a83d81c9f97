// Canvases in device pixels, and colours from the style sheet.
const NAMES = [
  "--ink", "--muted", "--rule", "--card", "--lane", "--future", "--user", "--agent", "--shift", "--overlap", "--backchannel", "--interruption",
];
let colours;

/** The colours of the scheme in use. */
export function palette(element) {
  if (!colours) {
    const style = getComputedStyle(element);
    colours = Object.fromEntries(NAMES.map((name) => [name, style.getPropertyValue(name).trim()]));
  }
  return colours;
}

/** Calls back when the colours changed. */
export function onScheme(changed) {
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    colours = undefined;
    changed();
  });
}

/** A cleared canvas as large as it shows, in device pixels; drawn in those of the style sheet. */
export function fitted(canvas) {
  const { clientWidth: width, clientHeight: height } = canvas;
  const ratio = window.devicePixelRatio || 1;
  const [wide, tall] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== wide || canvas.height !== tall) Object.assign(canvas, { width: wide, height: tall });
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  return { pen, width, height };
}
