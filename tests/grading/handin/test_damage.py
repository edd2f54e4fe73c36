"""A damaged right submission is graded in full, or listed for a person with a reason.

What cannot be found waits for a person, and everything else is graded; the shapes: `damage`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from helpers.grading.class_run import ClassResult, Options, SubmissionResult, grade_class
from tests.grading import sample
from tests.grading.handin.damage import LOST, WHOLE, damaged


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ClassResult]:
    course = sample.make_course(tmp_path_factory.mktemp("damaged"))
    for name, change in WHOLE.items():
        sample.hand_in(course, name, damaged(change))
    for name, (change, _) in LOST.items():
        sample.hand_in(course, name, damaged(change))
    sample.hand_in(course, "renamed", sample.right_notebook(), "Copy_of_sample (1).ipynb")
    sample.hand_in(course, "beside_another", sample.right_notebook(), "mine.ipynb")
    sample.hand_in(course, "beside_another", {"cells": [], "metadata": {}}, "zzz.ipynb")
    for number in (1, 2):
        sample.hand_in(course, "twice", sample.right_notebook(), f"sample ({number}).ipynb")
    (course / "submitted" / "nothing" / sample.UNIT).mkdir(parents=True)
    return course, grade_class(course, sample.UNIT, Options(jobs=1))


def result(graded: tuple[Path, ClassResult], student: str) -> SubmissionResult:
    return next(each for each in graded[1].results if each.student == student)


def test_there_are_at_least_twenty_five_shapes() -> None:
    assert len(WHOLE) + len(LOST) >= 25


@pytest.mark.parametrize("name", [*WHOLE, "renamed", "beside_another", "twice"])
def test_a_damaged_right_submission_earns_everything(graded: Any, name: str) -> None:
    each = result(graded, name)
    assert (each.total, each.status) == (sample.POINTS, "graded")


@pytest.mark.parametrize("name", WHOLE)
def test_the_words_wait_for_a_person(graded: Any, name: str) -> None:
    words = next(score for score in result(graded, name).scores if score.grade_id == "why")
    assert (words.score, words.needs_manual) == (None, True)


@pytest.mark.parametrize("name", LOST)
def test_what_cannot_be_found_waits_for_a_person(graded: Any, name: str) -> None:
    each, points = result(graded, name), LOST[name][1]
    assert each.total == sample.POINTS - points
    assert each.status != "graded"
    assert each.remarks
    waiting = sum(s.max_score for s in each.scores if s.needs_manual and s.grade_id != "why")
    assert waiting == points


def test_which_of_several_notebooks_is_graded_is_said(graded: Any) -> None:
    assert result(graded, "renamed").remarks == ("found as Copy_of_sample (1).ipynb",)
    assert result(graded, "beside_another").remarks == ("found as mine.ipynb",)
    twice = "found as sample (2).ipynb, not sample (1).ipynb"
    assert result(graded, "twice").remarks == (twice,)


def test_a_folder_without_a_notebook_waits_for_a_person(graded: Any) -> None:
    each = result(graded, "nothing")
    assert each.status == "unreadable"
    assert "no notebook" in each.remarks[0]
