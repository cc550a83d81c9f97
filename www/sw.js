// Keeps the page for when there is no network: everything it is made of is fetched once and renewed when it is used.
// One cache a version of the package; older ones are dropped.
const VERSION = "0.1.0";
const CACHE = `vap-turn-${VERSION}`;
const PAGE = new URL("index.html", self.location.href).href;
const TEXT = /\.(html|js)$/;
/** For the GPU, which most pages never ask: kept only once it was used. */
const SELDOM = /\/(gpu-worker\.js|vap_gpu(_bg)?\.(js|wasm))$/;
/** What a file names in the ways used here: imports, `new URL(…, import.meta.url)`, `href` and `src`. */
const NAMED = [
  /(?:from|import)\s*"(\.{1,2}\/[^"]+)"/g,
  /new URL\("([^"]+)",\s*import\.meta\.url\)/g,
  /(?:href|src)="([\w./-]+)"/g,
];

self.addEventListener("install", (event) => {
  event.waitUntil(keepAll().then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
  event.waitUntil(dropOlder().then(() => self.clients.claim()));
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method === "GET" && new URL(request.url).origin === self.location.origin) event.respondWith(answer(request));
});

/** Follows the page from file to file. */
async function keepAll() {
  const cache = await caches.open(CACHE);
  const found = new Set([PAGE]);
  // The set grows as it is walked.
  for (const url of found) {
    const response = await fetch(url, { cache: "no-cache" });
    if (!response.ok) continue;
    await cache.put(url, response.clone());
    if (!TEXT.test(new URL(url).pathname)) continue;
    const text = await response.text();
    for (const [, name] of NAMED.flatMap((pattern) => [...text.matchAll(pattern)])) {
      const next = new URL(name, url);
      if (next.origin === self.location.origin && !SELDOM.test(next.pathname)) found.add(next.href);
    }
  }
}

async function dropOlder() {
  const names = await caches.keys();
  await Promise.all(names.filter((name) => name.startsWith("vap-turn-") && name !== CACHE).map((name) => caches.delete(name)));
}

/** The newest while there is a network, else what was kept. */
async function answer(request) {
  const cache = await caches.open(CACHE);
  try {
    const response = await fetch(request);
    if (response.status === 200 && !response.redirected) await cache.put(request, response.clone());
    return response;
  } catch (error) {
    const kept = await cache.match(request, { ignoreSearch: true, ignoreVary: true });
    if (kept) return kept;
    if (request.mode === "navigate") return Response.redirect(PAGE);
    throw error;
  }
}
