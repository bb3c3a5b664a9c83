// Serves the built site from memory-less static files, under a sub-path, as any web host would.
import { createReadStream, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';

/** Every page must work below a folder of a shared host. */
export const FOLDER = '/some/where/';

const TYPES = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.mjs': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.wasm': 'application/wasm',
  '.webmanifest': 'application/manifest+json',
  '.woff2': 'font/woff2',
};

/** Serves `folder`; gives the address of its index and `close`. */
export async function serve(folder = process.env.VETHLAB_SITE) {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url, 'http://localhost');
    const name = pathname.startsWith(FOLDER) ? normalize(decodeURIComponent(pathname.slice(FOLDER.length))) : '..';
    const path = join(folder, name === '.' || name === '' ? 'index.html' : name);
    if (name.startsWith('..') || !statSync(path, { throwIfNoEntry: false })?.isFile()) {
      response.writeHead(404, { 'content-type': 'text/plain' }).end('not found\n');
      return;
    }
    response.writeHead(200, { 'content-type': TYPES[extname(path)] ?? 'application/octet-stream', 'cache-control': 'no-cache' });
    createReadStream(path).pipe(response);
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  const url = `http://127.0.0.1:${server.address().port}${FOLDER}`;
  const close = () => new Promise((done) => { server.close(done); server.closeAllConnections(); });
  return { url, close };
}
