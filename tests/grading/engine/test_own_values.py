"""What the instructor's cells compute is what a test outside is given, whatever a student's cells
make of its name; what comes from an answer is the student's."""

from __future__ import annotations

import json

import pytest

from helpers.grading.engine.grade_submission import Graded, Unit
from helpers.grading.engine.job import GradingJob, Task
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


def test_a_wrong_answer_that_changes_nothing_waits_for_nobody(unit: Unit) -> None:
    wrong = graded(unit, made("largest = min(data)"))
    assert (wrong.scores[0].score, wrong.scores[0].needs_manual) == (0, False)
