// Without a mouse, and with a screen reader: everything has a name, a focus that shows, and a way out.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { check, eventually, prompt, ready, run } from './lab.mjs';
import { PHONE, visit } from './visit.mjs';

const axe = readFileSync(new URL('../../node_modules/axe-core/axe.min.js', import.meta.url), 'utf8');

/** Every rule of WCAG 2 A and AA, and axe's best practices. */
async function sound(page) {
  await page.evaluate(axe);
  const found = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
  const told = found.violations.map((it) => `${it.id}: ${it.help}\n${it.nodes.slice(0, 4).map((node) => `    ${node.target} ${node.html.slice(0, 140)} ${node.failureSummary.split('\n')[1] ?? ''}`).join('\n')}`);
  assert.deepEqual(told, []);
}

const focused = (page) => page.evaluate(() => document.activeElement?.closest('#lesson, #picture, #time, #terminals, #drawer')?.id);

test('from the first page to a command without a mouse', async (t) => {
  const { page } = await visit(t);
  const start = page.getByRole('link', { name: 'Start' });
  await start.waitFor();
  for (let turn = 0; turn < 12 && !(await start.evaluate((it) => it === document.activeElement)); turn += 1) await page.keyboard.press('Tab');
  const outline = await start.evaluate((it) => getComputedStyle(it).outlineStyle);
  assert.equal(outline, 'solid', 'the focus shows');
  await page.keyboard.press('Enter');
  await ready(page);
  await run(page, 'echo here');
  const seen = [];
  for (let turn = 0; turn < 5; turn += 1) {
    await page.keyboard.press('F6');
    const before = seen.at(-1) ?? 'terminals';
    await page.waitForFunction((last) => { const id = document.activeElement?.closest('#lesson, #picture, #time, #terminals, #drawer')?.id; return id && id !== last; }, before);
    seen.push(await focused(page));
  }
  assert.deepEqual(seen, ['drawer', 'lesson', 'picture', 'time', 'terminals'], 'F6 leads out of the terminal and round');
});

test('the palette does by name what a button does', async (t) => {
  const { page } = await visit(t, '#/lab/links-switch');
  await ready(page);
  await run(page, 'ip addr add 10.11.12.13/24 dev eth0');
  await page.keyboard.press('Control+k');
  const input = page.getByRole('combobox', { name: 'Type a command' });
  await input.waitFor();
  await page.keyboard.type('undo');
  await page.keyboard.press('Enter');
  await input.waitFor({ state: 'detached' });
  await page.getByText('The last command is undone.').first().waitFor();
  await prompt(page);
  await page.keyboard.press('Control+k');
  await input.waitFor();
  await page.keyboard.press('Escape');
  await input.waitFor({ state: 'detached' });
  await eventually(page, 'the keyboard is back in the terminal', async () => await focused(page) === 'terminals');
});

test('tabs are walked with arrow keys', async (t) => {
  const { page } = await visit(t, '#/lab/links-switch');
  await ready(page);
  await page.getByRole('tab', { name: 'Packets' }).focus();
  await page.keyboard.press('ArrowRight');
  const journey = page.getByRole('tab', { name: 'Journey' });
  await eventually(page, 'Journey is selected and has the focus', async () =>
    await journey.getAttribute('aria-selected') === 'true' && journey.evaluate((it) => it === document.activeElement));
});

test('the picture is also a list of words', async (t) => {
  const { page } = await visit(t, '#/lab/links-switch');
  await ready(page);
  await page.getByRole('button', { name: 'The same as a list' }).click();
  const list = page.locator('.picture-list');
  await list.getByRole('heading', { name: /^switch/ }).waitFor();
  assert.match(await list.textContent(), /eth0.*192\.168\.1\.1\/24/s);
  await list.getByRole('button', { name: /^port3/ }).click();
  await list.locator('[aria-pressed="true"]').waitFor();
});

for (const colorScheme of ['light', 'dark']) {
  test(`axe finds nothing amiss, ${colorScheme}`, async (t) => {
    const { page } = await visit(t, '', { colorScheme });
    await page.locator('.lessons li').first().waitFor();
    await sound(page);
    await page.goto(`${page.url().split('#')[0]}#/lab/links-switch`);
    await ready(page);
    await run(page, 'ping -c 1 -W 1 192.168.1.3');
    await check(page, 'looked-at-fdb', 'fail');
    await page.locator('.frame').first().click();
    await page.locator('.tree').waitFor();
    await sound(page);
    await page.getByRole('tab', { name: 'Rules' }).click();
    await page.locator('.tables').waitFor();
    await sound(page);
    await page.getByRole('tab', { name: 'Journey' }).click();
    await page.getByRole('button', { name: 'The same as a list' }).click();
    await page.keyboard.press('Control+k');
    await page.locator('.palette').waitFor();
    await sound(page);
  });
}

test('axe finds nothing amiss in a cluster, and where there is no lab', async (t) => {
  const { page, faults } = await visit(t, '#/lab/cluster');
  await ready(page);
  await page.getByRole('tab', { name: 'Objects' }).click();
  await page.locator('.objects .scroller tbody button').first().click();
  await page.locator('.object pre').waitFor();
  await sound(page);
  await page.goto(`${page.url().split('#')[0]}#/lab/nosuch`);
  await page.getByRole('heading', { name: 'There is no lab' }).waitFor();
  await sound(page);
  faults.splice(0, faults.length, ...faults.filter((fault) => !/404/.test(fault)));
});

test('axe finds nothing amiss on a phone', async (t) => {
  const { page } = await visit(t, '#/lab/links-switch', { viewport: PHONE, hasTouch: true, isMobile: true });
  await page.getByRole('heading', { name: 'A switch learns' }).waitFor();
  for (const pane of ['Lesson', 'Picture', 'Terminal', 'Packets']) {
    await page.getByRole('button', { name: pane, exact: true }).click();
    await sound(page);
  }
});
