// Prints how big the site is, how fast it opens, how fast the engine is in Chromium and how smoothly the picture moves:
// node tests/browser/bench.mjs [SITE]
//
// Download sizes are what a first visit to a lab asks for, compressed with brotli as a web host would.
// Figures, not tests: nothing here fails for being slow.
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { brotliCompressSync, constants, deflateRawSync } from 'node:zlib';
import { chromium } from 'playwright-core';
import { prompt, ready, run } from './lab.mjs';
import { serve } from './site.mjs';
import { CHROMIUM, QUIET, WIDE } from './visit.mjs';
import * as webernetes from './webernetes.mjs';

process.env.VETHLAB_SITE = resolve(process.argv[2] ?? 'dist');

/** What a first visit may download, in kB after brotli. */
const BUDGET = 1500;

const brotli = (bytes) => brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }).length;
const kb = (bytes) => `${(bytes / 1000).toFixed(0).padStart(6)} kB`;
const ms = (time) => `${time.toFixed(time < 10 ? 1 : 0).padStart(6)} ms`;
const print = (what, value) => console.log(`${what.padEnd(60)} ${value}`);
const middle = (values) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)];

const PODS = 1000;
/** A node takes 110 Pods. */
const WORKERS = 10;
const MANIFEST = {
  apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web' },
  spec: {
    replicas: PODS, selector: { matchLabels: { app: 'web' } },
    template: {
      metadata: { labels: { app: 'web' } },
      spec: { containers: [{ name: 'web', image: 'registry.k8s.io/e2e-test-images/agnhost:2.40', args: ['netexec'] }] },
    },
  },
};
const PATIENCE_MS = 300_000;

const site = await serve();
const browser = await chromium.launch({ executablePath: CHROMIUM, args: QUIET });
const context = await browser.newContext({ viewport: WIDE, serviceWorkers: 'block' });
const page = await context.newPage();

const files = new Map();
page.on('response', async (response) => {
  if (response.ok()) files.set(new URL(response.url()).pathname, await response.body().catch(() => Buffer.alloc(0)));
});

/** Milliseconds from opening `hash` until `there` is. */
async function opening(hash, there) {
  await page.goto('about:blank');
  const started = performance.now();
  await page.goto(site.url + hash);
  await there();
  return performance.now() - started;
}

const readable = () => page.locator('.lesson h1').waitFor();
print('lesson readable, first visit', ms(await opening('#/lab/links-switch', readable)));
await ready(page);
await page.waitForLoadState('networkidle');
downloads();
print('lesson readable, files cached', ms(await opening('#/lab/links-switch', readable)));
print('first prompt, files cached', ms(await opening('#/lab/links-switch', () => ready(page))));
await engine();
await picture();
await cluster();
await browser.close();
await site.close();

function downloads() {
  let [raw, small] = [0, 0];
  for (const [name, bytes] of [...files].sort((a, b) => b[1].length - a[1].length)) {
    const size = brotli(bytes);
    raw += bytes.length;
    small += size;
    if (size > 5000) print(`  ${name.split('/').pop() || 'index.html'}`, `${kb(size)} (raw ${kb(bytes.length).trim()})`);
  }
  const over = small / 1000 - BUDGET;
  print('download of a first visit, brotli', `${kb(small)} (raw ${kb(raw).trim()})`);
  print(`  its budget is ${BUDGET} kB`, over > 0 ? `${over.toFixed(0).padStart(6)} kB over` : '  kept');
  const cluster = ['cluster.js', 'cluster_bg.wasm'].map((name) => brotli(readFileSync(join(process.env.VETHLAB_SITE, name))));
  print('  later, or when a lab needs it: the engine of clusters', kb(cluster[0] + cluster[1]));
}

/** Milliseconds the worker's main thread is held by the next messages, until `act` is done. */
async function held(act) {
  const worker = page.workers().at(-1);
  await worker.evaluate(() => {
    const hear = self.hear ??= self.onmessage;
    self.longest = 0;
    self.onmessage = (event) => {
      const from = performance.now();
      hear.call(self, event);
      self.longest = Math.max(self.longest, performance.now() - from);
    };
  });
  await act();
  return worker.evaluate(() => self.longest);
}

/** Milliseconds from Enter until the screen holds `wanted` that many times. */
async function line(text, wanted, count) {
  await prompt(page);
  await page.locator('.screen--on .xterm-helper-textarea').focus();
  await page.keyboard.insertText(text);
  const found = page.waitForFunction(([word, times]) => (document.querySelector('.screen--on .xterm-rows')?.textContent ?? '').split(word).length > times, [wanted, count], { polling: 'raf' });
  const started = performance.now();
  await page.keyboard.press('Enter');
  await found;
  return performance.now() - started;
}

async function engine() {
  const boots = [];
  const reset = async () => {
    await page.getByRole('button', { name: 'Reset', exact: true }).click();
    await page.locator('.toast').getByText('The lab is as it began.').first().waitFor();
    await ready(page);
  };
  for (let turn = 0; turn < 5; turn += 1) boots.push(await held(reset));
  print('engine: boot of a lab of four machines', ms(middle(boots)));
  const pings = [];
  for (let turn = 0; turn < 5; turn += 1) {
    await run(page, 'clear');
    pings.push(await line('ping -c 1 192.168.1.2', '1 received', 1));
  }
  print('ping, from Enter to its answer on the screen', ms(middle(pings)));
  for (let turn = 0; turn < 84; turn += 1) await run(page, `ip -br addr show eth0 # ${turn}`);
  print('engine: replay of a tape of about 90 lines (undo)', ms(await held(async () => {
    await page.getByRole('button', { name: 'Undo', exact: true }).click();
    await page.getByText('The last command is undone.').first().waitFor();
    await prompt(page);
  })));
}

/** Watches the page's frames; what is given stops it, and gives their times and the most packets drawn in one. */
async function watch() {
  await page.evaluate(() => {
    const watched = self.watched = { times: [], packets: 0, on: true };
    let last;
    const draw = (now) => {
      if (last !== undefined) watched.times.push(now - last);
      last = now;
      watched.packets = Math.max(watched.packets, Number(document.querySelector('.moving')?.dataset.packets ?? 0));
      if (watched.on) requestAnimationFrame(draw);
    };
    requestAnimationFrame(draw);
  });
  return () => page.evaluate(() => { self.watched.on = false; return self.watched; });
}

/** Two hundred things on one machine, all talking: how long a frame of the picture takes. */
async function picture() {
  await page.goto(`${site.url}#/sandbox`);
  await page.getByRole('heading', { name: 'Sandbox' }).waitFor();
  await ready(page);
  await run(page, 'ip link add br9 type bridge; ip addr add 10.9.0.254/24 dev br9; ip link set br9 up');
  await run(page, 'for i in $(seq 66); do ip netns add n$i; ip link add v$i type veth peer name eth0 netns n$i; ip link set v$i master br9 up; ip -n n$i addr add 10.9.0.$i/24 dev eth0; ip -n n$i link set eth0 up; done');
  await page.waitForFunction(() => document.querySelectorAll('.netns').length >= 66);
  await run(page, 'for i in $(seq 66); do ip netns exec n$i ping -i 0.5 10.9.0.254 > /dev/null & done');
  await page.locator('.moving:not([data-packets="0"])[data-packets]').waitFor();
  const things = await page.locator('.device, .netns, .machine').count();
  const packets = await watch();
  await page.waitForTimeout(5000);
  const frames = await packets();
  const sorted = frames.times.sort((a, b) => a - b);
  const at = (share) => sorted[Math.min(Math.floor(sorted.length * share), sorted.length - 1)];
  print(`picture of ${things} things, up to ${frames.packets} packets: frames a second`, `${(sorted.length / 5).toFixed(0).padStart(6)}`);
  print('  a frame, the middle one', ms(at(0.5)));
  print('  a frame, 95 of 100 are faster', ms(at(0.95)));
}

/** The address of a lab that is a cluster with so many workers: a share link (`app/src/store/share.rs`), whose payload is
 *  postcard of the lab, with three empty lists and no pool of addresses, a seed, and no requests. */
function clusterLink(workers) {
  const name = Buffer.from('bench');
  const replay = Buffer.from([name.length, ...name, 0, 0, 0, 1, workers, 0, 0, 1, 0, 0]);
  return `#/sandbox/s/${Buffer.concat([Buffer.from([1]), deflateRawSync(replay)]).toString('base64url')}`;
}

/** A cluster's boot and a thousand Pods, here and in another Kubernetes for browsers. */
async function cluster() {
  page.setDefaultTimeout(PATIENCE_MS);
  const boots = [];
  await opening(clusterLink(2), () => ready(page));
  for (let turn = 0; turn < 5; turn += 1) {
    boots.push(await held(async () => {
      await page.getByRole('button', { name: 'Reset', exact: true }).click();
      await page.locator('.toast').getByText('The lab is as it began.').first().waitFor();
      await ready(page);
    }));
  }
  print('cluster of 3 nodes, from nothing to all Ready (goal 50 ms)', ms(middle(boots)));
  await opening(clusterLink(WORKERS), () => ready(page));
  await run(page, `echo '${JSON.stringify(MANIFEST)}' > web.json; clear`);
  const stop = await watch();
  const all = await line(`kubectl apply -f web.json; kubectl rollout status deployment web > /dev/null && echo there-$((${PODS} / 1))`, `there-${PODS}`, 1);
  const { times } = await stop();
  print(`Deployment of ${PODS} Pods, applied to all Ready (goal 1 s)`, ms(all));
  print('  the longest frame of the page meanwhile (goal 50 ms)', ms(Math.max(...times)));
  print('  frames longer than 50 ms, of all', `${times.filter((it) => it > 50).length} of ${times.length}`);
  const other = await context.newPage();
  try {
    await webernetes.load(other);
    const seen = await other.evaluate(([nodes, manifest, patience]) => deployment(nodes, manifest, patience), [WORKERS + 1, MANIFEST, PATIENCE_MS]);
    print(`@ngrok/webernetes, ${WORKERS + 1} nodes, from nothing to all Ready`, ms(seen.boot));
    print('  the same Deployment, applied to all available', ms(seen.deployment));
  } catch (error) {
    print('@ngrok/webernetes', `none: ${error.message.split('\n')[0]}`);
  }
}
