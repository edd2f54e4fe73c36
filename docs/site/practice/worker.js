// The web worker: Pyodide with the course's package, asked by `python.js`. The build writes LIBRARY in,
// the names of what `precompile.py` left out of Python's library.

import { loadPyodide } from "./pyodide/pyodide.mjs";

const here = (name) => new URL(name, import.meta.url).href;

// Large files travel compressed, whatever a server does. Their names end so that none unpacks them.
async function unpacked(name, type) {
  const response = await fetch(here(`${name}.packed`));
  if (!response.ok) throw new Error(`${name} is not there: ${response.status}`);
  const plain = response.body.pipeThrough(new DecompressionStream("gzip"));
  return new Response(plain, { headers: { "content-type": type } });
}

// What pages seldom need of Python's library: fetched while the import of it waits.
function library() {
  const request = new XMLHttpRequest();
  request.open("GET", here("library.zip"), false);
  request.responseType = "arraybuffer";
  request.send();
  if (request.status !== 200) throw new Error(`library.zip is not there: ${request.status}`);
  return request.response;
}

async function start() {
  const code = unpacked("pyodide/pyodide.asm.mjs", "text/javascript").then((file) => file.blob());
  const large = {
    "pyodide.asm.wasm": unpacked("pyodide/pyodide.asm.wasm", "application/wasm"),
    "python.zip": unpacked("python.zip", "application/zip"),
  };
  const course = unpacked("course.zip", "application/zip").then((file) => file.arrayBuffer());
  const asked = self.fetch;
  self.fetch = (what, ...options) =>
    large[String(what?.url ?? what).split("/").at(-1)] ?? asked(what, ...options);
  const address = URL.createObjectURL(await code);
  const { default: createPyodideModule } = await import(address);
  const pyodide = await loadPyodide({
    indexURL: here("pyodide/"),
    stdLibURL: here("python.zip"),
    createPyodideModule,
    lockFileContents: asked(here("pyodide/pyodide-lock.json")).then((file) => file.text()),
  });
  self.fetch = asked;
  pyodide.FS.writeFile("/course.zip", new Uint8Array(await course));
  pyodide.runPython("import sys; sys.path.insert(0, '/course.zip')");
  pyodide.pyimport("on_demand").install(LIBRARY, library);
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
