// Before packing: the repository's licence and notices travel with the package.
import { copyFile, readdir } from "node:fs/promises";

const root = new URL("../../", import.meta.url);
const names = (await readdir(root)).filter((name) => /^(LICENSE|NOTICE)/.test(name));
if (!names.some((name) => name.startsWith("LICENSE"))) throw new Error("no LICENSE at the root of the repository");
for (const name of names) await copyFile(new URL(name, root), new URL(`../${name}`, import.meta.url));
