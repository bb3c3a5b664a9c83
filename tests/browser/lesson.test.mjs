// A learner's whole way through two lessons, typed key by key, with what goes wrong on the way.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { check, machine, press, prompt, ready, run, screen } from './lab.mjs';
import { visit } from './visit.mjs';

test('from the first page to a solved lesson: a switch learns', async (t) => {
  const { page } = await visit(t);
  await page.getByRole('link', { name: 'Start' }).click();
  await page.waitForURL(/#\/lab\/links-switch$/);
  await page.getByRole('heading', { name: 'A switch learns' }).waitFor();
  await ready(page);
  assert.match(await run(page, 'ping -c 1 192.168.1.2'), /1 packets transmitted, 1 received, 0% packet loss/);
  await check(page, 'a-reaches-b', 'pass');
  await run(page, 'bridge fdb show br br0 dynamic', 'switch');
  await check(page, 'looked-at-fdb', 'pass');
  await check(page, 'a-reaches-c', 'fail');
  await run(page, 'ip link set port3 master br0');
  await run(page, 'ping -c 1 192.168.1.3', 'a');
  for (const id of ['looked-at-fdb', 'a-reaches-b', 'a-reaches-c', 'learnt-c']) await check(page, id, 'pass');
  await page.getByRole('heading', { name: 'Solved without help.' }).waitFor();
  await page.getByText('6 of 6 points').waitFor();
  const next = page.locator('.solved .next a');
  await next.click();
  await page.getByRole('heading', { name: await page.locator('h1').textContent() }).waitFor();
  assert.doesNotMatch(page.url(), /links-switch/);
});

test('two namespaces and a cable between: the second lesson, typed', async (t) => {
  const { page } = await visit(t, '#/lab/netns-veth');
  await ready(page);
  for (const line of ['ip netns add red', 'ip netns add blue', 'ip link add veth-red netns red type veth peer name veth-blue netns blue',
    'ip -n red addr add 192.168.15.1/24 dev veth-red', 'ip -n blue addr add 192.168.15.2/24 dev veth-blue']) await run(page, line);
  await check(page, 'blue-address', 'pass');
  await check(page, 'red-to-blue', 'fail');
  for (const name of ['red', 'blue']) await run(page, `ip -n ${name} link set veth-${name} up; ip -n ${name} link set lo up`);
  for (const id of ['red-address', 'blue-address', 'red-to-blue', 'red-to-itself']) await check(page, id, 'pass');
  await page.getByRole('heading', { name: 'Solved without help.' }).waitFor();
  assert.match(await run(page, 'ip netns exec red ping -c 1 192.168.15.2'), /1 received/);
});

test('a check that fails opens to want, got and why, and shows the packet', async (t) => {
  const { page } = await visit(t, '#/lab/nat-publish-port');
  await ready(page);
  await run(page, 'iptables -t nat -A PREROUTING -p tcp -d 192.168.1.2 --dport 8080 -j DNAT --to-destination 172.17.0.3:80');
  await check(page, 'published', 'fail');
  const row = page.locator('[data-check="published"]');
  for (const word of ['want', 'got', 'why']) await row.getByText(word, { exact: true }).waitFor();
  await row.getByText(/NETFILTER_DROP/).waitFor();
  await row.getByRole('button', { name: 'Show me the packet' }).click();
  const journey = page.locator('.journey');
  await journey.getByText('Ended: NETFILTER_DROP.').waitFor();
  assert.match(await journey.textContent(), /192\.168\.1\.2\.8080.*FORWARD/s);
  await page.locator('.moving:not([data-packets="0"])[data-packets]').waitFor();
  await page.locator('.mark').filter({ hasText: 'NETFILTER_DROP' }).waitFor();
});

test('a command in the prose is typed where it says, and hints and solution come when asked', async (t) => {
  const { page } = await visit(t, '#/lab/links-switch');
  await ready(page);
  await page.locator('[data-run="bridge link"]').click();
  await page.waitForFunction(() => document.querySelector('.screen--on')?.textContent.includes('master'));
  assert.match(await screen(page), /switch.*bridge link/s);
  await press(page, 'Hint');
  await page.getByRole('heading', { name: 'Hint 1' }).waitFor();
  await press(page, 'Next hint');
  await press(page, 'Solution');
  await page.locator('.solution [data-run="ip link set port3 master br0"]').click();
  await page.locator('.solution [data-run="ping -c 1 192.168.1.3"]').click();
  await page.getByRole('heading', { name: 'Solved.', exact: true }).waitFor();
});

test('undo takes back the last command, redo does it again, reset begins anew', async (t) => {
  const { page } = await visit(t, '#/lab/links-switch');
  await ready(page);
  await run(page, 'bridge link', 'switch');
  await run(page, 'ip link set port3 master br0');
  await machine(page, 'a');
  await run(page, 'ping -c 1 -W 1 192.168.1.3');
  await check(page, 'a-reaches-c', 'pass');
  await press(page, 'Undo');
  await page.waitForFunction(() => !document.querySelector('.screen--on')?.textContent.includes('ping'));
  await press(page, 'Undo');
  await check(page, 'a-reaches-c', 'fail');
  await press(page, 'Redo');
  await check(page, 'a-reaches-c', 'pass');
  await press(page, 'Reset');
  await check(page, 'a-reaches-c', 'todo');
  await prompt(page);
  assert.doesNotMatch(await screen(page), /port3|ping/);
});

test('a reload brings back terminals, world, progress and what was open', async (t) => {
  const { page } = await visit(t, '#/lab/links-switch');
  await ready(page);
  await run(page, 'ip link set port3 master br0', 'switch');
  await machine(page, 'a');
  await run(page, 'ping -c 1 192.168.1.3');
  await page.getByRole('tab', { name: 'Rules' }).click();
  const before = await screen(page);
  await check(page, 'a-reaches-c', 'pass');
  await page.waitForFunction(() => localStorage.getItem('vethlab.world.links-switch') && localStorage.getItem('vethlab.progress')?.includes('a-reaches-c'));
  await page.reload();
  await ready(page);
  await check(page, 'a-reaches-c', 'pass');
  await page.waitForFunction((count) => document.querySelectorAll('#terminals [role="tab"]').length === count, 2);
  await machine(page, 'a');
  assert.equal(await screen(page), before);
  assert.equal(await page.getByRole('tab', { name: 'Rules' }).getAttribute('aria-selected'), 'true');
  assert.match(await run(page, 'ip neigh'), /192\.168\.1\.3 dev eth0 lladdr 02:00:00:00:00:0c/);
});

test('a share link opened by somebody else is the same world', async (t) => {
  const { page, context, url, enter } = await visit(t, '#/lab/links-switch');
  await context.grantPermissions(['clipboard-read', 'clipboard-write'], { origin: new URL(url).origin });
  await ready(page);
  await run(page, 'ip addr add 10.11.12.13/24 dev eth0');
  const before = await screen(page);
  await press(page, 'Share');
  await page.locator('.toast').getByText('A link to this very state is copied.').waitFor();
  const link = await page.evaluate(() => navigator.clipboard.readText());
  assert.ok(link.startsWith(url), link);
  const { page: other } = await enter(link);
  await ready(other);
  await other.waitForFunction((text) => document.querySelector('.screen--on .xterm-rows')?.textContent.includes(text), '10.11.12.13');
  assert.equal(await screen(other), before);
  assert.match(await run(other, 'ip -br addr show eth0'), /10\.11\.12\.13\/24/);
});
