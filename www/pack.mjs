// After a release build: packs the engines (www/js/pack.js), and looks whether they come back as they were.
// Usage: node www/pack.mjs DIR. In a development build it does nothing.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pack, unpack } from "./js/pack.js";

const folder = process.argv[2];
if (!folder) {
  console.error("usage: node www/pack.mjs DIR");
  process.exit(2);
}
if (process.env.TRUNK_PROFILE === "debug") process.exit(0);

for (const name of ["engine_bg.wasm", "cluster_bg.wasm"]) {
  const file = join(folder, name);
  const packed = pack(readFileSync(file));
  const again = unpack(packed);
  if (!WebAssembly.validate(again) || Buffer.compare(pack(again), packed)) throw new Error(`${name} does not come back`);
  writeFileSync(file, packed);
}
