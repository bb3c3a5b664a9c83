// What a learner does in a lab, by the page's own controls: keys into xterm.js, clicks on what can be seen.
// Nothing here but `rows` waits for a time, only for what must come.
import assert from 'node:assert/strict';

const squeeze = (text) => text.replace(/\s+/g, '');

/** The rows of the terminal in front, without those below the cursor. */
export async function screen(page) {
  const rows = await page.locator('.screen--on .xterm-rows > div').allTextContents();
  return rows.map((row) => row.replaceAll('\u00a0', ' ').trimEnd()).join('\n').trimEnd();
}

/** Waits until the shell in front has printed its prompt and reads the next line. */
export async function prompt(page) {
  await page.waitForFunction(() => {
    const rows = [...document.querySelectorAll('.screen--on .xterm-rows > div')].map((row) => row.textContent.replaceAll('\u00a0', ' ').trimEnd());
    return /[#$]$/.test(rows.filter(Boolean).at(-1) ?? '');
  });
}

/** Brings a machine's terminal to the front, opening one if it has none. */
export async function machine(page, name) {
  await page.locator('#terminals .tabs').getByText(name, { exact: true }).first().click();
  await prompt(page);
}

/** Types a line, key by key, and waits for the next prompt. Gives what the screen then shows. */
export async function run(page, line, on) {
  if (on) await machine(page, on);
  await prompt(page);
  await page.locator('.screen--on .xterm-helper-textarea').focus();
  await page.keyboard.type(line);
  await page.waitForFunction((wanted) => {
    const rows = [...document.querySelectorAll('.screen--on .xterm-rows > div')].map((row) => row.textContent);
    return rows.join('').replace(/[\s\u00a0]+/g, '').endsWith(wanted);
  }, squeeze(line));
  await page.keyboard.press('Enter');
  await prompt(page);
  return screen(page);
}

/** Waits until a check has come to this state: todo, pass, fail or error. */
export const check = (page, id, state) => page.locator(`[data-check="${id}"].check--${state}`).waitFor();

/** The lab is there: its machines drawn, its first terminal reading. */
export async function ready(page) {
  await page.locator('.machine').first().waitFor();
  await prompt(page);
}

/** A button by its whole label. */
export const press = (page, label) => page.getByRole('button', { name: label, exact: true }).click();

/** The virtual time on the face of the clock, in microseconds. */
export async function clock(page) {
  const text = await page.locator('.face').textContent();
  const [, minutes, seconds, micros] = /(\d+):(\d+)\.([\d ]+)/.exec(text);
  return (Number(minutes) * 60 + Number(seconds)) * 1e6 + Number(micros.replaceAll(' ', ''));
}

export async function eventually(page, what, holds) {
  for (let turn = 0; turn < 200; turn += 1) {
    if (await holds()) return;
    await page.evaluate(() => new Promise((done) => { requestAnimationFrame(() => setTimeout(done, 30)); }));
  }
  assert.fail(`never: ${what}`);
}

/** How many packets are listed, once the list has stopped growing: it is drawn anew ten times a second. */
export async function rows(page) {
  for (let before = -1; ;) {
    const now = await page.locator('.frame').count();
    if (now === before) return now;
    before = now;
    await page.waitForTimeout(300);
  }
}
