// Takes the picture at the top of README.md: node tests/browser/screenshot.mjs [SITE] [FOLDER]
//
// A lesson in flight: a container's port is being published, the check that fails is open, and its packet is on its way.
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { chromium } from 'playwright-core';
import { press, ready, run } from './lab.mjs';
import { serve } from './site.mjs';
import { CHROMIUM, QUIET, WIDE } from './visit.mjs';

const [from = 'dist', to = 'docs'] = process.argv.slice(2);
process.env.VETHLAB_SITE = resolve(from);
mkdirSync(to, { recursive: true });

const site = await serve();
const browser = await chromium.launch({ executablePath: CHROMIUM, args: QUIET });
const context = await browser.newContext({ viewport: WIDE, colorScheme: 'light', serviceWorkers: 'block' });
const page = await context.newPage();
await page.goto(`${site.url}#/lab/nat-publish-port`);
await ready(page);
await run(page, 'iptables -t nat -A PREROUTING -p tcp --dport 8080 -j DNAT --to-destination 172.17.0.3:80');
await page.locator('[data-check="published"].check--fail').getByText(/NETFILTER_DROP/).waitFor();
await page.locator('[data-check="published"]').getByRole('button', { name: 'Show me the packet' }).click();
await page.locator('.mark').filter({ hasText: 'NETFILTER_DROP' }).waitFor();
await press(page, 'Play');
await page.waitForFunction(() => Number(document.querySelector('.moving').dataset.packets) && document.querySelector('.mark'));
await page.screenshot({ path: join(to, 'screenshot.png') });
await browser.close();
await site.close();
