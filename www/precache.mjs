// After a release build: lists the site's files for the service worker, and stamps it with their common hash, so that
// any change is a new version. What most visits do without stands apart, with its own hash: it is fetched later, and
// must still be of this version. Usage: node www/precache.mjs DIR. In a development build it does nothing.
import { createHash } from "node:crypto";
import { readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join, relative, sep } from "node:path";

const folder = process.argv[2];
if (!folder) {
  console.error("usage: node www/precache.mjs DIR");
  process.exit(2);
}
if (process.env.TRUNK_PROFILE === "debug") process.exit(0);

const walk = (at) =>
  readdirSync(at).flatMap((name) => {
    const path = join(at, name);
    return statSync(path).isDirectory() ? walk(path) : [path];
  });

const LATER = /^cluster(\.js|_bg\.wasm)$/;
const integrity = (path) => `sha256-${createHash("sha256").update(readFileSync(join(folder, path))).digest("base64")}`;

const own = new Set(["sw.js", "precache.json"]);
const files = walk(folder)
  .map((path) => relative(folder, path).split(sep).join("/"))
  .filter((path) => !own.has(path) && !path.startsWith("."))
  .sort();

const hash = createHash("sha256");
for (const path of files) hash.update(path).update("\0").update(readFileSync(join(folder, path)));
const worker = readFileSync(join(folder, "sw.js"), "utf8");
hash.update(worker.replace(/const VERSION = ".*";/, ""));
const version = hash.digest("hex").slice(0, 12);

writeFileSync(join(folder, "sw.js"), worker.replace(/const VERSION = ".*";/, `const VERSION = "${version}";`));
const now = files.filter((path) => !LATER.test(path));
const later = Object.fromEntries(files.filter((path) => LATER.test(path)).map((path) => [path, integrity(path)]));
writeFileSync(join(folder, "precache.json"), JSON.stringify({ version, files: now, later }));
console.log(`version ${version}, ${files.length} files`);
