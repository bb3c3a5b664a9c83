// Time: pause, one packet on and back, slow, and the bar of all that happened.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { check, clock, eventually, press, prompt, ready, rows, run, screen } from './lab.mjs';
import { visit } from './visit.mjs';

/** Types a line without waiting for what comes of it. */
async function type(page, line) {
  await page.locator('.screen--on .xterm-helper-textarea').focus();
  await page.keyboard.type(line);
  await page.keyboard.press('Enter');
}

test('a paused world goes one packet on, and one packet back', async (t) => {
  const { page } = await visit(t, '#/lab/links-switch');
  await ready(page);
  await press(page, 'Pause');
  await page.getByRole('button', { name: 'Go on', exact: true }).waitFor();
  const [begun, none] = [await clock(page), await rows(page)];
  await type(page, 'ping -c 1 192.168.1.2');
  await press(page, 'One packet on');
  await eventually(page, 'a packet is listed', async () => await rows(page) > none);
  const [first, one] = [await clock(page), await rows(page)];
  assert.ok(first >= begun);
  await page.locator('.moving:not([data-packets="0"])[data-packets]').waitFor();
  await press(page, 'One packet on');
  await eventually(page, 'a second packet is listed', async () => await rows(page) > one);
  const second = await clock(page);
  assert.ok(second >= first);
  await press(page, 'One packet back');
  await eventually(page, 'the second packet is gone again', async () => await rows(page) === one);
  assert.ok(await clock(page) <= second);
  await press(page, 'On until nothing happens');
  await prompt(page);
  assert.match(await screen(page), /1 packets transmitted, 1 received/);
});

test('slow is slow, and the bar leads back to where it is clicked', async (t) => {
  const { page } = await visit(t, '#/lab/links-switch');
  await ready(page);
  await run(page, 'ping -c 2 192.168.1.2');
  await check(page, 'a-reaches-b', 'pass');
  await page.getByRole('combobox', { name: 'Speed' }).selectOption({ label: '1 : 100' });
  await eventually(page, 'the clock runs slowly', async () => {
    const before = await clock(page);
    const ran = await page.evaluate(() => new Promise((done) => { const from = performance.now(); setTimeout(() => done(performance.now() - from), 400); }));
    const passed = await clock(page) - before;
    return passed > 0 && passed < ran * 1000 / 10;
  });
  const bar = page.getByRole('slider', { name: 'Point in time' });
  const later = await clock(page);
  const box = await bar.boundingBox();
  await bar.click({ position: { x: box.width * 0.5, y: box.height / 2 } });
  await eventually(page, 'the world is at an earlier time', async () => await clock(page) < later);
  await page.getByRole('button', { name: 'Go on', exact: true }).waitFor();
  const there = await clock(page);
  await bar.focus();
  await page.keyboard.press('ArrowRight');
  await eventually(page, 'the next mark is later', async () => await clock(page) > there);
  await page.keyboard.press('End');
  await eventually(page, 'the end is where it was', async () => await clock(page) >= later);
});

test('packets of a paced world come one after another, each drawn', async (t) => {
  const { page } = await visit(t, '#/lab/links-switch');
  await ready(page);
  await page.getByRole('combobox', { name: 'Speed' }).selectOption({ label: '4 packets/s' });
  await type(page, 'ping -c 1 192.168.1.2');
  await page.locator('.moving:not([data-packets="0"])[data-packets]').waitFor();
  await page.waitForFunction(() => document.querySelector('.screen--on')?.textContent.includes('1 received'));
  await page.getByRole('combobox', { name: 'Speed' }).selectOption({ label: 'live' });
  await prompt(page);
});
