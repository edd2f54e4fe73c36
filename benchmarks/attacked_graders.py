"""Graders that `benchmarks/attacks.py` tries attacks with. One more is one more class here.

A grader lays out a course, takes what students hand in, is run by a command, and says the marks
that it gave. `isolation` is what it was run in, and `recommended` what its documentation asks for.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import sys
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.attacks import Assignment, shown  # noqa: E402

UNIT = "attacked"
#: Seconds that a cell may take.
CELL = 10
#: Seconds for a submission in a container of its own.
CONTAINER = 60

Notebook = dict[str, Any]
Marks = dict[str, float]


class Grader(Protocol):
    """One that attacks are tried with."""

    name: str
    isolation: str
    recommended: str
    #: Whether root has to run it, as it makes users of its own.
    needs_root: bool

    def prepare(self, course: Path, assignment: Assignment) -> list[list[str]]:
        """Lay out a course; the commands that make it ready, once."""

    def hand_in(self, course: Path, student: str, answers: Mapping[str, str]) -> None:
        """A student's notebook with these answers."""

    def command(self, course: Path) -> list[str]:
        """What grades everyone."""

    def marks(self, course: Path, output: str) -> Marks:
        """What each student has who was graded; `output` is what the command printed."""

    def told(self, course: Path, student: str, output: str) -> list[str]:
        """Every text that a student's outputs hold."""


def code(source: str, **marks: Any) -> Notebook:
    """A cell, with nbgrader's marks where it has some."""
    kinds = {"grade": False, "solution": False, "locked": False, "schema_version": 3}
    metadata = {"nbgrader": {**kinds, **marks, "task": False}} if marks else {}
    return {
        **{"cell_type": "code", "source": source, "metadata": metadata},
        **{"outputs": [], "execution_count": None},
    }


def notebook(cells: list[Notebook]) -> str:
    """A notebook's file."""
    cells = [{**cell, "id": f"cell-{number}"} for number, cell in enumerate(cells)]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": cells})


def _nbgraders(assignment: Assignment, answers: Mapping[str, str], source: bool = False) -> str:
    """The assignment as nbgrader has it: the instructor's, or one with a student's answers."""
    cells = [code(assignment.setup)]
    for each in assignment.questions:
        answer, test = answers.get(each.name, assignment.stub), each.tests
        if source:
            answer = f"### BEGIN SOLUTION\n{each.right}\n### END SOLUTION"
            if each.hidden:
                test += f"\n### BEGIN HIDDEN TESTS\n{each.hidden}\n### END HIDDEN TESTS"
        cells.append(code(answer, grade_id=each.name, solution=True))
        marks = {"grade_id": f"test_{each.name}", "grade": True, "locked": True}
        cells.append(code(test, **marks, points=each.points))
    return notebook([*cells, code("print('after')")])


class _InNbgradersFolders:
    """What has nbgrader's folders and gradebook."""

    config = "c = get_config()\n"
    needs_root = False

    def prepare(self, course: Path, assignment: Assignment) -> list[list[str]]:
        self._assignment = assignment
        source = course / "source" / UNIT
        source.mkdir(parents=True)
        (source / f"{UNIT}.ipynb").write_text(_nbgraders(assignment, {}, source=True))
        (course / "nbgrader_config.py").write_text(self.config)
        return []

    def hand_in(self, course: Path, student: str, answers: Mapping[str, str]) -> None:
        folder = course / "submitted" / student / UNIT
        folder.mkdir(parents=True)
        (folder / f"{UNIT}.ipynb").write_text(_nbgraders(self._assignment, answers))

    def marks(self, course: Path, output: str) -> Marks:
        return _in_gradebook(course / "gradebook.db")

    def told(self, course: Path, student: str, output: str) -> list[str]:
        return _shown(course / "autograded" / student / UNIT / f"{UNIT}.ipynb")


class Course(_InNbgradersFolders):
    """The one of this repository."""

    name = "course grade"
    isolation = "as it is: a sandbox of bubblewrap for each submission"
    recommended = "the same"

    def command(self, course: Path) -> list[str]:
        options = ["--jobs", "2", "--timeout", str(CELL), "--course", str(course)]
        return [sys.executable, "-m", "helpers.cli", "grade", UNIT, *options]


class Nbgrader(_InNbgradersFolders):
    """Plain nbgrader."""

    name = "nbgrader"
    isolation = "none, as it is by default"
    recommended = "none is built in; people run it in a container or a virtual machine"
    config = f"c = get_config()\nc.Execute.timeout = {CELL}\n"

    def prepare(self, course: Path, assignment: Assignment) -> list[list[str]]:
        super().prepare(course, assignment)
        return [[sys.executable, "-m", "nbgrader", "generate_assignment", UNIT]]

    def command(self, course: Path) -> list[str]:
        return [sys.executable, "-m", "nbgrader", "autograde", UNIT]


class NbgraderContained(Nbgrader):
    """Plain nbgrader for each submission alone, in a container that has a gradebook of its own."""

    name = "nbgrader, contained"
    isolation = "a container for each submission, with the gradebook but no solutions"

    def hand_in(self, course: Path, student: str, answers: Mapping[str, str]) -> None:
        own = course / "each" / student
        own.mkdir(parents=True)
        for name in ("gradebook.db", "nbgrader_config.py"):
            shutil.copy(course / name, own)
        super().hand_in(own, student, answers)

    def command(self, course: Path) -> list[str]:
        return _one_after_another(course / "each", [*super().command(course)])

    def marks(self, course: Path, output: str) -> Marks:
        folders = sorted((course / "each").iterdir())
        return {
            student: points
            for folder in folders
            for student, points in super(NbgraderContained, self).marks(folder, output).items()
            if student == folder.name
        }

    def told(self, course: Path, student: str, output: str) -> list[str]:
        return super().told(course / "each" / student, student, output)


#: Otter-Grader's own API, as `otter run` calls it: its result on a line of its own.
OTTER = """
import json, sys
from pathlib import Path
from otter.execute import grade_notebook

place, student = sys.argv[1:3]
tests = sorted(str(path) for path in Path(place, "tests").glob("*.py"))
results = grade_notebook(f"{place}/submission/attacked.ipynb", tests_glob=tests,
                         test_dir=f"{place}/tests", cwd=place)
outputs = [each for cell in results.notebook.cells for each in cell.get("outputs", [])]
texts = [str(each.get(part, "")) for each in outputs for part in ("text", "ename", "data")]
print("graded " + json.dumps([student, results.total, texts]), flush=True)
"""
OTTER_TEST = """\
OK_FORMAT = True
test = {{"name": {name!r}, "points": {points}, "suites": [{{"type": "doctest", "cases": [
    {{"code": {code!r}, "hidden": True, "points": {points}}}]}}]}}
"""


@dataclass
class Otter:
    """Otter-Grader; `python` is one that has it."""

    python: str
    name = "Otter-Grader"
    needs_root = False
    isolation = "none, as `otter run`"
    recommended = "a container of Docker for each submission (`otter grade`), or Gradescope's"

    def prepare(self, course: Path, assignment: Assignment) -> list[list[str]]:
        self._assignment = assignment
        tests = course / "tests"
        tests.mkdir(parents=True)
        for each in assignment.questions:
            lines = "\n".join(filter(None, (each.tests, each.hidden))).splitlines()
            doctest = "\n".join(f">>> {line}" for line in lines)
            test = OTTER_TEST.format(name=each.name, points=each.points, code=doctest)
            (tests / f"{each.name}.py").write_text(test)
        (course / "with_otter.py").write_text(OTTER)
        return []

    def hand_in(self, course: Path, student: str, answers: Mapping[str, str]) -> None:
        own = course / "each" / student
        (own / "submission").mkdir(parents=True)
        shutil.copytree(course / "tests", own / "tests")
        given = [
            answers.get(each.name, self._assignment.stub) for each in self._assignment.questions
        ]
        cells = [code(self._assignment.setup), *map(code, given), code("print('after')")]
        (own / "submission" / f"{UNIT}.ipynb").write_text(notebook(cells))

    def command(self, course: Path) -> list[str]:
        each = f'cd "$each"; {self.python} {course}/with_otter.py "$each" "${{each##*/}}"'
        return ["sh", "-c", f"for each in {course}/each/*; do ({each}); done"]

    def marks(self, course: Path, output: str) -> Marks:
        return {student: float(points) for student, points, _ in _otters(output)}

    def told(self, course: Path, student: str, output: str) -> list[str]:
        return [text for who, _, texts in _otters(output) if who == student for text in texts]


class OtterContained(Otter):
    """Otter-Grader for each submission in a container, with that and the tests in it."""

    name = "Otter-Grader, contained"
    isolation = "a container for each submission, as `otter grade` makes one"

    def command(self, course: Path) -> list[str]:
        inner = [self.python, str(course / "with_otter.py")]
        return _one_after_another(course / "each", inner, named=True)


def _one_after_another(folder: Path, command: list[str], named: bool = False) -> list[str]:
    """A shell that runs a command for each folder below one in a container: of the machine the
    system and Python, no folder but that one, processes and a network of its own, and an end."""
    shown = system_of(command[0])
    if named:  # the script lies beside the folders
        shown += ["--ro-bind", command[-1], command[-1]]
    walls = [
        *("bwrap", *shown, "--dev", "/dev", "--proc", "/proc", "--tmpfs", "/tmp"),
        *("--bind", '"$each"', '"$each"', "--chdir", '"$each"'),
        *("--unshare-user", "--unshare-pid", "--unshare-net", "--unshare-ipc"),
        *("--die-with-parent", "--setenv", "HOME", "/tmp"),
        *("--unsetenv", "GRADEBOOK_PASSWORD", "--"),
    ]
    arguments = ['"$each"', '"${each##*/}"'] if named else []
    line = " ".join(["timeout", "-s", "KILL", str(CONTAINER), *walls, *command, *arguments])
    return ["sh", "-c", f"for each in {folder}/*; do {line}; done"]


def system_of(python: str) -> list[str]:
    """What bubblewrap is told so that a container has the system and this Python, read-only."""
    pythons = {Path(sys.base_prefix), Path(sys.prefix).resolve(), Path(python).parents[1]}
    shown = ["--ro-bind", "/usr", "/usr", "--ro-bind", "/etc", "/etc"]
    for name in ("bin", "sbin", "lib", "lib64"):
        shown += ["--symlink", f"usr/{name}", f"/{name}"]
    for path in sorted(pythons):
        for parent in [*path.parents][-2::-1]:  # bubblewrap's own are for one user
            shown += ["--perms", "0755", "--dir", str(parent)]
        shown += ["--ro-bind", str(path), str(path)]
    return shown


def _in_gradebook(path: Path) -> Marks:
    """Everyone's points, by hand or by machine, in nbgrader's gradebook."""
    query = """
        SELECT a.student_id, COUNT(g.auto_score),
               SUM(COALESCE(g.manual_score, g.auto_score, 0) + COALESCE(g.extra_credit, 0))
        FROM submitted_assignment a JOIN submitted_notebook n ON n.assignment_id = a.id
        JOIN grade g ON g.notebook_id = n.id GROUP BY a.student_id"""
    with suppress(sqlite3.Error), closing(sqlite3.connect(path)) as database:
        return {who: points for who, graded, points in database.execute(query) if graded}
    return {}


def _shown(path: Path) -> list[str]:
    with suppress(OSError, ValueError, KeyError):
        return shown(json.loads(path.read_text()))
    return []


def _otters(output: str) -> list[tuple[str, float, list[str]]]:
    found = []
    for line in output.splitlines():
        if line.startswith("graded "):
            with suppress(ValueError):
                found.append(tuple(json.loads(line.removeprefix("graded "))))
    return found


def graders(otter: str | None) -> list[Grader]:
    """All that can be tried; `otter` is a Python that has Otter-Grader."""
    found: list[Grader] = [Course(), Nbgrader(), NbgraderContained()]
    if otter:
        found += [Otter(os.path.abspath(otter)), OtterContained(os.path.abspath(otter))]
    return found
