// Runs the browser tests against a built site: node tests/browser/run.mjs [SITE] [NAME…]
//
// SITE is the folder with index.html (dist). With names, only the files that hold one of them are run.
// Last it prints `N passed, N failed`.
import { existsSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';

const [site = 'dist', ...names] = process.argv.slice(2);
if (!existsSync(join(site, 'index.html'))) {
  console.log(`${site}/index.html is not there: build the site first (make build)`);
  console.log('0 passed, 1 failed');
  process.exit(1);
}
process.env.VETHLAB_SITE = resolve(site);

const here = import.meta.dirname ?? new URL('.', import.meta.url).pathname;
const isWanted = (file) => file.endsWith('.test.mjs') && (!names.length || names.some((it) => file.includes(it)));
const files = readdirSync(here).filter(isWanted).sort().map((file) => join(here, file));

let passed = 0;
let failed = 0;
run({ files, concurrency: 2, timeout: 180_000 })
  .on('test:pass', (test) => { if (test.details.type !== 'suite') passed += 1; })
  .on('test:fail', (test) => { if (test.details.type !== 'suite') failed += 1; })
  .compose(new spec())
  .on('end', () => {
    process.stdout.write(`${passed} passed, ${failed} failed\n`);
    process.exitCode = failed || !passed ? 1 : 0;
  })
  .pipe(process.stdout);
