"""A handed-in file as a notebook: a plain dictionary, as nbformat 4 writes it.

Students' files come cut off, from other programs and from older formats, so only what grading
needs is required of them: cells with a type and a source. Of outputs only guesses are read.
"""

from __future__ import annotations

import json
import re
from typing import Any

from helpers.grading.handin.guesses import guesses_in

Cell = dict[str, Any]
Notebook = dict[str, Any]

MAX_NOTEBOOK_BYTES = 64 * 1024 * 1024
MAX_CELLS = 5000
#: Of all cells together, without pictures and outputs: what is done to them takes time.
MAX_CHARACTERS = 2_000_000
#: In the file: each takes up to a hundred bytes of the grader's memory. A picture has none.
MAX_VALUES = 4_000_000

HIDDEN_TESTS = ("BEGIN HIDDEN TESTS", "END HIDDEN TESTS")


def read_notebook(data: bytes) -> Notebook:
    """A handed-in file as a notebook of format 4.

    Only what is needed is required: a list of cells with a type and a source. Raises ValueError,
    with one line for people, when there is not even that.
    """
    if len(data) > MAX_NOTEBOOK_BYTES:
        raise ValueError(f"the file is too large ({len(data) // 2**20} MiB)")
    if not data.strip():
        raise ValueError("the file is empty")
    if (values := sum(map(data.count, (b",", b"[", b"{")))) > MAX_VALUES:
        raise ValueError(f"the file holds too many values (up to {values:,}): clear its outputs")
    try:
        notebook = json.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise ValueError("the file is not text, so it is no notebook") from None
    except RecursionError:
        raise ValueError("the file is no notebook") from None
    except ValueError as error:
        cut = "it ends too early: was it cut off?" if _is_cut_off(data) else str(error)
        raise ValueError(f"the file is no valid notebook ({cut})") from None
    if not isinstance(notebook, dict):
        raise ValueError("the file is no notebook")
    if isinstance(notebook.get("worksheets"), list):
        notebook = _from_format_3(notebook)
    cells = notebook.get("cells")
    if not isinstance(cells, list):
        raise ValueError("the file is no notebook: it has no cells")
    if len(cells) > MAX_CELLS:
        raise ValueError(f"it has {len(cells):,} cells, and at most {MAX_CELLS:,} are read")
    read = [cell for cell in map(_read_cell, cells) if cell is not None]
    size = sum(len(cell["source"]) for cell in read)
    if size > MAX_CHARACTERS:
        raise ValueError(f"the notebook's cells hold too much text ({size:,} characters)")
    metadata = notebook.get("metadata")
    return {
        "cells": read,
        "metadata": metadata if isinstance(metadata, dict) else {},
        "guesses": guesses_in(cells),
    }


def marks_of(cell: Cell) -> dict[str, Any]:
    """What nbgrader's metadata say of a cell; nothing where it has none."""
    marks: dict[str, Any] = cell["metadata"].get("nbgrader", {})
    return marks


def is_graded(cell: Cell) -> bool:
    """Whether a cell of the instructor's earns points."""
    return bool(marks_of(cell).get("grade") or marks_of(cell).get("task"))


def is_test(cell: Cell) -> bool:
    """Whether a cell of the instructor's judges an answer."""
    marks = marks_of(cell)
    return bool(marks.get("grade")) and not marks.get("solution") and cell["cell_type"] == "code"


def hidden_lines(source: str) -> list[tuple[str, bool]]:
    """The lines of a grade cell, and whether each is of a hidden test (its marks included)."""
    lines, hidden = [], False
    for line in source.splitlines():
        begins, ends = (mark in line for mark in HIDDEN_TESTS)
        lines.append((line, hidden or begins))
        hidden = (hidden or begins) and not ends
    return lines


def has_hidden_lines(source: str) -> bool:
    """Whether a grade cell holds what students do not have."""
    return any(hidden for _, hidden in hidden_lines(source))


def shown_lines(source: str) -> str:
    """A grade cell as students have it."""
    return "\n".join(line for line, hidden in hidden_lines(source) if not hidden)


def unit_of(notebook: Notebook) -> str | None:
    """The unit that a notebook's own metadata names, if it does."""
    course = notebook["metadata"].get("course")
    unit = course.get("unit") if isinstance(course, dict) else None
    return unit if isinstance(unit, str) else None


def names_in(notebook: Notebook) -> frozenset[str]:
    """nbgrader's names of a notebook's cells, whoever's it is."""
    marked = (marks_of(cell) for cell in notebook["cells"])
    names = (marks.get("grade_id") for marks in marked if isinstance(marks, dict))
    return frozenset(name for name in names if isinstance(name, str))


def likeness(one: frozenset[str], other: frozenset[str]) -> float:
    """The share of two notebooks' names that both have."""
    return len(one & other) / max(1, len(one | other))


def kernel_of(notebook: Notebook) -> tuple[str, str]:
    """The kernel that a notebook names and its language, both empty where it names none."""
    about = notebook["metadata"]
    kernel, language = (about.get(key) for key in ("kernelspec", "language_info"))
    kernel = kernel if isinstance(kernel, dict) else {}
    language = language if isinstance(language, dict) else {}
    return str(kernel.get("name") or ""), str(kernel.get("language") or language.get("name") or "")


def _read_cell(cell: Any) -> Cell | None:
    source = _source_of(cell, "source")
    if source is None:
        return None
    kind, metadata = cell.get("cell_type"), cell.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    source = source.replace("\r\n", "\n").encode("utf-8", "replace").decode("utf-8")
    return {
        "cell_type": kind if kind in ("code", "markdown") else "raw",
        "id": cell.get("id"),
        "metadata": metadata,
        "source": source if kind == "code" else _PICTURE.sub(A_PICTURE, source),
    }


def _source_of(cell: Any, name: str) -> str | None:
    """A cell's text, whole or in lines; None where there is no cell or no text."""
    source = cell.get(name, "") if isinstance(cell, dict) else None
    if isinstance(source, list) and all(isinstance(line, str) for line in source):
        return "".join(source)
    return source if isinstance(source, str) else None


def _from_format_3(notebook: Notebook) -> Notebook:
    """The cells of all worksheets, as format 4 has them."""
    cells: list[Cell] = []
    for sheet in notebook["worksheets"]:
        found = sheet.get("cells") if isinstance(sheet, dict) else None
        for cell in found if isinstance(found, list) else ():
            kind = cell.get("cell_type") if isinstance(cell, dict) else None
            source = _source_of(cell, "input" if kind == "code" else "source")
            if source is None:
                continue
            if kind == "heading":
                kind, level = "markdown", cell.get("level")
                source = f"{'#' * level if type(level) is int and level < 7 else '#'} {source}"
            cells.append({**cell, "cell_type": kind, "source": source})
    return notebook | {"cells": cells}


#: Colab puts pictures into texts, some million characters of them; Jupyter beside them.
_PICTURE = re.compile(
    r"(?:!\[[^\[\]\n]{0,200}\]\()?data:image/[\w.+-]{1,20};base64,[A-Za-z0-9+/=]{100,}\)?"
    r"|!\[[^\[\]\n]{0,200}\]\(attachment:[^)\[\n]{1,200}\)"
)
A_PICTURE = "(a picture: see the file that was handed in)"


def _is_cut_off(data: bytes) -> bool:
    return not data.rstrip().endswith(b"}")
