// A cluster on the page: Pods and Services in the picture, objects as kubectl shows them, a request's way to its backend.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually, ready, rows, run } from './lab.mjs';
import { visit } from './visit.mjs';

/** A cluster with Service `web` in front of two Pods that are Ready. */
async function cluster(t) {
  const { page } = await visit(t, '#/lab/cluster');
  page.setDefaultTimeout(60_000);
  await ready(page);
  await run(page, 'kubectl create deployment web --image=nginx --replicas=2');
  await run(page, 'kubectl expose deployment web --port=80');
  await page.locator('.service-name').filter({ hasText: /^web$/ }).waitFor();
  await eventually(page, 'both Pods run', async () => (await page.locator('.netns-name').filter({ hasText: /^web-/ }).count()) === 2);
  return page;
}

test('a request to a Service is told by its name, its chain and its backend, and marked in the picture', async (t) => {
  const page = await cluster(t);
  await run(page, 'kubectl wait --for=condition=Available deployment/web');
  await run(page, 'curl -s $(kubectl get service web -o jsonpath={.spec.clusterIP}) | head -n 4');
  await page.getByRole('combobox', { name: 'Display filter' }).fill('SYN');
  await page.locator('.frame').filter({ hasText: 'SYN' }).filter({ hasText: /→ 80/ }).first().click();
  await page.getByRole('tab', { name: 'Journey' }).click();
  await page.getByText(/^by KUBE-SEP-\w+ of default\/web$/).first().waitFor();
  await page.getByText('It is for Service default/web.').first().waitFor();
  await eventually(page, 'its Service is marked, and the one backend that got it', async () =>
    await page.locator('.service--on').count() === 1 && await page.locator('.service-line--on').count() === 1);
  await page.getByRole('tab', { name: 'Rules' }).click();
  await page.locator('tr.taken').filter({ hasText: '-j DNAT' }).first().waitFor();
});

test('on its way to a backend a packet is seen to pass the Service', async (t) => {
  const page = await cluster(t);
  await run(page, 'kubectl wait --for=condition=Available deployment/web');
  // It is there for a moment only, which may fall between two looks.
  await page.evaluate(() => {
    window.passed = new Set();
    const note = (changes) => changes.forEach((it) => window.passed.add(it.target.dataset.service));
    new MutationObserver(note).observe(document.body, { subtree: true, attributeFilter: ['data-service'] });
  });
  await run(page, 'curl -s $(kubectl get service web -o jsonpath={.spec.clusterIP}) | head -n 4');
  await eventually(page, 'it passes the Service', () => page.evaluate(() => window.passed.has('default/web')));
});

test('a table of objects shows names and states in a narrow pane, and a name that is cut says itself whole', async (t) => {
  const page = await cluster(t);
  await page.getByRole('tab', { name: 'Objects' }).click();
  await page.locator('.objects .scroller tr').filter({ hasText: /default\s*web-/ }).first().waitFor();
  const edges = () => page.evaluate(() => {
    const right = document.querySelector('.objects .scroller').getBoundingClientRect().right;
    const column = [...document.querySelectorAll('.objects th')].findIndex((it) => it.textContent === 'STATUS');
    return [...document.querySelectorAll('.objects tbody tr:not([aria-hidden])')].map((row) => right - row.children[column].getBoundingClientRect().right);
  });
  await eventually(page, 'every status is in view', async () => (await edges()).every((left) => left >= 0));
  assert.ok((await edges()).length >= 9);
  // A longer status leaves less for the names.
  await eventually(page, 'every Pod runs', async () => !/ContainerCreating|Pending/.test(await page.locator('.objects tbody').textContent()));
  const long = page.getByRole('button', { name: 'kube-controller-manager-control-plane', exact: true });
  assert.match(await long.locator('[aria-hidden]').textContent(), /^kube-controller-.*…plane$/);
  assert.equal(await long.getAttribute('title'), 'kube-controller-manager-control-plane');
});

test('the objects are kubectl\'s tables, and one of them opens with its events and its YAML', async (t) => {
  const page = await cluster(t);
  await page.getByRole('tab', { name: 'Objects' }).click();
  const pod = page.locator('.objects .scroller tr').filter({ hasText: /default\s*web-/ }).first();
  await pod.filter({ hasText: 'Running' }).waitFor();
  await pod.getByRole('button').click();
  await page.locator('.object td').filter({ hasText: 'Scheduled' }).first().waitFor();
  assert.match(await page.locator('.object pre').textContent(), /^apiVersion: v1\nkind: Pod\n/);
  await page.getByRole('combobox', { name: 'Kind' }).selectOption('Service');
  await page.locator('.objects .scroller tr').filter({ hasText: /kube-dns/ }).waitFor();
  await page.locator('.service-name').filter({ hasText: /^web$/ }).click();
  await page.getByRole('heading', { name: 'Service web' }).waitFor();
});

test('the cluster\'s own packets stand aside until they are wanted, a learner\'s never', async (t) => {
  const page = await cluster(t);
  await run(page, 'kubectl get nodes');
  const infos = () => page.locator('.frame .info').allTextContents();
  await eventually(page, 'the learner\'s request is there', async () => (await infos()).some((info) => /nodes/.test(info)));
  await rows(page);
  assert.ok(!(await infos()).some((info) => /leases/.test(info)), 'no lease is renewed in the list');
  const show = page.getByRole('button', { name: 'Show the cluster’s own traffic' });
  assert.match(await show.getAttribute('title'), /10250/);
  await show.click();
  await page.getByRole('button', { name: 'Hide the cluster’s own traffic' }).waitFor();
  await page.getByRole('combobox', { name: 'Display filter' }).fill('leases');
  await eventually(page, 'leases are renewed', async () => (await infos()).some((info) => /leases/.test(info)));
});
