// The service worker: the whole site from a cache of one version, so that it works without a network.
// A new version is fetched whole, then waits until the page says "take over"; a running lab is never replaced.
// `www/precache.mjs` puts the version here and lists the files; while developing there is none, and nothing is cached.
const VERSION = "";
const PREFIX = "vethlab-";
const CACHE = PREFIX + VERSION;

const root = (path) => new URL(path, self.registration.scope).href;

async function install() {
  const { files } = await (await fetch(root("precache.json"), { cache: "no-cache" })).json();
  const cache = await caches.open(CACHE);
  await cache.addAll(files.map((path) => new Request(root(path), { cache: "no-cache" })));
}

async function activate() {
  for (const name of await caches.keys()) {
    if (name.startsWith(PREFIX) && name !== CACHE) await caches.delete(name);
  }
  await self.clients.claim();
}

async function answer(request) {
  const cache = await caches.open(CACHE);
  const wanted = request.mode === "navigate" ? root("index.html") : request;
  return (await cache.match(wanted, { ignoreSearch: true })) ?? fetch(request);
}

self.addEventListener("install", (event) => event.waitUntil(VERSION ? install() : self.skipWaiting()));
self.addEventListener("activate", (event) => event.waitUntil(activate()));
self.addEventListener("message", (event) => event.data === "take over" && self.skipWaiting());
self.addEventListener("fetch", (event) => {
  const own = event.request.url.startsWith(self.registration.scope);
  if (VERSION && own && event.request.method === "GET") event.respondWith(answer(event.request));
});
