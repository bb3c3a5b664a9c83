// An engine that stops says so, and the world comes back from its replay.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { prompt, ready, run, screen } from './lab.mjs';
import { visit } from './visit.mjs';

test('a crash of the engine is told, and the world comes back', async (t) => {
  const { page, faults } = await visit(t, '#/lab/links-switch');
  await ready(page);
  await run(page, 'ip addr add 10.11.12.13/24 dev eth0');
  await run(page, 'echo kept');
  // What no page of this version would send: the engine cannot read it, and panics.
  const [worker] = page.workers();
  await worker.evaluate(() => { setTimeout(() => self.onmessage(new MessageEvent('message', { data: new Uint8Array([255, 255, 255]) }))); });
  const dialog = page.getByRole('alertdialog', { name: 'The engine stopped. That is our mistake, not yours.' });
  await dialog.waitFor();
  assert.match(await dialog.textContent(), /unreachable|one version/);
  const came = page.waitForEvent('download');
  await dialog.getByRole('button', { name: 'Save the replay' }).click();
  assert.equal((await came).suggestedFilename(), 'crash.vethlab');
  await dialog.getByRole('button', { name: 'Restart from replay' }).click();
  await dialog.waitFor({ state: 'detached' });
  await prompt(page);
  await page.waitForFunction(() => document.querySelector('.screen--on .xterm-rows')?.textContent.includes('10.11.12.13'));
  assert.match(await run(page, 'ip -br addr show eth0'), /10\.11\.12\.13\/24/);
  assert.match(await screen(page), /eth0/);
  faults.splice(0, faults.length, ...faults.filter((fault) => !/unreachable|RuntimeError|panicked/.test(fault)));
});
