// Has Pyodide compile what a page's Python begins with: `node precompile.mjs PYODIDE FOLDER`.
//
// FOLDER holds `course.zip` and `release/`, and gets what `precompile.py` writes. Run by the build.

import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [pyodideFolder, folder] = process.argv.slice(2);
const { loadPyodide } = await import(pathToFileURL(`${pyodideFolder}/pyodide.mjs`));
const pyodide = await loadPyodide();
pyodide.mountNodeFS("/site", folder);
pyodide.runPython(readFileSync(new URL("precompile.py", import.meta.url), "utf8"));
