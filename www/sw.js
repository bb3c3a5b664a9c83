// The service worker: the whole site from a cache of one version, so that it works without a network.
// A new version is fetched whole, then waits until the page says "take over"; a running lab is never replaced.
// The engine of clusters comes later: when a lab asks for it, or when the page has nothing to do and says "the rest".
// `www/precache.mjs` puts the version here and lists the files; while developing there is none, and nothing is cached.
const VERSION = "";
const PREFIX = "vethlab-";
const CACHE = PREFIX + VERSION;
const LIST = "precache.json";

const root = (path) => new URL(path, self.registration.scope).href;

async function install() {
  const list = await fetch(root(LIST), { cache: "no-cache" });
  const { files } = await list.clone().json();
  const cache = await caches.open(CACHE);
  await cache.put(root(LIST), list);
  await cache.addAll(files.map((path) => new Request(root(path), { cache: "no-cache" })));
}

async function activate() {
  for (const name of await caches.keys()) {
    if (name.startsWith(PREFIX) && name !== CACHE) await caches.delete(name);
  }
  await self.clients.claim();
}

// Files that are fetched later, as address and hash: another version's file is refused.
async function later(cache) {
  const list = await cache.match(root(LIST));
  return list ? Object.entries((await list.json()).later).map(([path, integrity]) => [root(path), integrity]) : [];
}

async function fetchLater(cache, address, integrity) {
  const response = await fetch(address, { integrity, cache: "no-cache" });
  if (response.ok) await cache.put(address, response.clone());
  return response;
}

async function rest() {
  if (navigator.connection?.saveData) return;
  const cache = await caches.open(CACHE);
  for (const [address, integrity] of await later(cache)) {
    if (!(await cache.match(address))) await fetchLater(cache, address, integrity);
  }
}

async function answer(request) {
  const cache = await caches.open(CACHE);
  const wanted = request.mode === "navigate" ? root("index.html") : request;
  const known = await cache.match(wanted, { ignoreSearch: true });
  if (known) return known;
  const late = (await later(cache)).find(([address]) => address === request.url);
  return late ? fetchLater(cache, ...late) : fetch(request);
}

self.addEventListener("install", (event) => event.waitUntil(VERSION ? install() : self.skipWaiting()));
self.addEventListener("activate", (event) => event.waitUntil(activate()));
self.addEventListener("message", (event) => {
  if (event.data === "take over") self.skipWaiting();
  if (event.data === "the rest" && VERSION) event.waitUntil(rest());
});
self.addEventListener("fetch", (event) => {
  const own = event.request.url.startsWith(self.registration.scope);
  if (VERSION && own && event.request.method === "GET") event.respondWith(answer(event.request));
});
