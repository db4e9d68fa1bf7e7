// Service worker of the hall. Keeps nothing; answers the opening of a page that could not be fetched.
const PAGE = `<!doctype html><html lang="zh-Hans"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>现在没有网络 · 坤舆</title>
<style>body{margin:0;padding:24px;font:18px/1.7 system-ui,sans-serif;color:#17262b;background:#f4f6f6}
main{max-width:560px;margin:10vh auto 0}h1{font-size:24px}a{display:inline-block;margin-top:16px;padding:12px 24px;
color:#fff;background:#0b5c63;border-radius:4px;text-decoration:none}p[lang]{color:#4a5a60;font-size:16px}</style></head>
<body><main><h1>现在没有网络</h1><p>这一页打不开。填写过的内容已保存在本机，联网后打开原来的页面，点“接着填”，再点保存。</p>
<p lang="en">There is no network. What you typed is kept on this device: open the page again once there is, take it back and
save.</p><a href="">再试一次 / Try again</a></main></body></html>`;

self.addEventListener('install', () => self.skipWaiting());
self.addEventListener('activate', (event) => event.waitUntil(self.clients.claim()));
self.addEventListener('fetch', (event) => {
  const { request } = event;
  // what is sent is not touched: the page asks the network itself before it sends anything
  if (request.mode !== 'navigate' || request.method !== 'GET') return;
  event.respondWith(
    fetch(request).catch(
      () =>
        new Response(PAGE, {
          status: 503,
          headers: {
            'Content-Type': 'text/html; charset=utf-8',
            'Cache-Control': 'no-store',
            'Content-Security-Policy': "default-src 'none'; style-src 'unsafe-inline'",
          },
        }),
    ),
  );
});
