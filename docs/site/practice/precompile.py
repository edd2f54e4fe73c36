"""Compiles what a page's Python begins with, in Pyodide itself: run by `precompile.mjs`.

Each start of a page's Python would compile some 300 modules, which takes longer than all that the
course does with them. So they travel compiled, and what no page begins with travels only when it is
asked for. `/site` is the folder of what pages load to practise; written there:

    python.zip       modules of the standard library that a page needs to begin, compiled
    library.zip      the others, as they are
    library.json     their names
    course.zip       the course's modules, compiled, in the place of their texts
"""

from __future__ import annotations

import json
import py_compile
import sys
import zipfile
from collections.abc import Iterable
from pathlib import Path

SITE = Path("/site")
#: Where Pyodide has its standard library.
LIBRARY = next(path for path in sys.path if path.endswith(".zip"))
#: Where nothing in a file says when it was made.
EPOCH = (1980, 1, 1, 0, 0, 0)


def main() -> None:
    course = SITE / "course.zip"
    sys.path.insert(0, str(course))
    use_every_unit()
    with zipfile.ZipFile(LIBRARY) as archive:
        library = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(course) as archive:
        texts = {name: archive.read(name) for name in archive.namelist()}
    origins = {str(getattr(module.__spec__, "origin", "")) for module in sys.modules.values()}
    used = {name for name in library if f"{LIBRARY}/{name}" in origins}
    rest = {name: data for name, data in library.items() if name not in used}
    write(SITE / "python.zip", compiled({name: library[name] for name in used}, LIBRARY))
    write(SITE / "library.zip", rest.items(), zipfile.ZIP_DEFLATED)
    names = sorted(map(module_name, filter(lambda name: name.endswith(".py"), rest)))
    (SITE / "library.json").write_text(json.dumps(names), "utf-8")
    write(course, compiled(texts, "/course.zip"))


def use_every_unit() -> None:
    """Answers the last question of every unit wrongly, so that all that stands before it has run,
    and what tells why a number is wrong."""
    import kernel

    for path in sorted(SITE.glob("release/*/*.ipynb")):
        unit, notebook = path.parent.name, path.read_text("utf-8")
        kernel.answer(json.dumps({"do": "open", "unit": unit, "notebook": notebook}))
        answers = [cell.answer for cell in kernel.cells_of(json.loads(notebook)) if cell.answer]
        name = answers[-1]
        task = {"do": "check", "unit": unit, "name": name}
        wrong = {name: f"def {name}(*args): return 1"}
        kernel.answer(json.dumps({**task, "answers": wrong, "seed": None}))


def compiled(texts: dict[str, bytes], place: str) -> Iterable[tuple[str, bytes]]:
    """Modules as what Python imports in their place, without a look at when they were written."""
    # Files of Pyodide's own, in memory.
    text, code = Path("/tmp/module.py"), Path("/tmp/module.pyc")
    never = py_compile.PycInvalidationMode.UNCHECKED_HASH
    for name, data in sorted(texts.items()):
        if not name.endswith(".py"):
            yield name, data
            continue
        text.write_bytes(data)
        py_compile.compile(str(text), str(code), f"{place}/{name}", True, invalidation_mode=never)
        yield f"{name}c", code.read_bytes()


def write(path: Path, entries: Iterable[tuple[str, bytes]], how: int = zipfile.ZIP_STORED) -> None:
    """A zip file; what is stored as it is, is compressed as a whole later."""
    entries = list(entries)
    with zipfile.ZipFile(path, "w", how) as archive:
        for name, data in entries:
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.compress_type = how
            archive.writestr(entry, data)


def module_name(path: str) -> str:
    """Of a file of the library."""
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


main()
