"""A test is trusted once it has marked the unit's own solution and what students start with.

The solution has to earn everything and the untouched notebook nothing, or the unit is not graded:
else a right answer could get no points, or a wrong one all, and nobody would see it. The same runs
settle the place of each test: outside the student's process if the solution passes there by what
can be seen from there, and inside it otherwise. And they tell what the instructor's cells compute
(`own_values.py`).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from helpers.grading.engine.grade_submission import Graded, Unit
from helpers.grading.engine.judging_places import Test, tests_of
from helpers.grading.engine.own_values import Values, alike
from helpers.grading.handin.ipynb import HIDDEN_TESTS, is_test, marks_of, read_notebook
from helpers.grading.sandbox.inside.codec import dumps

#: Grades a notebook as a submission of a unit.
Grade = Callable[[Unit, bytes], Graded]


def settle(unit: Unit, solution: bytes, grade: Grade) -> Unit:
    """The unit with what is known of its tests: which are judged inside, and what they are given.

    `solution` is the unit's source notebook. ValueError, in one line that names the cell, where a
    test does not give the solution its points, or gives points to a notebook without answers.
    """
    trial = _Trial(unit, solution, grade)
    inside = trial.first_guess()
    wrong = trial.unsolved(inside)
    for another in (trial.elsewhere, trial.with_what_they_use, trial.with_all_before):
        if not wrong:
            break
        inside = another(inside, set(wrong))
        wrong = trial.unsolved(inside)
    problems = wrong or trial.given_away(inside)
    if problems:
        line, others = next(iter(problems.values())), list(problems)[1:]
        raise ValueError(f"{line} (the same of {', '.join(others)})" if others else line)
    values = alike(trial.noted[solution], trial.noted[trial.untouched])
    if any(values.values()):
        # One that an answer changes when it is called is not the instructor's.
        given = _Trial(replace(unit, values=values), solution, grade)
        values = {test: values[test] for test in values.keys() - given.unsolved(inside).keys()}
    return replace(unit, inside=frozenset(inside), values=values, numbers=trial.numbers - inside)


class _Trial:
    """The solution and the untouched notebook of a unit, graded with tests in some place or other.

    Attributes:
        undecided: tests whose place is not fixed.
        untouched: the notebook without answers.
        noted: what the instructor's cells computed, by the notebook that was graded last.
        numbers: tests that gave the solution a number of points.
    """

    def __init__(self, unit: Unit, solution: bytes, grade: Grade) -> None:
        self._tests = tests_of(unit)
        self._unit, self._solution, self._grade = _unveiled(unit), solution, grade
        self.untouched = dumps(unit.template.notebook)
        cells = read_notebook(solution)["cells"]
        self._solved = {marks_of(cell).get("grade_id"): cell["source"] for cell in cells}
        self.noted: dict[bytes, Mapping[str, Values]] = {}
        self.numbers = frozenset[str]()
        self.undecided = {test.grade_id for test in self._tests if test.place is None}

    def first_guess(self) -> set[str]:
        """Inside is what has to be, or is better tried there."""
        return {test.grade_id for test in self._tests if (test.place or test.first) == "inside"}

    def elsewhere(self, inside: set[str], wrong: set[str]) -> set[str]:
        """Each test that was wrong in the other place."""
        return inside ^ (wrong & self.undecided)

    def with_what_they_use(self, inside: set[str], wrong: set[str]) -> set[str]:
        """What was wrong in both places inside, with the tests before it that name what it uses."""
        found = set(inside)
        needed: set[str] = set()
        for test in reversed(self._tests):
            if test.grade_id in wrong or test.binds & needed:
                found |= {test.grade_id} & self.undecided
                needed |= test.words()
        return found

    def with_all_before(self, inside: set[str], wrong: set[str]) -> set[str]:
        """The same with all tests before them."""
        names = [test.grade_id for test in self._tests]
        last = max(names.index(name) for name in wrong)
        return inside | (set(names[: last + 1]) & self.undecided)

    def unsolved(self, inside: set[str]) -> dict[str, str]:
        """Tests that do not give the solution all points, or do so blindly, and a line on each."""
        graded = self._graded(self._solution, inside)
        scores = _scores(graded)
        return {
            test.grade_id: f"{self._where}: the test {test.grade_id} gives the unit's own "
            f"solution {scores[test.grade_id]:g} of {test.points:g} points "
            f"({(reason := _reason(graded, test))}): {self._advice(test, reason, graded)}"
            for test in self._tests
            if scores[test.grade_id] < test.points or test.grade_id in graded.blind & self.undecided
        }

    def _advice(self, test: Test, reason: str, graded: Graded) -> str:
        """What to do where a test does not give the solution its points."""
        cells = [marks_of(cell).get("grade_id") for cell in self._unit.template.cells]
        position = cells.index(test.grade_id)
        missing = set(re.findall(r"name '(\w+)' is not defined", reason))
        for answer in self._unit.template.answers:
            if answer.position > position and missing & answer.names:
                return f"it stands above the answer {answer.grade_id}, which it is about"
        if module := re.search(r"No module named '([\w.]+)'", reason):
            return f"install {module[1]} where `course` runs, or do without it"
        above = [each for each in self._unit.template.answers if each.position < position]
        if not above:
            return "mend the test or the solution"
        nearest = above[-1].grade_id
        if _says_nothing(self._solved[nearest]):
            return f"the answer {nearest} has no solution in source/: write one"
        ran = {marks_of(cell).get("grade_id"): cell for cell in graded.notebook["cells"]}
        if error := _error(ran[nearest]):
            return f"the solution of {nearest} ends in {_said(error)}"
        return "mend the test or the solution"

    def given_away(self, inside: set[str]) -> dict[str, str]:
        """Tests that give points to a notebook without answers, and a line on each."""
        scores = _scores(self._graded(self.untouched, inside))
        return {
            test.grade_id: f"{self._where}: the test {test.grade_id} gives a notebook without "
            f"answers {scores[test.grade_id]:g} of {test.points:g} points: mend the test, or say "
            'untouched="passes" behind its points, "course": {"untouched": "passes"} in the '
            "metadata of a notebook of your own"
            for test in self._tests
            if scores[test.grade_id] > 0 and not test.untouched_passes
        }

    @property
    def _where(self) -> str:
        """The unit, with the notebook where that is called otherwise: a unit can have several."""
        name, notebook = self._unit.name, self._unit.notebook_name
        return name if notebook in name else f"{name}/{notebook}"

    def _graded(self, data: bytes, inside: set[str]) -> Graded:
        graded = self._grade(replace(self._unit, inside=frozenset(inside)), data)
        if graded.status == "unreadable":
            raise ValueError(f"{self._where}: its source notebook: {graded.remarks[0]}")
        self.noted[data] = graded.noted
        if data == self._solution:
            cells = filter(is_test, graded.notebook["cells"])
            self.numbers = frozenset(
                marks_of(cell)["grade_id"] for cell in cells if _shows_a_number(cell)
            )
        return graded


def _shows_a_number(cell: dict[str, Any]) -> bool:
    """Whether a test's last line gave a number, which is the points."""
    results = [out for out in cell.get("outputs", ()) if out["output_type"] == "execute_result"]
    try:
        return bool(results) and math.isfinite(float(results[-1]["data"]["text/plain"]))
    except (KeyError, ValueError):
        return False


def _unveiled(unit: Unit) -> Unit:
    """The unit without hidden tests: nothing is hidden from its solution, so what fails is said,
    and each notebook is run once."""
    cells = [
        cell | {"source": _unmarked(cell["source"])} if is_test(cell) else cell
        for cell in unit.template.cells
    ]
    template = replace(unit.template, notebook=unit.template.notebook | {"cells": cells})
    return replace(unit, template=template, tried=True)


def _says_nothing(solution: str) -> bool:
    """Whether an answer's cell in the source holds no more than comments and a placeholder, between
    its marks if it has any."""
    solution = "".join(_MARKED.findall(solution)) or _MARKED.sub("", solution)
    lines = (line.partition("#")[0].strip() for line in solution.splitlines())
    return not set(lines) - {"", "pass", "...", *_PLACEHOLDERS}


_MARKED = re.compile(r"(?<=BEGIN SOLUTION\n).*?(?=[^\n]*END SOLUTION)", re.DOTALL)
_PLACEHOLDERS = ("raise NotImplementedError", "raise NotImplementedError()")


def _unmarked(source: str) -> str:
    for mark in HIDDEN_TESTS:
        source = source.replace(mark, "")
    return source


def _scores(graded: Graded) -> dict[str, float]:
    return {score.grade_id: score.score or 0.0 for score in graded.scores}


def _reason(graded: Graded, test: Test) -> str:
    """Why a test failed: the error in its cell and the line of the test; else the first error of a
    cell before it, as an import that failed breaks all that comes after."""
    before = ""
    for cell in graded.notebook["cells"]:
        if error := _error(cell):
            said = _said(error)
            if marks_of(cell).get("grade_id") == test.grade_id:
                if before and error["ename"] == "NameError":
                    return before
                line = _LINE.search(_COLOUR.sub("", "\n".join(error["traceback"])))
                return f"{said}, at `{line[1].strip()}`" if line else said
            before = before or f"a cell before it ends in {said}"
        if marks_of(cell).get("grade_id") == test.grade_id:
            break
    return before or "its last line shows fewer"


def _error(cell: dict[str, Any]) -> dict[str, Any] | None:
    """The error in which a cell ended, if it did and its author did not mean it to."""
    if "raises-exception" in cell["metadata"].get("tags", ()):
        return None
    errors = (out for out in cell.get("outputs", ()) if out["output_type"] == "error")
    return next(errors, None)


def _said(error: dict[str, Any]) -> str:
    return f"{error['ename']}: {error['evalue']}".rstrip(": ")[:300]


#: In a traceback: a line of the test itself, which comes first, as outside and inside show it.
_LINE = re.compile(r"(?:-> \d+|Cell In\[\d+\], line \d+\n) *(.+)")
_COLOUR = re.compile(r"\x1b\[[\d;]*m")
