// Loads an engine inside its worker, the one that the worker is named after, and tells the page how far it is: numbers
// from 0 to 1 while it loads (-1 where that cannot be told), text when it fails. From then on the engine itself speaks,
// in bytes; its last words are asked of it here, since one that has trapped says nothing of itself.
import { unpack } from "./pack.js";

const file = new URL(`../${self.name}_bg.wasm`, import.meta.url);
const code = import(`../${self.name}.js`);

async function load() {
  const response = await fetch(file);
  if (!response.ok) throw new Error(`${response.status} ${response.statusText}`);
  const total = response.headers.get("content-encoding") ? 0 : Number(response.headers.get("content-length"));
  const reader = response.body.getReader();
  const parts = [];
  let read = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    parts.push(value);
    read += value.length;
    postMessage(total > 0 ? Math.min(read / total, 1) : -1);
  }
  return unpack(new Uint8Array(await new Blob(parts).arrayBuffer()));
}

try {
  const bytes = await load();
  const engine = await code;
  addEventListener("error", (event) => {
    event.preventDefault();
    console.error(event.error);
    try {
      engine.last_words(event.message);
    } catch {
      postMessage(event.message);
    }
  });
  await engine.default({ module_or_path: bytes });
} catch (error) {
  postMessage(String(error));
}
