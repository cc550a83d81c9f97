// The models as files, as a user's program would read them.
import { copyFile, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { randomModel, restored } from "./model.mjs";
import { network } from "./network.mjs";
import { sileroPath } from "./node-side.mjs";
import { SILERO } from "./products.mjs";

/** Writes a model of these sizes with random weights into `folder`, in every form, and Silero VAD beside it. */
export async function writeModels(config, folder) {
  const [f32, int8] = [randomModel(config, "f32"), randomModel(config, "int8")];
  const files = {
    [`${config.name}-f32.safetensors`]: f32,
    [`${config.name}-f16.safetensors`]: restored(f32, "f16"),
    [`${config.name}-int8.safetensors`]: int8,
    [`${config.name}-f32.onnx`]: network(f32),
    [`${config.name}-int8.onnx`]: network(int8, { int8: true }),
  };
  await mkdir(folder, { recursive: true });
  for (const [name, bytes] of Object.entries(files)) await writeFile(join(folder, name), bytes);
  await copyFile(sileroPath(), join(folder, SILERO));
}
