// On a phone: one pane at a time, a bar to change between them, and the keys a touch screen lacks.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { check, prompt, run, screen } from './lab.mjs';
import { PHONE, visit } from './visit.mjs';

const phone = { viewport: PHONE, hasTouch: true, isMobile: true };
const to = (page, pane) => page.locator('.bottom').getByRole('button', { name: pane, exact: true }).tap();

test('a lesson on a phone, through the bar at the bottom', async (t) => {
  const { page } = await visit(t, '#/lab/links-switch', phone);
  await page.getByRole('heading', { name: 'A switch learns' }).waitFor();
  await to(page, 'Terminal');
  await prompt(page);
  await run(page, 'ping -c 1 192.168.1.2');
  await page.locator('.keys').getByRole('button', { name: '↑' }).tap();
  await page.waitForFunction(() => document.querySelector('.screen--on .xterm-rows')?.textContent.replaceAll('\u00a0', ' ').match(/ping -c 1 192\.168\.1\.2/g)?.length >= 2);
  await page.locator('.keys').getByRole('button', { name: 'Ctrl' }).tap();
  await page.keyboard.type('c');
  await prompt(page);
  assert.match(await screen(page), /\^C/);
  await to(page, 'Packets');
  await page.locator('.frame').first().tap();
  await page.locator('.tree').waitFor();
  await to(page, 'Picture');
  await page.locator('.machine').first().waitFor();
  await to(page, 'Lesson');
  await check(page, 'a-reaches-b', 'pass');
  await page.locator('[data-run="bridge link"]').tap();
  await page.waitForFunction(() => document.querySelector('.screen--on .xterm-rows')?.textContent.includes('master'));
});

test('nothing is wider than the phone', async (t) => {
  const { page } = await visit(t, '', phone);
  await page.locator('.lessons li').first().waitFor();
  const fits = () => page.evaluate(() => document.documentElement.scrollWidth <= innerWidth);
  assert.ok(await fits(), 'home');
  await page.getByRole('link', { name: 'Start' }).tap();
  await page.getByRole('heading', { name: 'A switch learns' }).waitFor();
  for (const pane of ['Lesson', 'Picture', 'Terminal', 'Packets']) {
    await to(page, pane);
    assert.ok(await fits(), pane);
  }
});
