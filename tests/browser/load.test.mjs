// What holds for a mere visit.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { visit } from './visit.mjs';

test('the page opens below a folder and asks nobody else for anything', async (t) => {
  const { page } = await visit(t);
  await page.getByRole('main').waitFor();
  assert.match(await page.title(), /vethlab/);
});
