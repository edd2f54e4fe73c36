"""The questions of a unit that a person reads, with what surrounds them in the notebook."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from helpers.grading.handin.ipynb import Cell, is_graded, marks_of, read_notebook
from helpers.grading.nbgrader.course_files import CourseFiles, graded_notebooks

_MARKS = re.compile(r"^[ \t]*### (?:BEGIN|END) SOLUTION[ \t]*\n?", re.MULTILINE)


@dataclass(frozen=True)
class Question:
    """A graded cell that students write in.

    Attributes:
        files: the notebook that it stands in.
        cell: its grade id.
        asked: the text cell above it, empty where there is none.
        model: the instructor's own answer.
    """

    files: CourseFiles
    cell: str
    asked: Cell | None
    model: Cell

    @property
    def unit(self) -> str:
        return self.files.name

    @property
    def notebook(self) -> str:
        return self.files.notebook_name


def find_question(course: Path, unit: str, name: str) -> Question:
    """The question of that name, or `NOTEBOOK/NAME` where several notebooks have one.

    ValueError, listing what there is, for a unit or a question that is not there.
    """
    notebooks = graded_notebooks(course, unit)
    found = [question for files in notebooks for question in _questions_of(files)]
    fitting = [each for each in found if name in (each.cell, f"{each.notebook}/{each.cell}")]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        names = " or ".join(f"{each.notebook}/{each.cell}" for each in fitting)
        raise ValueError(f"{unit} has more than one question {name!r}: say {names}")
    if any(name in _tasks_of(files) for files in notebooks):
        raise ValueError(f"{name} is a task, done anywhere in a notebook: read it in formgrader")
    names = ", ".join(each.cell for each in found)
    raise ValueError(
        f"{unit} has no question {name!r} that a person reads: "
        + (f"there are {names}" if found else "there is none, all are marked by tests")
    )


def _questions_of(files: CourseFiles) -> Iterator[Question]:
    above: Cell | None = None
    for cell in read_notebook(files.source)["cells"]:
        marks = marks_of(cell)
        if is_graded(cell) and marks.get("solution"):
            model = {**cell, "source": _MARKS.sub("", cell["source"])}
            yield Question(files, marks["grade_id"], above, model)
        above = cell if cell["cell_type"] == "markdown" and not is_graded(cell) else above


def _tasks_of(files: CourseFiles) -> set[str]:
    marked = map(marks_of, read_notebook(files.source)["cells"])
    return {marks["grade_id"] for marks in marked if marks.get("task")}
