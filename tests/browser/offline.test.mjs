// After the first visit the site needs no network: service worker, cache, and a server that is gone.
import { test } from 'node:test';
import { eventually, prompt, ready, run } from './lab.mjs';
import { visit } from './visit.mjs';

test('with the network cut the page opens and a lab runs', async (t) => {
  const { page, site, faults } = await visit(t);
  await page.getByRole('main').waitFor();
  await page.evaluate(() => navigator.serviceWorker.ready.then(() => true));
  await page.waitForFunction(async () => (await caches.keys()).length > 0);
  // The clusters' engine comes last, when the page has all that it needs itself.
  await eventually(page, 'the engine of clusters is kept', () => page.evaluate(async () => Boolean(await caches.match(new URL('cluster_bg.wasm', location.href)))));
  await site.close();
  await page.reload();
  await page.getByRole('link', { name: 'Start' }).click();
  await ready(page);
  await run(page, 'ping -c 1 192.168.1.2');
  await page.goto(`${page.url().split('#')[0]}#/lab/netns-veth`);
  await page.getByRole('heading', { name: 'Red and blue, and the cable between' }).waitFor();
  await prompt(page);
  await page.goto(`${page.url().split('#')[0]}#/lab/cluster`);
  await page.locator('.machine').nth(3).waitFor({ timeout: 60_000 });
  // The browser looks for a new service worker and finds no server; nobody else misses it.
  const others = faults.filter((fault) => !fault.includes('ERR_CONNECTION_REFUSED') && !fault.includes('sw.js'));
  faults.splice(0, faults.length, ...others);
});
