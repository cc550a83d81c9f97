// What runners are fed: model files, the same models as ONNX, sound, and what a network hears of it. The same in Node
// and in a browser.
import { features } from "./features.mjs";
import { header, randomModel } from "./model.mjs";
import { network } from "./network.mjs";
import { talk } from "./random.mjs";

const SECONDS = 20;
const RATES_HZ = [16_000, 48_000];

/** Materials for a model of these sizes with random weights; `silero` is the file of Silero VAD v5. */
export function materials(config, silero) {
  const models = { f32: randomModel(config, "f32"), int8: randomModel(config, "int8") };
  const sound = Object.fromEntries(RATES_HZ.map((rate) => [rate, [1, 2].map((seed) => talk(seed, rate, SECONDS))]));
  const { statistics } = header(models.f32);
  return {
    config,
    models,
    onnx: { f32: network(models.f32), int8: network(models.int8, { int8: true }) },
    sound,
    mels: sound[16_000].map((samples) => features(samples, statistics)),
    silero,
  };
}
