// The web worker: Pyodide with the course's package, asked by `python.js`.

import { loadPyodide } from "./pyodide/pyodide.mjs";

const here = (name) => new URL(name, import.meta.url).href;

// Large files travel compressed, whatever a server does. Their names end so that none unpacks them.
async function unpacked(name, type) {
  const response = await fetch(here(`${name}.packed`));
  if (!response.ok) throw new Error(`${name} is not there: ${response.status}`);
  const plain = response.body.pipeThrough(new DecompressionStream("gzip"));
  return new Response(plain, { headers: { "content-type": type } });
}

async function start() {
  const code = unpacked("pyodide/pyodide.asm.mjs", "text/javascript").then((file) => file.blob());
  const machine = unpacked("pyodide/pyodide.asm.wasm", "application/wasm");
  const course = fetch(here("course.zip")).then((file) => file.arrayBuffer());
  const asked = self.fetch;
  self.fetch = (what, ...options) =>
    String(what?.url ?? what).endsWith("pyodide.asm.wasm") ? machine : asked(what, ...options);
  const address = URL.createObjectURL(await code);
  const { default: createPyodideModule } = await import(address);
  const pyodide = await loadPyodide({
    indexURL: here("pyodide/"),
    createPyodideModule,
    lockFileContents: asked(here("pyodide/pyodide-lock.json")).then((file) => file.text()),
  });
  self.fetch = asked;
  pyodide.unpackArchive(await course, "zip", { extractDir: "/course" });
  pyodide.runPython("import sys; sys.path.insert(0, '/course')");
  return pyodide.pyimport("kernel");
}

const ready = start();
ready.catch(() => {}); // whoever asks is told

self.onmessage = async ({ data: { id, task } }) => {
  const begin = (endings) => postMessage({ id, endings: JSON.parse(endings) });
  try {
    const kernel = await ready;
    postMessage({ id, reply: JSON.parse(kernel.answer(JSON.stringify(task), begin)) });
  } catch (error) {
    postMessage({ id, failed: String(error?.message ?? error) });
  }
};
