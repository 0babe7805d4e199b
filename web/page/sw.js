// Keeps the page for when there is no network. All files of one build are kept together and served together; another
// build is another worker, which takes over when the last tab of this one is closed.
const HERE = `hindsight ${self.registration.scope} `;
const CACHE = `${HERE}BUILD`;
const FILES = ["./", "index.html", "start.js", "style.css", "icon.svg", "hindsight.js", "hindsight_bg.wasm"];

self.addEventListener("install", (event) => {
  const fresh = FILES.map((file) => new Request(file, { cache: "reload" }));
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(fresh)));
});

self.addEventListener("activate", (event) => {
  const drop = async () => {
    for (const name of await caches.keys()) {
      if (name.startsWith(HERE) && name !== CACHE) await caches.delete(name);
    }
  };
  event.waitUntil(drop());
});

self.addEventListener("fetch", (event) => {
  if (event.request.method !== "GET" || new URL(event.request.url).origin !== location.origin) return;
  const answer = async () => {
    const cache = await caches.open(CACHE);
    return (await cache.match(event.request, { ignoreSearch: true })) ?? fetch(event.request);
  };
  event.respondWith(answer());
});
