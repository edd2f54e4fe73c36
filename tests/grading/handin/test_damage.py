"""A damaged right submission is graded in full, or listed for a person with a reason.

What cannot be found waits for a person, and everything else is graded. The shapes: `damage/`.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from helpers.grading.class_run import ClassResult, Options, SubmissionResult, grade_class
from tests.executed import once, shared_folder
from tests.grading import sample
from tests.grading.handin.damage import Case, read_cases

CASES = read_cases()


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> ClassResult:
    return once(shared_folder(tmp_path_factory) / "damaged", graded_in)


def graded_in(folder: Path) -> ClassResult:
    course = sample.make_course(folder)
    for case in CASES:
        sample.hand_in(course, case.name, case.submission())
    sample.hand_in(course, "renamed", sample.right_notebook(), "Copy_of_sample (1).ipynb")
    sample.hand_in(course, "beside_another", sample.right_notebook(), "mine.ipynb")
    sample.hand_in(course, "beside_another", {"cells": [], "metadata": {}}, "zzz.ipynb")
    for number in (1, 2):
        sample.hand_in(course, "twice", sample.right_notebook(), f"sample ({number}).ipynb")
    (course / "submitted" / "nothing" / sample.UNIT).mkdir(parents=True)
    return grade_class(course, sample.UNIT, Options(jobs=1))


def result(graded: ClassResult, student: str) -> SubmissionResult:
    return next(each for each in graded.results if each.student == student)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_nothing_right_is_lost_in_silence(graded: ClassResult, case: Case) -> None:
    """What is not graded waits for a person, with a remark that says why."""
    came = result(graded, case.name)
    waiting = sum(
        score.max_score for score in came.scores if score.needs_manual and score.grade_id != "why"
    )
    assert (came.total, waiting) == (case.expected.points, case.expected.waiting)
    assert (came.status == "graded") == (waiting == 0)
    assert came.remarks or not waiting


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_words_wait_for_a_person(graded: ClassResult, case: Case) -> None:
    words = next(score for score in result(graded, case.name).scores if score.grade_id == "why")
    assert (words.score, words.needs_manual) == (None, True)


@pytest.mark.parametrize(
    ("student", "remark"),
    [
        ("renamed", "found as Copy_of_sample (1).ipynb"),
        ("beside_another", "found as mine.ipynb"),
        ("twice", "found as sample (2).ipynb, not sample (1).ipynb"),
    ],
)
def test_a_notebook_of_another_name_is_graded_and_that_is_said(
    graded: ClassResult, student: str, remark: str
) -> None:
    came = result(graded, student)
    assert (came.total, came.status) == (sample.POINTS, "graded")
    assert came.remarks == (remark,)


def test_a_folder_without_a_notebook_waits_for_a_person(graded: ClassResult) -> None:
    each = result(graded, "nothing")
    assert each.status == "unreadable"
    assert "no notebook" in each.remarks[0]
