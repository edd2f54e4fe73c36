// The service worker: after the first load the site is there without a network.
//
// FILES and VERSION are written in by the build. A new version is fetched whole, and takes over when
// no page of the old one is open.

const NAME = `network-costs-${VERSION}`;

self.addEventListener("install", (event) => {
  event.waitUntil(caches.open(NAME).then((cache) => cache.addAll(FILES)));
});

self.addEventListener("activate", (event) => {
  event.waitUntil(
    caches.keys().then((names) => {
      const old = names.filter((name) => name.startsWith("network-costs-") && name !== NAME);
      return Promise.all(old.map((name) => caches.delete(name)));
    }),
  );
});

self.addEventListener("fetch", (event) => {
  if (event.request.method !== "GET") return;
  event.respondWith(
    caches.open(NAME).then(async (cache) => {
      const asked = new URL(event.request.url);
      if (asked.pathname.endsWith("/")) asked.pathname += "index.html";
      return (await cache.match(asked.href, { ignoreSearch: true })) ?? fetch(event.request);
    }),
  );
});
