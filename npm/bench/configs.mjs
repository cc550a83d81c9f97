// The model sizes of `configs/`.
import { readFile } from "node:fs/promises";
import { URL } from "node:url";
import { parse } from "smol-toml";

export const SIZES = ["baseline", "optimized", "light", "standard"];

/** The sizes in `configs/NAME.toml`, single ones overridden by `changes`. */
export async function config(name, changes = {}) {
  const text = await readFile(new URL(`../../configs/${name}.toml`, import.meta.url), "utf8");
  return { ...parse(text).model, ...changes };
}
