// After a release build: packs the page and the engines (www/js/pack.js), looks whether they come back, and has the page
// unpack itself. Usage: node www/pack.mjs DIR. In a development build it does nothing.
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pack, unpack } from "./js/pack.js";

const folder = process.argv[2];
if (!folder) {
  console.error("usage: node www/pack.mjs DIR");
  process.exit(2);
}
if (process.env.TRUNK_PROFILE === "debug") process.exit(0);

for (const name of readdirSync(folder).filter((it) => it.endsWith("_bg.wasm"))) {
  const file = join(folder, name);
  const packed = pack(readFileSync(file));
  const again = unpack(packed);
  if (!WebAssembly.validate(again) || Buffer.compare(pack(again), packed)) throw new Error(`${name} does not come back`);
  writeFileSync(file, packed);
}

const index = join(folder, "index.html");
const page = readFileSync(index, "utf8");
const packed = page
  .replace(/init\(\{ module_or_path: ('[^']+') \}\)/, "init({ module_or_path: fetch($1).then((it) => it.arrayBuffer()).then((it) => unpack(new Uint8Array(it))) })")
  .replace(/(<script type="module">)(\s+import )/, `$1\nimport { unpack } from "./js/pack.js";$2`)
  .replace('<link rel="modulepreload"', '<link rel="modulepreload" href="./js/pack.js"><link rel="modulepreload"');
if (packed.split("pack.js").length !== 3 || !packed.includes("fetch(")) throw new Error("trunk starts the page in a way that is not known here");
writeFileSync(index, packed);
