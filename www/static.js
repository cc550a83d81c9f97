// A server for static files on this machine only: of the page, of its tests and of the benches.
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname } from "node:path";

const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".mjs": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".wasm": "application/wasm",
  ".wav": "audio/wav",
};

/**
 * Starts it; port 0 takes any free one. `find(path)` says what a path of an address names: a `file` (path or URL), or the
 * `body` itself, with `headers`, or another address to `redirect` to; without any it is not found. `asked` lists the paths
 * that were answered.
 */
export async function serveFiles(find, port = 0) {
  const asked = [];
  const answer = async ({ url }, response) => {
    const { pathname } = new URL(url, "http://localhost");
    const { file, body, headers, redirect } = find(pathname) ?? {};
    if (redirect !== undefined) return response.writeHead(302, { Location: redirect }).end();
    const found = body ?? (file && (await readFile(file).catch(() => undefined)));
    if (found === undefined) return response.writeHead(404, { "Content-Type": "text/plain", ...headers }).end("not found\n");
    asked.push(pathname);
    const type = TYPES[extname(String(file ?? pathname))] ?? "application/octet-stream";
    return response.writeHead(200, { "Content-Type": type, ...headers }).end(found);
  };
  const server = createServer((request, response) => void answer(request, response));
  await new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  const stop = () => {
    server.close();
    server.closeAllConnections();
  };
  return { address: `http://127.0.0.1:${server.address().port}`, asked, stop };
}
