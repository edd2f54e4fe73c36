"""What fails outside and passes inside is for a person; what fails in both places for nobody."""

from __future__ import annotations

import json

import pytest

from helpers.grading.engine.grade_submission import Graded, Unit
from helpers.grading.engine.job import GradingJob, Task
from tests.grading import notebooks
from tests.grading.in_process_backend import FakeBackend, FakeServer

SOLUTION = "def squares(n):\n    return [i * i for i in range(n)]"
TEST = "r = squares(3)\nassert sum(r) == 5\nassert list(squares(3))[2] == 4"


def graded(answer: str, test: str = TEST, solution: str = SOLUTION, **course: str) -> Graded:
    solution = f"### BEGIN SOLUTION\n{solution}\n### END SOLUTION"
    cells = [
        notebooks.code(solution, grade_id="a", solution=True),
        notebooks.code(test, grade_id="t", grade=True, locked=True, points=2),
    ]
    cells[1]["metadata"]["course"] = course
    source = notebooks.notebook(cells)
    unit = Unit.read("unit", "unit", json.dumps(source).encode(), b"")
    source["cells"][0]["source"] = answer
    job = GradingJob(unit, (), sandbox=FakeBackend())
    return Task("ada", json.dumps(source).encode()).grade(job, FakeServer().start)


def test_a_right_answer_that_cannot_be_seen_from_outside_is_for_a_person() -> None:
    found = graded("def squares(n):\n    return (i * i for i in range(n))")
    assert (found.scores[0].score, found.scores[0].needs_manual) == (0.0, True)
    assert "a value of type generator, which this test cannot see" in found.remarks[0]


def test_so_is_one_that_fails_an_assertion_outside_only() -> None:
    answer = "def squares(l):\n    l.append(1)"
    found = graded(answer, "l = []\nsquares(l)\nassert l == [1]")
    assert (found.scores[0].score, found.scores[0].needs_manual) == (0.0, True)
    assert "fails this test from outside and passes it in its own process" in found.remarks[0]


@pytest.mark.parametrize("wrong", ["[]", "3", "iter(())", "{0: 5, 1: 0}", "'014'"])
def test_what_fails_in_both_places_waits_for_nobody(wrong: str) -> None:
    found = graded(f"def squares(n):\n    return {wrong}")
    assert (found.status, found.remarks) == ("graded", ())
    assert (found.scores[0].score, found.scores[0].needs_manual) == (0.0, False)


def test_a_test_whose_place_is_fixed_is_tried_there_only() -> None:
    found = graded("def squares(n):\n    return (i * i for i in range(n))", place="outside")
    assert (found.scores[0].score, found.scores[0].needs_manual) == (0.0, True)
    found = graded("def squares(n):\n    return 3", place="outside")
    assert "could not be evaluated (TypeError" in found.remarks[0]


NO_FIVE = """\
try:
    assert five() != 6
except AttributeError:
    pass"""
SAME = "class Six:\n    def __ne__(self, other):\n        return False\n"


@pytest.mark.parametrize(("answer", "points"), [("", 2.0), (SAME, 0.0)])
def test_what_passes_outside_unseen_has_to_pass_in_its_own_process(
    answer: str, points: float
) -> None:
    what = "Six()" if answer else "iter([])"
    found = graded(
        f"{answer}def five():\n    return {what}", NO_FIVE, solution="def five():\n    return 5"
    )
    assert (found.status, found.scores[0].score) == ("graded", points)
