"""What an attack on a test in the student's own process wins: what is expected of it, at most the
points of the tests inside; no hidden line is in anything that is shown."""

from __future__ import annotations

import re

import pytest

from tests.attacks import Case
from tests.executed import shared_folder
from tests.grading.sandbox.attacked_inside import CASES, Graded, graded_once


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> Graded:
    return graded_once(shared_folder(tmp_path_factory))


def test_the_tests_are_where_they_are_thought_to_be(graded: Graded) -> None:
    assert graded.result.inside == ("test_frame", "test_quiet")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_an_attack_wins_tests_inside_and_no_other(graded: Graded, case: Case) -> None:
    result = graded.of(case.name)
    scores = {score.grade_id: score.score for score in result.scores}
    assert (result.total, scores["test_mean"]) == (case.points, 0)
    assert re.search(case.says, "\n".join(result.remarks))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_no_hidden_line_is_shown(graded: Graded, case: Case) -> None:
    shown = graded.shown(case.name)
    found = [word for word in ("tangerine", "clementine", "HIDDEN", *case.never) if word in shown]
    assert found == [], shown[:2000]


def test_neighbours_have_what_they_earn(graded: Graded) -> None:
    assert {graded.of(name).total for name in ("0-right", "zz-right")} == {7}
