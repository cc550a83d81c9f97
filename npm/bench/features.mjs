// The features of vap-core/src/features.rs, told again in plain JavaScript: what stands between sound at 16 kHz and
// the network, so that other runtimes hear what ours hear. Not timed, and not fast.
import { MEL_BANDS } from "./sizes.mjs";

const RATE_HZ = 16_000;
const WINDOW = 400;
const STEP = 160;
const POINTS = 512;
const FLOOR = 1e-5;

const HANN = Float64Array.from({ length: WINDOW }, (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / WINDOW));
const COSINES = Float64Array.from({ length: POINTS }, (_, i) => Math.cos((2 * Math.PI * i) / POINTS));
const BANDS = bands();

/** Normalised log-mel frames of whole 10 ms steps of sound at 16 kHz, `[frames, 80]`. */
export function features(samples, { mean, deviation }) {
  const frames = Math.floor(samples.length / STEP);
  const out = new Float32Array(frames * MEL_BANDS);
  const windowed = new Float64Array(WINDOW);
  for (let frame = 0; frame < frames; frame++) {
    const end = (frame + 1) * STEP;
    for (let i = 0; i < WINDOW; i++) windowed[i] = HANN[i] * (samples[end - WINDOW + i] ?? 0);
    const power = spectrum(windowed);
    BANDS.forEach((weights, band) => {
      let energy = 0;
      for (const [bin, weight] of weights) energy += weight * power[bin];
      out[frame * MEL_BANDS + band] = (Math.log(Math.max(energy, FLOOR)) - mean[band]) / deviation[band];
    });
  }
  return out;
}

/** Power of each bin, by the definition. */
function spectrum(windowed) {
  return Float64Array.from({ length: POINTS / 2 + 1 }, (_, bin) => {
    let [real, imaginary] = [0, 0];
    for (let i = 0; i < WINDOW; i++) {
      real += windowed[i] * COSINES[(bin * i) % POINTS];
      imaginary += windowed[i] * COSINES[(bin * i + POINTS / 4) % POINTS];
    }
    return real * real + imaginary * imaginary;
  });
}

function bands() {
  const mel = (hz) => 2595 * Math.log10(1 + hz / 700);
  const hz = (mel) => 700 * (10 ** (mel / 2595) - 1);
  const edges = Array.from({ length: MEL_BANDS + 2 }, (_, i) => hz((mel(RATE_HZ / 2) * i) / (MEL_BANDS + 1)));
  return Array.from({ length: MEL_BANDS }, (_, band) => {
    const [low, middle, high] = edges.slice(band, band + 3);
    const weights = [];
    for (let bin = 0; bin <= POINTS / 2; bin++) {
      const at = (bin * RATE_HZ) / POINTS;
      const weight = Math.min((at - low) / (middle - low), (high - at) / (high - middle));
      if (weight > 0) weights.push([bin, weight]);
    }
    return weights;
  });
}
