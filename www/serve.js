// A small server for the page and its tests: the page, the built package and the sample call, nothing else, under the
// strictest Content-Security-Policy that the package works with. `npm run www` starts it on port 8080.
import { fileURLToPath } from "node:url";
import { serveFiles } from "./static.js";

const ROOT = new URL("../", import.meta.url);
const SERVED = /^(www|npm\/dist|npm\/models|tests\/fixtures)(\/[\w-]+)*\/[\w-]+(\.[\w-]+)*$/;
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

function find(pathname) {
  if (pathname === "/") return { redirect: "/www/index.html" };
  const path = pathname.slice(1);
  if (!SERVED.test(path)) return undefined;
  const headers = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
    // The page's service worker also answers for the package beside the page.
    ...(path === "www/sw.js" && { "Service-Worker-Allowed": "/" }),
  };
  return { file: new URL(path, ROOT), headers };
}

/** Starts the server; port 0 takes any free one. */
export const serve = (port) => serveFiles(find, port);

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const wanted = process.env.PORT;
  // Unless a port was asked for, any free one will do.
  const { address } = await serve(Number(wanted ?? 8080)).catch((error) => {
    if (wanted === undefined && error.code === "EADDRINUSE") return serve(0);
    throw error;
  });
  console.log(`the page: http://localhost:${new URL(address).port}/ (Ctrl+C ends it)`);
}
