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

/**
 * Opens the site with its own browser, profile and server, for the test `t`. `hash` is the route; `options` go to
 * Playwright's context. `faults` gathers what must not happen; who provokes a fault takes it out again.
 */
export async function visit(t, hash = '', options = {}) {
  const site = await serve();
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: QUIET });
  const faults = [];
  t.after(async () => {
    await browser.close();
    await site.close();
    assert.deepEqual(faults, []);
  });
  /** A fresh profile with a page on it. */
  const enter = async (at, more = options) => {
    const context = await browser.newContext({ viewport: WIDE, ...more });
    watch(context, site.url, faults);
    const page = await context.newPage();
    page.setDefaultTimeout(20_000);
    await page.goto(at);
    return { context, page };
  };
  const { context, page } = await enter(site.url + hash);
  return { url: site.url, site, browser, context, page, faults, enter };
}

function watch(context, url, faults) {
  const { origin } = new URL(url);
  context.on('request', (request) => {
    const asked = new URL(request.url());
    const isOwn = asked.origin === origin || ['blob:', 'data:'].includes(asked.protocol);
    if (!isOwn) faults.push(`a request to ${asked}`);
  });
  context.on('response', (response) => { if (response.status() >= 400) faults.push(`${response.status()} ${response.url()}`); });
  context.on('weberror', (error) => faults.push(`thrown: ${error.error().stack ?? error.error()}`));
  context.on('console', (message) => { if (message.type() === 'error') faults.push(`console: ${message.text()}`); });
}
