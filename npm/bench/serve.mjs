// A server for the page on this machine only. Its answers make the page cross-origin isolated, since its clock counts
// in steps of 5 µs then and of 100 µs otherwise.
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join } from "node:path";
import { URL } from "node:url";

const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".wasm": "application/wasm",
};

/** Serves files of `folders` (`{ "/prefix/": path }`); `asked` lists what was given, as paths of files. */
export async function serve(folders) {
  const asked = [];
  const find = (pathname) => {
    const [prefix, folder] = Object.entries(folders).find(([prefix]) => pathname.startsWith(prefix)) ?? [];
    const name = prefix && pathname.slice(prefix.length);
    return name && /^([\w-]+\/)*[\w-]+(\.[\w-]+)+$/.test(name) ? join(folder, name) : undefined;
  };
  const answer = async (request, response) => {
    const file = find(new URL(request.url, "http://localhost").pathname);
    const body = file && (await readFile(file).catch(() => undefined));
    if (!body) return response.writeHead(404).end();
    asked.push(file);
    response.writeHead(200, {
      "Content-Type": TYPES[extname(file)] ?? "application/octet-stream",
      "Cache-Control": "no-store",
      "Cross-Origin-Opener-Policy": "same-origin",
      "Cross-Origin-Embedder-Policy": "require-corp",
    });
    response.end(body);
  };
  const server = createServer((request, response) => void answer(request, response));
  await new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  return { address: `http://127.0.0.1:${server.address().port}`, asked, close: () => server.close() };
}
