"""Every way of testing in `patterns.toml`: a right answer earns all, a wrong one and none nothing.

Graded once, as a class and by plain `nbgrader autograde`.
"""

from __future__ import annotations

import pytest

from tests.executed import shared_folder
from tests.grading.graded_patterns import Graded, graded_once
from tests.grading.patterns import PATTERNS, Pattern

EARNED = {"right": 2.0, "wrong": 0.0, "stub": 0.0}


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Graded]:
    return graded_once(shared_folder(tmp_path_factory))


@pytest.fixture(params=["course grade", "nbgrader autograde"])
def graded(request: pytest.FixtureRequest, both: dict[str, Graded]) -> Graded:
    return both[request.param]


@pytest.mark.parametrize("pattern", PATTERNS, ids=lambda pattern: pattern.name)
def test_a_right_answer_earns_all_and_another_nothing(graded: Graded, pattern: Pattern) -> None:
    found = {student: graded.scores[f"{student} test_{pattern.name}"] for student in EARNED}
    assert found == {student: (points, False) for student, points in EARNED.items()}


@pytest.mark.parametrize("pattern", PATTERNS, ids=lambda pattern: pattern.name)
def test_a_test_is_judged_outside_where_that_is_possible(graded: Graded, pattern: Pattern) -> None:
    assert graded.places[f"test_{pattern.name}"] == pattern.place


def test_both_give_the_same_scores(both: dict[str, Graded]) -> None:
    assert both["course grade"] == both["nbgrader autograde"]
