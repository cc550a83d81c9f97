// A small server for the page and its tests: the page, the built package and the sample call, nothing else, under the
// strictest Content-Security-Policy that the package works with. `npm run www` starts it on port 8080.
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = new URL("../", import.meta.url);
const SERVED = /^(www|npm\/dist|npm\/models|tests\/fixtures)(\/[\w-]+)*\/[\w-]+(\.[\w-]+)*$/;
const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".wasm": "application/wasm",
  ".wav": "audio/wav",
};
export const POLICY = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "worker-src 'self'",
  "connect-src 'self'",
  "media-src 'self' blob:",
  "style-src 'self'",
  "img-src 'self' data:",
  "base-uri 'none'",
  "form-action 'none'",
].join("; ");

async function answer(request, response) {
  const { pathname } = new URL(request.url, "http://localhost");
  if (pathname === "/") return response.writeHead(302, { Location: "/www/index.html" }).end();
  const path = pathname.slice(1);
  const body = SERVED.test(path) ? await readFile(new URL(path, ROOT)).catch(() => undefined) : undefined;
  if (!body) return response.writeHead(404, { "Content-Type": "text/plain" }).end("not found\n");
  response.writeHead(200, {
    "Content-Type": TYPES[extname(path)] ?? "application/octet-stream",
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
    // The page's service worker also answers for the package beside the page.
    ...(path === "www/sw.js" && { "Service-Worker-Allowed": "/" }),
  });
  response.end(body);
}

/** Starts the server on this machine only; port 0 takes any free one. */
export function serve(port) {
  const server = createServer((request, response) => void answer(request, response));
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => resolve(server));
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const wanted = process.env.PORT;
  // Unless a port was asked for, any free one will do.
  const server = await serve(Number(wanted ?? 8080)).catch((error) => {
    if (wanted === undefined && error.code === "EADDRINUSE") return serve(0);
    throw error;
  });
  console.log(`the page: http://localhost:${server.address().port}/ (Ctrl+C ends it)`);
}
