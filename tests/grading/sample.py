"""A small unit with every kind of graded cell, for tests of the engine.

Two questions of the homework judged by `check`, three with tests that an instructor wrote (two of
them hidden in part), a plot, and an answer in words: 11 points from the machine, 2 from a person.
"""

from __future__ import annotations

import copy
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests import COURSE

UNIT = "sample"
POINTS = 11.0

RIGHT = {
    "softmax_flops": "def softmax_flops(batch, n):\n    return batch * (40 * n + (n - 1) + 4 * n)",
    "prelu_flops": (
        "def prelu_flops(x):\n    return sum(value <= 0 for row in x for value in row)"
    ),
    "mean": "def mean(values):\n    return sum(values) / len(values)",
    "scaled": "def scaled(x):\n    return 2 * x",
    "sheets": "sheets = 7",
    "plot_intensity": """\
def plot_intensity(flop, moved, once, largest):
    batches = list(range(1, largest + 1))
    figure, axes = plt.subplots()
    axes.plot(batches, [b * flop / (once + b * moved) for b in batches])
    axes.set(xlabel="batch", ylabel="FLOP/B", title="intensity")
    return figure""",
    "why": "Because the weights are read once.",
}

TESTS = {
    "softmax_flops": ('check("softmax_flops", softmax_flops)', 2),
    "prelu_flops": ('check("prelu_flops", prelu_flops)', 1),
    "mean": (
        """\
assert mean([1, 2, 3]) == 2, "the mean of 1, 2, 3"
### BEGIN HIDDEN TESTS
assert mean([10]) == 10, "secret word: tangerine"
assert math.isclose(mean([0.25, 0.5]), 0.375)
### END HIDDEN TESTS""",
        3,
    ),
    "scaled": (
        # Not np.allclose: an array without elements is close to everything.
        "assert np.array_equal(scaled(np.arange(3.0)), [0, 2, 4])\n"
        "assert np.array_equal(scaled(np.ones((2, 2))), [[2, 2], [2, 2]])",
        2,
    ),
    "sheets": ("assert sheets == 7", 1),
    "plot_intensity": ('check("plot_intensity", plot_intensity)', 2),
}

#: What nbgrader writes in the place of a solution.
STUB = "# YOUR CODE HERE\nraise NotImplementedError()"

SETUP = """\
import math

import matplotlib.pyplot as plt
import numpy as np
import torch

from helpers.check import check"""

Notebook = dict[str, Any]


def source_notebook() -> Notebook:
    """The instructor's notebook."""
    cells = [
        _cell("markdown", "# A sample", "title"),
        _cell("code", SETUP, "setup"),
    ]
    for name, (test, points) in TESTS.items():
        cells.append(_cell("markdown", f"## Question {name}", f"text-{name}"))
        solution = f"### BEGIN SOLUTION\n{RIGHT[name]}\n### END SOLUTION"
        cells.append(_cell("code", solution, name, solution=True))
        cells.append(_cell("code", test, f"check_{name}", grade=True, points=points))
    cells.append(_cell("markdown", "## In words\n\nWhy?", "text-why"))
    cells.append(_cell("markdown", RIGHT["why"], "why", solution=True, grade=True, points=2))
    return _notebook(cells)


def released_notebook() -> Notebook:
    """What students get: no solutions, no hidden tests."""
    notebook = source_notebook()
    for cell in notebook["cells"]:
        marks = cell["metadata"].get("nbgrader", {})
        if marks.get("solution"):
            is_code = cell["cell_type"] == "code"
            cell["source"] = STUB if is_code else "YOUR ANSWER HERE"
        elif marks.get("grade"):
            cell["source"] = cell["source"].split("### BEGIN HIDDEN")[0].rstrip()
    return notebook


def answered(answers: Mapping[str, str]) -> Notebook:
    """The released notebook with these answers."""
    notebook = released_notebook()
    for cell in notebook["cells"]:
        cell["source"] = answers.get(cell["id"], cell["source"])
    return notebook


def right_notebook() -> Notebook:
    """A submission that earns everything."""
    return answered(RIGHT)


def make_course(folder: Path, db_url: str = "") -> Path:
    """A course with the sample unit, and nbgrader's configuration of this repository."""
    source = folder / "source" / UNIT
    source.mkdir(parents=True)
    (source / f"{UNIT}.ipynb").write_text(json.dumps(source_notebook()))
    (source / f"{UNIT}.py").write_text("# %% [markdown]\n# # A text\n")
    (folder / "submitted").mkdir()
    shutil.copy(COURSE / "nbgrader_config.py", folder)
    if db_url:
        with open(folder / "nbgrader_config.py", "a") as file:
            file.write(f"\nc.CourseDirectory.db_url = {db_url!r}\n")
    return folder


def hand_in(
    course: Path, student: str, notebook: Notebook | bytes, name: str = f"{UNIT}.ipynb"
) -> Path:
    """Put a submission where nbgrader expects it."""
    folder = course / "submitted" / student / UNIT
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    data = notebook if isinstance(notebook, bytes) else json.dumps(notebook).encode()
    path.write_bytes(data)
    return path


def added_cell(source: str, kind: str = "code") -> dict[str, Any]:
    """A cell as a student adds it: no metadata, an id of the editor's."""
    return _cell(kind, source, "")


def _cell(
    kind: str,
    source: str,
    name: str,
    solution: bool = False,
    grade: bool = False,
    points: float = 0,
) -> dict[str, Any]:
    cell: dict[str, Any] = {"cell_type": kind, "metadata": {}, "source": source}
    if name:
        cell |= {"id": name, "metadata": {"id": name}}
    if solution or grade:
        marks = {"grade_id": name, "solution": solution, "grade": grade, "task": False}
        marks |= {"locked": not solution, "schema_version": 3}
        if grade:
            marks |= {"points": points, "cell_type": kind}
        cell["metadata"]["nbgrader"] = marks
    if kind == "code":
        cell |= {"outputs": [], "execution_count": None}
    return cell


def _notebook(cells: list[dict[str, Any]]) -> Notebook:
    metadata = {
        "course": {"unit": UNIT, "version": "1"},
        "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
        "language_info": {"name": "python"},
    }
    return copy.deepcopy({"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5})
