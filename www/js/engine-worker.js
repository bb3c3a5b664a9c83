// Loads the engine inside its worker, and tells the page how far it is: numbers from 0 to 1 while it loads (-1 where
// that cannot be told), text when it fails. From then on the engine itself speaks, in bytes.
import init from "../engine.js";

const file = new URL("../engine_bg.wasm", import.meta.url);

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
  return new Blob(parts).arrayBuffer();
}

try {
  await init({ module_or_path: await load() });
} catch (error) {
  postMessage(String(error));
}
