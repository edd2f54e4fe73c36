"""One student has more time, and collecting, penalties, report and export agree on it."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from nbgrader.api import Gradebook

from helpers.grading.lms.collect import Collected, collect
from helpers.grading.lms.export import grades_of
from helpers.grading.lms.extensions import extend, extensions
from helpers.grading.report.data import read_class
from helpers.grading.report.feedback import write_feedback
from tests.grading import classbook, sample
from tests.grading.classbook import UNIT

DUE = datetime(2026, 11, 20, 23, 59, tzinfo=UTC)
LATER = "2026-11-22T23:59+00:00"


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """A graded class of a unit that was due; gus has handed in nothing."""
    made = classbook.make(tmp_path / "course")
    with classbook.open_gradebook(made) as gradebook:
        gradebook.find_assignment(UNIT).duedate = DUE.replace(tzinfo=None)
        for student in ("ada", "ben"):
            submission = gradebook.find_submission(UNIT, student)
            submission.timestamp = (DUE + timedelta(days=1)).replace(tzinfo=None)
        gradebook.db.commit()
    with open(made / "nbgrader_config.py", "a") as file:
        file.write('\nc.LateSubmissionPlugin.penalty_method = "zero"\n')
    return made


def penalties(gradebook: Gradebook) -> dict[str, float | None]:
    submissions = gradebook.assignment_submissions(UNIT)
    return {each.student_id: each.late_submission_penalty for each in submissions}


def test_who_has_more_time_loses_nothing_and_others_do(course: Path) -> None:
    extend(course, UNIT, "ben", str(DUE.isoformat()))
    extend(course, UNIT, "ada", LATER)
    with classbook.open_gradebook(course) as gradebook:
        found = penalties(gradebook)
    assert (found["ada"], found["ben"]) == (0.0, 2.0)


def test_an_extension_that_is_taken_back_costs_again(course: Path) -> None:
    extend(course, UNIT, "ada", LATER)
    extend(course, UNIT, "ada", DUE.isoformat())
    assert extensions(course, UNIT) == {}
    with classbook.open_gradebook(course) as gradebook:
        assert penalties(gradebook)["ada"] == 5.0


def test_an_extension_is_the_time_beyond_the_due_date(course: Path) -> None:
    said = extend(course, UNIT, "gus", LATER)
    assert said.startswith("gus can hand in homework until 2026-11-2")
    assert extensions(course, UNIT) == {"gus": timedelta(days=2)}


def test_who_was_only_given_time_has_no_grade_no_page_and_is_missing_in_the_report(
    course: Path,
) -> None:
    extend(course, UNIT, "gus", LATER)
    with classbook.open_gradebook(course) as gradebook:
        assert "gus" not in grades_of(gradebook, UNIT)
    assert read_class(course, UNIT).missing == ("gus",)
    with pytest.raises(ValueError, match=r"^gus: no graded homework; there are ada, ben"):
        write_feedback(course, UNIT, ["gus"])


def collected_a_day_late(tmp_path: Path, students: tuple[str, ...]) -> Collected:
    course = sample.make_course(tmp_path / "sample")
    (course / "roster.csv").write_text("id,name\nada,Ada Lovelace\nben,Ben Bitdiddle\n")
    download = tmp_path / "download"
    for student in ("ada", "ben"):
        notebook = sample.hand_in(tmp_path / "drafts", student, sample.right_notebook())
        (download / student).mkdir(parents=True)
        path = notebook.rename(download / student / "x.ipynb")
        time = (DUE + timedelta(days=1)).timestamp()
        os.utime(path, (time, time))
    collect(course, sample.UNIT, download, due=DUE)
    for student in students:
        extend(course, sample.UNIT, student, LATER)
    return collect(course, sample.UNIT, download)


def test_collecting_goes_by_it_before_anything_is_graded(tmp_path: Path) -> None:
    result = collected_a_day_late(tmp_path, ("ada",))
    assert {line.student.id: line.late for line in result.lines} == {"ada": False, "ben": True}


@pytest.mark.parametrize(
    ("student", "until", "said"),
    [
        ("ada", "2026-11-20T12:00+00:00", "is before homework is due, 2026-11-2"),
        ("ada", "tomorrow", "tomorrow: write it as 2026-11-20T23:59"),
        ("zoe", LATER, "zoe: neither the roster nor the gradebook has a student of that id"),
    ],
)
def test_what_cannot_be_granted_is_refused_in_one_line(
    course: Path, student: str, until: str, said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        extend(course, UNIT, student, until)
    assert extensions(course, UNIT) == {}


def test_a_unit_that_is_never_due_has_no_extension(tmp_path: Path) -> None:
    course = classbook.make(tmp_path / "course")
    with pytest.raises(ValueError, match="homework has no due date: say it with `course collect"):
        extend(course, UNIT, "ada", LATER)
