// The drawer: packets as list, tree, bytes and pcapng; a packet's journey; tables of what is selected.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { eventually, press, ready, rows, run } from './lab.mjs';
import { visit } from './visit.mjs';

test('a packet opens as tree and bytes, and each marks the other', async (t) => {
  const { page } = await visit(t, '#/lab/links-switch');
  await ready(page);
  await run(page, 'ping -c 1 192.168.1.2');
  await page.locator('.frame').filter({ hasText: 'Echo request' }).first().click();
  const tree = page.getByRole('group', { name: 'Layers' });
  await tree.getByRole('button', { name: /^Internet Protocol Version 4/ }).waitFor();
  await tree.getByRole('button', { name: /^Internet Protocol Version 4/ }).click();
  await tree.getByRole('button', { name: /^Time to Live: 64/ }).click();
  const bytes = page.getByRole('group', { name: 'Bytes' });
  assert.equal((await bytes.locator('.on').first().textContent()).trim(), '40', 'the byte of the TTL is marked');
  await bytes.locator('[data-at="30"]').first().click();
  const marked = tree.locator('.on');
  await marked.first().waitFor();
  assert.match(await marked.last().textContent(), /192\.168\.1\.2/);
  assert.equal((await bytes.locator('.on').count()) / 2, 4, 'four bytes of an address');
  const below = await bytes.evaluate((it) => it.parentElement.getBoundingClientRect().bottom - it.getBoundingClientRect().bottom);
  assert.ok(below < 2, `the bytes reach to the end of the pane, ${below} pixels are left`);
});

test('the display filter has Wireshark\'s words, and the list follows', async (t) => {
  const { page } = await visit(t, '#/lab/links-switch');
  await ready(page);
  await run(page, 'ping -c 1 192.168.1.2');
  const filter = page.getByRole('combobox', { name: 'Display filter' });
  const all = await rows(page);
  await filter.fill('arp');
  await eventually(page, 'only ARP', async () => {
    const infos = await page.locator('.frame .info').allTextContents();
    return infos.length > 0 && infos.length < all && infos.every((info) => /Who has|is at/.test(info));
  });
  await filter.fill('icmp.type == 8');
  await eventually(page, 'only requests', async () => {
    const infos = await page.locator('.frame .info').allTextContents();
    return infos.length > 0 && infos.every((info) => info.includes('request'));
  });
  await filter.fill('ip.addr ==');
  await page.getByText(/^Expected .* at character/).waitFor();
});

test('all packets are saved as pcapng', async (t) => {
  const { page } = await visit(t, '#/lab/links-switch');
  await ready(page);
  await run(page, 'ping -c 1 192.168.1.2');
  const came = page.waitForEvent('download');
  await press(page, 'Save all packets as pcapng');
  const download = await came;
  assert.match(download.suggestedFilename(), /^links-switch.*\.pcapng$/);
  const bytes = await readFile(await download.path());
  assert.equal(bytes.readUInt32LE(0), 0x0a0d0d0a, 'a section header block');
  assert.equal(bytes.readUInt32LE(8), 0x1a2b3c4d, 'its byte-order magic');
  assert.ok(bytes.length > 500, `${bytes.length} bytes`);
});

test('a packet\'s journey is told stop by stop, and so does why', async (t) => {
  const { page } = await visit(t, '#/lab/links-switch');
  await ready(page);
  await run(page, 'ping -c 1 192.168.1.2');
  await page.locator('.frame').filter({ hasText: 'Echo request' }).first().dblclick();
  const journey = page.locator('.journey');
  await journey.getByText('Taken by the kernel.').waitFor();
  const text = await journey.textContent();
  for (const place of ['a', 'switch', 'b']) assert.ok((await journey.locator('.place').allTextContents()).some((it) => it.startsWith(place)), place);
  assert.match(text, /br0|bridge/);
  assert.match(await run(page, 'why'), /192\.168\.1\.2/);
});

test('a device that is selected shows its tables and its rules, alive', async (t) => {
  const { page } = await visit(t, '#/lab/nat-publish-port');
  await ready(page);
  await page.locator('.device').filter({ hasText: 'docker0' }).first().click();
  await page.getByRole('tab', { name: 'Objects' }).click();
  const tables = page.locator('.tables');
  await tables.getByText('docker0').first().waitFor();
  await tables.getByText('172.17.0.1/16').first().waitFor();
  await page.getByRole('tab', { name: 'Rules' }).click();
  await tables.getByText('-P FORWARD DROP').first().waitFor();
  await run(page, 'iptables -t nat -A PREROUTING -p tcp --dport 8080 -j DNAT --to-destination 172.17.0.3:80');
  await tables.getByText(/--to-destination 172\.17\.0\.3:80/).first().waitFor();
});
