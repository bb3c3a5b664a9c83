// A visit to the page in headless Chromium. Whatever happens on it: nothing may be thrown, logged as an error, missing,
// or asked of another origin; else the test fails at its end.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';
import { serve } from './site.mjs';

export const CHROMIUM = process.env.CHROMIUM ?? ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome'].find((path) => existsSync(path));

export const QUIET = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync'];

export const WIDE = { width: 1440, height: 900 };
export const PHONE = { width: 390, height: 844 };

/** Opens the site with its own browser, profile and server, for the test `t`. `options` go to Playwright's context. */
export async function visit(t, options = {}) {
  const site = await serve();
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: QUIET });
  const context = await browser.newContext({ viewport: WIDE, ...options });
  const faults = [];
  const origin = new URL(site.url).origin;
  context.on('request', (request) => {
    const url = new URL(request.url());
    const isOwn = url.origin === origin || ['blob:', 'data:'].includes(url.protocol);
    if (!isOwn) faults.push(`a request to ${url}`);
  });
  context.on('response', (response) => { if (response.status() >= 400) faults.push(`${response.status()} ${response.url()}`); });
  context.on('weberror', (error) => faults.push(`thrown: ${error.error().stack ?? error.error()}`));
  context.on('console', (message) => { if (message.type() === 'error') faults.push(`console: ${message.text()}`); });
  t.after(async () => {
    await browser.close();
    await site.close();
    assert.deepEqual(faults, []);
  });
  const page = await context.newPage();
  await page.goto(site.url);
  return { url: site.url, browser, context, page, faults };
}
