// The bench's page on a server of its own. Its answers make the page cross-origin isolated, since its clock counts in
// steps of 5 µs then and of 100 µs otherwise.
import { join } from "node:path";
import { serveFiles } from "../../www/static.js";

const HEADERS = {
  "Cache-Control": "no-store",
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
};

/** Serves files of `folders` (`{ "/prefix/": path }`); `files()` lists those that were answered with, by their paths. */
export async function serve(folders) {
  const find = (pathname) => {
    const [prefix, folder] = Object.entries(folders).find(([prefix]) => pathname.startsWith(prefix)) ?? [];
    const name = prefix && pathname.slice(prefix.length);
    return name && /^([\w-]+\/)*[\w-]+(\.[\w-]+)+$/.test(name) ? { file: join(folder, name), headers: HEADERS } : undefined;
  };
  const server = await serveFiles(find);
  return { ...server, files: () => server.asked.map((path) => find(path).file) };
}
