"""What the instructor's cells compute is what a test outside is given, whatever a student's cells
make of its name; what comes from an answer is the student's."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from helpers.grading.engine.grade_submission import Graded, Unit
from helpers.grading.engine.job import GradingJob, Task
from helpers.grading.engine.name_lookup import instructor_names
from helpers.grading.engine.validate_tests import settle
from tests.grading.in_process_backend import FakeBackend, FakeServer
from tests.grading.notebooks import code, notebook

SETUP = """\
data = [n * 7 % 10 for n in range(5)]
total = sum
def checksum(values):
    return total(values) + offset
offset = len(data)"""
LATER = "data_later = data[:2]\ntwice = 2 * largest"
ANSWER = "largest = max(data)"
TEST = "assert largest == max(data)\nassert checksum([largest]) == largest + offset"
LATER_TEST = "assert twice == 2 * largest and len(data_later) == 2"


def made(answer: str, solved: bool = False) -> bytes:
    answer = f"### BEGIN SOLUTION\n{answer}\n### END SOLUTION" if solved else answer
    marks = {"grade": True, "points": 1, "locked": True}
    cells = [code(SETUP), code(answer, grade_id="largest", solution=True)]
    cells += [code(TEST, grade_id="test", **marks), code(LATER)]
    return json.dumps(notebook([*cells, code(LATER_TEST, grade_id="later", **marks)])).encode()


@pytest.fixture(scope="module")
def unit() -> Unit:
    source = made(ANSWER, solved=True)
    return settle(Unit.read("unit", "unit", source, b""), source, graded)


def graded(unit: Unit, data: bytes) -> Graded:
    return Task("", data).grade(GradingJob(unit, (), sandbox=FakeBackend()), FakeServer().start)


def test_they_are_noted_where_they_come_from_no_answer(unit: Unit) -> None:
    assert unit.inside == set()
    assert unit.values["test"].keys() == {"data", "offset"}
    assert unit.values["later"].keys() == {"data_later"}


def test_the_solution_earns_everything(unit: Unit) -> None:
    right = graded(unit, made(ANSWER))
    assert (right.total, right.status) == (2, "graded")


@pytest.mark.parametrize(
    "answer",
    [
        "largest = 0\ndata = [0]",
        "data[:] = [0]\nlargest = 0",
        "largest = 99\ndata, offset = [99], 0\nchecksum = lambda values: 99\nmax = lambda v: 99",
        "largest = 99\ndel data",
        "largest = 99\ntotal = lambda values: 99 - offset\ndata = [99]",
    ],
)
def test_an_answer_that_makes_them_anew_earns_nothing_by_it(unit: Unit, answer: str) -> None:
    cheated = graded(unit, made(answer))
    assert cheated.scores[0].score == 0
    # It may have happened: a person looks.
    assert cheated.scores[0].needs_manual
    assert "the student's cells changed data" in " ".join(cheated.remarks)


def test_a_right_answer_that_uses_the_name_for_something_else_keeps_its_points(unit: Unit) -> None:
    assert graded(unit, made(f"{ANSWER}\ndata = sorted(data)[:2]\noffset = 7")).total == 2


def test_what_an_answer_changes_when_it_is_called_is_the_students() -> None:
    solution = "def double(x):\n    asked.append(x)\n    return 2 * x"
    marks = {"grade": True, "points": 1, "locked": True}
    solved = f"### BEGIN SOLUTION\n{solution}\n### END SOLUTION"
    test = "assert double(3) == 6\nassert asked == [3]"
    cells = [code("asked = []"), code(solved, grade_id="double", solution=True)]
    cells.append(code(test, grade_id="test", **marks))
    source = json.dumps(notebook(cells)).encode()
    unit = settle(Unit.read("unit", "unit", source, b""), source, graded)
    assert unit.values.get("test", {}) == {}
    cells[1]["source"] = solution
    assert graded(unit, json.dumps(notebook(cells)).encode()).total == 1


MARKS = {"grade": True, "points": 1, "locked": True}


def settled(setup: str, solution: str, test: str) -> tuple[Unit, Callable[[str], Graded]]:
    """A unit of one answer, and what grades an answer to it."""

    def handed_in(answer: str) -> bytes:
        cells = [code(setup), code(answer, grade_id="answer", solution=True)]
        return json.dumps(notebook([*cells, code(test, grade_id="test", **MARKS)])).encode()

    source = handed_in(f"### BEGIN SOLUTION\n{solution}\n### END SOLUTION")
    unit = settle(Unit.read("unit", "unit", source, b""), source, graded)
    return unit, lambda answer: graded(unit, handed_in(answer))


@pytest.mark.parametrize(
    "setup",
    [
        "import functools\nadd_up = functools.partial(sum, start=0)",
        "from functools import partial\nadd = sum\nadd_up = partial(add)",
        "from operator import methodcaller\nadd_up = methodcaller('__len__')",
        "def add(v):\n    return sum(v)\nadd_up = add",
        "from math import fsum\nadd_up = fsum",
    ],
)
def test_a_function_made_of_the_instructors_is_the_instructors(setup: str) -> None:
    test = "assert total([1, 1]) == add_up([1, 1])"
    unit, grade = settled(setup, "def total(v):\n    return 2", test)
    assert unit.inside == set()
    assert grade("def total(v):\n    return 2").total == 1
    assert grade("add_up = lambda v: 0\ndef total(v):\n    return 0").total == 0


def test_what_is_made_of_an_answer_is_the_students() -> None:
    setup = "import functools\ndef total(v):\n    return 0\nadd_up = functools.partial(later)"
    assert instructor_names(notebook([code(setup)])).keys() == {"functools", "total"}


POINTS = "points = 0.0\npoints += 0.5 * (up(1) == 2)\npoints += 0.5 * (up(2) == 3)\npoints"


def test_where_a_test_gives_a_number_of_points_nothing_else_is_one() -> None:
    """An array of all values that may be right is equal to each, somewhere."""
    unit, grade = settled("import numpy as np", "def up(x):\n    return x + 1", POINTS)
    assert unit.numbers == {"test"}
    assert [grade(f"def up(x):\n    return {given}").total for given in ("x + 1", "2")] == [1, 0.5]
    arrays = grade("def up(x):\n    return np.array([2, 3])")
    assert (arrays.total, arrays.status) == (0, "for a person")
    assert "of type ndarray, is no number of points" in " ".join(arrays.remarks)


def test_a_last_line_that_shows_something_else_gives_all_points() -> None:
    unit, grade = settled("", "def up(x):\n    return [x + 1]", "assert up(1) == [2]\nup(3)")
    assert unit.numbers == set()
    assert grade("def up(x):\n    return [x + 1]").total == 1


def test_a_wrong_answer_that_changes_nothing_waits_for_nobody(unit: Unit) -> None:
    wrong = graded(unit, made("largest = min(data)"))
    assert (wrong.scores[0].score, wrong.scores[0].needs_manual) == (0, False)
