// Prints how big the site is and how fast it opens: node tests/browser/bench.mjs [SITE]
//
// Download sizes are what a first visit to a lab asks for, compressed with brotli as a web host would.
// Figures, not tests: nothing here fails for being slow.
import { resolve } from 'node:path';
import { brotliCompressSync, constants } from 'node:zlib';
import { chromium } from 'playwright-core';
import { serve } from './site.mjs';
import { CHROMIUM, QUIET, WIDE } from './visit.mjs';

process.env.VETHLAB_SITE = resolve(process.argv[2] ?? 'dist');

const brotli = (bytes) => brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }).length;
const kb = (bytes) => `${(bytes / 1000).toFixed(0).padStart(6)} kB`;
const print = (what, value) => console.log(`${what.padEnd(60)} ${value}`);

const site = await serve();
const browser = await chromium.launch({ executablePath: CHROMIUM, args: QUIET });
const context = await browser.newContext({ viewport: WIDE, serviceWorkers: 'block' });
const page = await context.newPage();

const files = new Map();
page.on('response', async (response) => {
  if (response.ok()) files.set(new URL(response.url()).pathname, await response.body().catch(() => Buffer.alloc(0)));
});

/** Milliseconds from opening `hash` until `ready` shows. */
async function opening(hash, ready) {
  await page.goto('about:blank');
  const started = performance.now();
  await page.goto(site.url + hash);
  await page.locator(ready).first().waitFor();
  return performance.now() - started;
}

const cold = await opening('#/lab/switch', 'main h1');
print('lesson readable, first visit', `${cold.toFixed(0).padStart(6)} ms`);
const terminal = await opening('#/lab/switch', '.xterm');
print('terminal there, files cached', `${terminal.toFixed(0).padStart(6)} ms`);
await page.waitForLoadState('networkidle');

let [raw, small] = [0, 0];
for (const [name, bytes] of [...files].sort((a, b) => b[1].length - a[1].length)) {
  const size = brotli(bytes);
  raw += bytes.length;
  small += size;
  if (size > 5000) print(`  ${name.split('/').pop() || 'index.html'}`, `${kb(size)} (raw ${kb(bytes.length).trim()})`);
}
print('download of a first visit, brotli (at most 1500 kB)', `${kb(small)} (raw ${kb(raw).trim()})`);

await browser.close();
await site.close();
