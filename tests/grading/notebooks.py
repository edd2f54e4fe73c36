"""A course that is written as notebooks alone, as other people's are.

Unit `ps`: two notebooks without ids and headings, a module, data and a folder beside them, and a
notebook to read in which nothing is graded.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

UNIT = "ps"
Cell = dict[str, Any]
Notebook = dict[str, Any]

BESIDE = {
    "beside.py": "def is_seven(x):\n    return x == 7\n",
    "data.csv": "1\n2\n3\n4\n",
    "images/words.txt": "a house",
}
PARTS = {
    "part_a": {
        "rows": ('rows = open("data.csv").read().split()', "assert len(rows) == 4", 2),
        "seven": (
            "from beside import is_seven\nseven = [is_seven(7), is_seven(8)]",
            "assert seven == [True, False]",
            1,
        ),
    },
    "part_b": {
        "rows": ('rows = open("images/words.txt").read()', 'assert rows == "a house"', 4),
    },
}
RIGHT = {part: {name: cell[0] for name, cell in cells.items()} for part, cells in PARTS.items()}


def code(source: str, **marks: Any) -> Cell:
    """A cell of nbformat 4.4: it has no id."""
    cell: Cell = {"cell_type": "code", "metadata": {}, "source": source}
    if marks:
        given = {"grade": False, "solution": False, "locked": False, "schema_version": 3, **marks}
        cell["metadata"]["nbgrader"] = given
    return cell | {"outputs": [], "execution_count": None}


def notebook(cells: list[Cell], **metadata: Any) -> Notebook:
    """Of nbformat 4.4, with a Python kernel unless other metadata say otherwise."""
    python = {"kernelspec": {"name": "python3", "display_name": "Python", "language": "python"}}
    return {"cells": cells, "metadata": {**python, **metadata}, "nbformat": 4, "nbformat_minor": 4}


def source(part: str) -> Notebook:
    """One of the unit's notebooks, with solutions."""
    cells = [code("import math")]
    for name, (answer, test, points) in PARTS[part].items():
        solved = f"### BEGIN SOLUTION\n{answer}\n### END SOLUTION"
        cells.append(code(solved, grade_id=name, solution=True))
        marks = {"grade_id": f"test_{name}", "grade": True, "points": points, "locked": True}
        cells.append(code(test, **marks))
    return notebook(cells)


def answered(part: str, answers: Mapping[str, str]) -> Notebook:
    """What a student hands in: the released notebook with these answers."""
    made = source(part)
    for cell in made["cells"]:
        marks = cell["metadata"].get("nbgrader", {})
        if marks.get("solution"):
            stub = "# YOUR CODE HERE\nraise NotImplementedError()"
            cell["source"] = answers.get(marks["grade_id"], stub)
    return made


def make_course(folder: Path) -> Path:
    """The course, with nbgrader's own configuration."""
    unit = folder / "source" / UNIT
    for name, text in BESIDE.items():
        (unit / name).parent.mkdir(parents=True, exist_ok=True)
        (unit / name).write_text(text)
    for part in PARTS:
        (unit / f"{part}.ipynb").write_text(json.dumps(source(part)))
    (unit / "read_me.ipynb").write_text(json.dumps(notebook([code("1 + 1")])))
    (folder / "nbgrader_config.py").write_text(
        'c = get_config()\nc.CourseDirectory.course_id = "x"\n'
    )
    return folder


def hand_in(course: Path, student: str, answers: Mapping[str, Mapping[str, str]]) -> None:
    """One notebook for each part that there are answers of."""
    folder = course / "submitted" / student / UNIT
    folder.mkdir(parents=True, exist_ok=True)
    for part, given in answers.items():
        (folder / f"{part}.ipynb").write_text(json.dumps(answered(part, given)))
