// What holds for a mere visit.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { prompt, ready, run } from './lab.mjs';
import { PHONE, WIDE, visit } from './visit.mjs';

test('the page opens below a folder and asks nobody else for anything', async (t) => {
  const { page } = await visit(t);
  await page.getByRole('main').waitFor();
  assert.match(await page.title(), /vethlab/);
});

test('the lesson is readable before the engine has come', async (t) => {
  const { page, context, url } = await visit(t);
  let come;
  const held = new Promise((done) => { come = done; });
  await context.route('**/engine_bg.wasm', async (route) => { await held; await route.continue(); });
  const late = await context.newPage();
  await page.close();
  await late.goto(`${url}#/lab/links-switch`);
  await late.getByRole('heading', { name: 'A switch learns' }).waitFor();
  await late.getByText('Starting the machines').first().waitFor();
  come();
  await ready(late);
});

test('every lesson of the course opens with its machines', async (t) => {
  const { page, url } = await visit(t);
  await page.locator('.lessons a').first().waitFor();
  const hashes = await page.locator('.lessons a').evaluateAll((all) => all.map((it) => it.getAttribute('href')));
  assert.ok(hashes.length >= 2);
  for (const hash of [...hashes, '#/sandbox']) {
    await page.goto(url + hash);
    await page.locator('.lesson h1').waitFor();
    await prompt(page);
  }
});

test('an address that leads nowhere says so', async (t) => {
  const { page } = await visit(t, '#/nowhere/at/all');
  await page.getByRole('heading', { name: 'There is nothing at this address.' }).waitFor();
  await page.getByRole('link', { name: 'To the course', exact: true }).click();
  await page.getByRole('link', { name: 'Start' }).waitFor();
});

test('an address of no lab says so, wide and on a phone, and leads back', async (t) => {
  for (const viewport of [WIDE, PHONE]) {
    const { page, faults } = await visit(t, '#/lab/nosuch', { viewport });
    await page.getByRole('heading', { name: 'There is no lab “nosuch”.' }).waitFor();
    assert.equal(await page.getByText('Starting the machines').count(), 0);
    assert.equal(await page.getByText('No packets yet').count(), 0);
    await page.getByRole('link', { name: 'To the course', exact: true }).click();
    await page.getByRole('link', { name: 'Start' }).waitFor();
    faults.splice(0, faults.length, ...faults.filter((fault) => !/404/.test(fault)));
  }
});

test('the course says how many lessons and exam tasks are solved', async (t) => {
  const { page } = await visit(t);
  const count = await page.locator('#course-title .count').textContent();
  const [, lessons, tasks] = /^0 of (\d+) lessons and 0 of (\d+) exam tasks solved$/.exec(count);
  assert.equal(await page.locator('.lessons .kind').filter({ hasText: /^exam task$/ }).count(), Number(tasks));
  assert.equal(await page.locator('.lessons li').count(), Number(lessons) + Number(tasks));
});

test('without motion, packets and drops are still seen', async (t) => {
  const { page } = await visit(t, '#/lab/links-switch', { reducedMotion: 'reduce' });
  await ready(page);
  await run(page, 'ping -c 1 -W 1 192.168.1.3');
  await page.locator('.mark').filter({ hasText: 'NEIGH_FAILED' }).first().waitFor();
  const running = await page.evaluate(() => document.getAnimations().filter((it) => it.effect.getComputedTiming().duration > 10).length);
  assert.equal(running, 0);
});
