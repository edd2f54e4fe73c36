"""The files that lie beside a unit's notebooks and belong to it: modules, data, pictures."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path

from helpers.authoring.notebooks import Unit, is_text
from helpers.files import Files

#: What nbgrader leaves out of a release where a course says nothing else.
IGNORED = (".ipynb_checkpoints", "*.pyc", "__pycache__", "feedback")
#: Files of a unit, and bytes in them together: each worker that grades it is given them.
MOST, MOST_BYTES = 2000, 256 * 2**20


def files_beside(folder: Path, ignored: Sequence[str] = IGNORED) -> Files:
    """The files of a unit's folder that students have, too: all but notebooks to work on, texts
    that those are built from, what an editor hides, and names that nbgrader ignores.

    ValueError where they are more than is taken to each worker.
    """
    found: list[tuple[str, bytes]] = []
    size = 0
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        if _is_hidden(inside, ignored) or not path.is_file() or _holds_solutions(path):
            continue
        size += path.stat().st_size
        if size > MOST_BYTES or len(found) == MOST:
            raise ValueError(
                f"{folder} holds more than {MOST} files or {MOST_BYTES // 2**20} MiB beside its "
                "notebooks: keep there what students have"
            )
        found.append((inside.as_posix(), path.read_bytes()))
    return tuple(found)


def copies(unit: Unit) -> dict[Path, bytes]:
    """The unit's files in release/ and solution/, by path."""
    return {
        unit.path(kind).parent / name: data
        for kind in ("release", "solution")
        for name, data in files_beside(unit.folder)
        if not name.endswith(".ipynb")
    }


def _is_hidden(path: Path, ignored: Sequence[str]) -> bool:
    return any(
        part[0] == "." or any(fnmatch(part, pattern) for pattern in ignored) for part in path.parts
    )


def _holds_solutions(path: Path) -> bool:
    """Whether it is a notebook of nbgrader's, or one as a text: of this course, or one that
    jupytext keeps beside it."""
    if path.suffix == ".ipynb":
        # Without its marks it is one that others run.
        return b'"nbgrader"' in path.read_bytes()
    if path.suffix != ".py":
        return False
    paired = path.with_suffix(".ipynb").is_file() and path.read_bytes().lstrip()[:5] == b"# ---"
    return paired or is_text(path)
