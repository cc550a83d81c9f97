// Before packing: everything is built from source, by the one command that does so, and the licence comes along.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));
// On stderr: npm prints the tarball's name on stdout, for programs.
const { error, status } = spawnSync("cargo", ["xtask", "build"], { cwd: root, stdio: ["ignore", 2, 2] });
if (error) throw new Error(`cargo, which builds the package from source, did not start: ${error.message}`);
if (status !== 0) throw new Error("`cargo xtask build` failed");
await import("./legal.js");
