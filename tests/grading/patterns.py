"""The ways of testing in `patterns.toml` as one unit, and as three students answer it."""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

UNIT = "patterns"
STUB = "# YOUR CODE HERE\nraise NotImplementedError()"
SETUP = """\
import inspect
import math

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch"""


@dataclass(frozen=True)
class Pattern:
    """One answer and one test, of 2 points; see `patterns.toml`."""

    name: str
    place: Literal["outside", "inside"]
    right: str
    wrong: str
    test: str
    stub: str = STUB
    before: str = ""
    earlier: str = ""

    def text(self, template: str) -> str:
        return template.replace("ANSWER", self.name)


PATTERNS = tuple(
    Pattern(name, **texts)
    for name, texts in tomllib.loads(
        Path(__file__).with_suffix(".toml").read_text(encoding="utf-8")
    ).items()
)

Notebook = dict[str, Any]


def source_notebook() -> Notebook:
    """All patterns in one notebook, with solutions."""
    cells = [_cell("setup", SETUP)]
    for each in PATTERNS:
        if each.before:
            cells.append(_cell(f"before_{each.name}", each.text(each.before)))
        stub = f"\n### BEGIN SOLUTION\n{each.text(each.right)}\n### END SOLUTION"
        cells.append(_cell(each.name, stub, solution=True))
        if each.earlier:
            cells.append(_cell(f"earlier_{each.name}", each.text(each.earlier), points=1))
        cells.append(_cell(f"test_{each.name}", each.text(each.test), points=2))
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    return {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


def answered(kind: str) -> Notebook:
    """What a student hands in who answered everything "right" or "wrong", or nothing: "stub"."""
    notebook = source_notebook()
    answers = {each.name: each.text(getattr(each, kind)) for each in PATTERNS}
    for cell in notebook["cells"]:
        cell["source"] = answers.get(cell["id"], cell["source"])
    return notebook


def make_course(folder: Path, config: Path | None = None) -> Path:
    """A course with the unit, and what three students handed in: right, wrong, stub."""
    source = folder / "source" / UNIT
    source.mkdir(parents=True)
    (source / f"{UNIT}.ipynb").write_text(json.dumps(source_notebook()))
    text = config.read_text() if config else "c = get_config()\n"
    (folder / "nbgrader_config.py").write_text(text)
    for kind in ("right", "wrong", "stub"):
        place = folder / "submitted" / kind / UNIT
        place.mkdir(parents=True)
        (place / f"{UNIT}.ipynb").write_text(json.dumps(answered(kind)))
    return folder


def _cell(name: str, source: str, solution: bool = False, points: float = 0) -> dict[str, Any]:
    cell: dict[str, Any] = {"cell_type": "code", "id": name[:64], "metadata": {}, "source": source}
    if solution or points:
        marks = {"grade_id": name, "solution": solution, "grade": bool(points), "task": False}
        cell["metadata"]["nbgrader"] = {**marks, "locked": bool(points), "schema_version": 3}
        if points:
            cell["metadata"]["nbgrader"] |= {"points": points, "cell_type": "code"}
    return cell | {"outputs": [], "execution_count": None}
