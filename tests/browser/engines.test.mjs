// A lab with a cluster has an engine of its own, which nobody downloads who has no use for it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { prompt, ready, run, screen } from './lab.mjs';
import { visit } from './visit.mjs';

/** A cluster boots in some seconds. */
const SLOW = { timeout: 60_000 };

/** Without a service worker every request is the page's own. Gives the engines that are asked for. */
async function watched(t, hash) {
  const entered = await visit(t, hash, { serviceWorkers: 'block' });
  const engines = [];
  entered.context.on('request', (request) => {
    engines.push(.../(?<=\/)(engine|cluster)(?=_bg\.wasm$)/.exec(request.url())?.slice(1) ?? []);
  });
  return { ...entered, engines };
}

async function clusterReady(page) {
  await page.locator('.machine').nth(3).waitFor(SLOW);
  await prompt(page);
}

test('a Linux lesson asks for the Linux engine alone, a cluster for its own', async (t) => {
  const { page, engines } = await watched(t, '#/lab/links-switch');
  await page.reload();
  await ready(page);
  await run(page, 'ping -c 1 192.168.1.2');
  assert.deepEqual([...new Set(engines)], ['engine']);
  engines.length = 0;
  await page.goto(`${page.url().split('#')[0]}#/lab/cluster`);
  await clusterReady(page);
  assert.deepEqual(engines, ['cluster']);
  assert.equal(page.workers().length, 1);
  assert.match(await run(page, 'kubectl get nodes'), /worker-2 +Ready/);
  // It can do all that the other can, so that the next lab needs none.
  await page.goto(`${page.url().split('#')[0]}#/lab/links-switch`);
  await page.getByRole('heading', { name: 'A switch learns' }).waitFor();
  await ready(page);
  assert.match(await run(page, 'ping -c 1 192.168.1.2'), /1 received/);
  assert.deepEqual(engines, ['cluster']);
});

test('a cluster comes back after a reload, by a link, and after its engine has stopped', async (t) => {
  const { page, context, url, enter, faults } = await visit(t, '#/lab/cluster');
  await context.grantPermissions(['clipboard-read', 'clipboard-write'], { origin: new URL(url).origin });
  await clusterReady(page);
  await run(page, 'kubectl create deployment web --image=nginx --replicas=2');
  await page.waitForFunction(() => localStorage.getItem('vethlab.world.cluster'));
  await run(page, 'kubectl rollout status deployment web');
  await page.getByRole('button', { name: 'Share', exact: true }).click();
  await page.locator('.toast').getByText('A link to this very state is copied.').waitFor();
  const link = await page.evaluate(() => navigator.clipboard.readText());
  const before = await screen(page);
  await page.reload();
  await clusterReady(page);
  assert.match(await run(page, 'kubectl get deployment'), /web +2\/2/);
  const { page: other } = await enter(link);
  await clusterReady(other);
  assert.equal(await screen(other), before);
  const [worker] = other.workers();
  await worker.evaluate(() => { setTimeout(() => self.onmessage(new MessageEvent('message', { data: new Uint8Array([255, 255, 255]) }))); });
  await other.getByRole('button', { name: 'Restart from replay' }).click();
  await clusterReady(other);
  assert.match(await run(other, 'kubectl get deployment'), /web +2\/2/);
  faults.splice(0, faults.length, ...faults.filter((fault) => !/unreachable|RuntimeError|panicked/.test(fault)));
});
