"""Each change of a mark leaves a line that says why, and only what changed is to be read again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from nbgrader.api import Gradebook
from typer.testing import CliRunner

from helpers.cli import app
from helpers.grading.commands.history import read_history
from helpers.grading.engine.grade_submission import CellScore, Graded, Unit
from helpers.grading.nbgrader.gradebook import GradebookWriter
from tests.grading import classbook, sample

CELLS = ("check_softmax_flops", "check_mean", "why")
Marks = dict[str, tuple[float, bool]]


class Course:
    """A gradebook in which one student's submission is graded again and again."""

    def __init__(self, folder: Path) -> None:
        self.url = f"sqlite:///{folder / 'gradebook.db'}"
        source = json.dumps(sample.source_notebook()).encode()
        self.unit = Unit.read(sample.UNIT, sample.UNIT, source, b"secret")

    def grade(self, scores: Mapping[str, float], changed: Mapping[str, str] | None = None) -> None:
        """Record what the machine gives, for right answers or with some cells changed."""
        notebook = sample.right_notebook()
        for cell in notebook["cells"]:
            cell["source"] = (changed or {}).get(cell["id"], cell["source"])
        given = tuple(
            replace(each, score=scores.get(each.grade_id, each.score)) for each in self.scores()
        )
        with GradebookWriter(self.url, "", self.unit) as writer:
            writer.record("ada", Graded("graded", given, notebook=notebook))

    def scores(self) -> list[CellScore]:
        points = {f"check_{name}": points for name, (_, points) in sample.TESTS.items()}
        found = [CellScore(name, float(each), float(each), False) for name, each in points.items()]
        return [*found, CellScore("why", None, 2.0, needs_manual=True)]

    def by_hand(self, scores: Mapping[str, float]) -> None:
        """As formgrader does it."""
        with Gradebook(self.url, "default_course") as gradebook:
            (book,) = gradebook.find_submission(sample.UNIT, "ada").notebooks
            for grade in book.grades:
                if grade.name in scores:
                    grade.manual_score, grade.needs_manual_grade = scores[grade.name], False
            gradebook.db.commit()

    def to_read(self) -> set[str]:
        with Gradebook(self.url, "default_course") as gradebook:
            (book,) = gradebook.find_submission(sample.UNIT, "ada").notebooks
            return {grade.name for grade in book.grades if grade.needs_manual_grade}

    def changes(self) -> list[tuple[str, float | None, float | None, str]]:
        from helpers.grading.nbgrader.history import History

        with Gradebook(self.url, "default_course") as gradebook:
            history = History(gradebook, sample.UNIT)
            history.note_by_hand(gradebook.assignment_submissions(sample.UNIT))
            gradebook.db.commit()
            found = history.changes("ada")
        return [
            (each.cell, each.before, each.after, each.why) for each in found if each.why != "graded"
        ]


@pytest.fixture
def course(tmp_path: Path) -> Course:
    made = Course(tmp_path)
    made.grade({})
    return made


def test_nothing_changed_leaves_no_line(course: Course) -> None:
    course.grade({})
    assert course.changes() == []
    assert course.to_read() == {"why"}


def test_another_answer_is_the_reason(course: Course) -> None:
    course.grade({"check_mean": 1.0}, {"mean": "def mean(values):\n    return 0"})
    assert course.changes() == [("check_mean", 3.0, 1.0, "the answer changed")]


def test_another_test_is_the_reason(course: Course) -> None:
    course.grade({"check_mean": 1.0}, {"check_mean": "assert mean([1]) == 2"})
    assert course.changes() == [("check_mean", 3.0, 1.0, "the question changed")]


def test_an_entry_that_changed_is_a_question_that_did(course: Course) -> None:
    """A question's right answer stands in no cell."""
    course.grade({"check_softmax_flops": 0.0})
    assert course.changes() == [("check_softmax_flops", 2.0, 0.0, "the question changed")]


def test_what_formgrader_changed_is_by_hand(course: Course) -> None:
    course.by_hand({"why": 1.5})
    course.by_hand({"why": 2.0, "check_mean": 0.0})
    assert course.changes() == [
        ("check_mean", 3.0, 0.0, "by hand"),
        ("why", None, 2.0, "by hand"),
    ]
    assert course.changes() == course.changes()


def test_points_by_hand_are_asked_for_again_where_answer_or_question_changed(
    course: Course,
) -> None:
    course.by_hand({"why": 2.0, "check_mean": 2.5, "check_sheets": 1.0})
    course.changes()
    course.grade({})
    assert course.to_read() == set()
    course.grade({"check_mean": 1.0}, {"check_mean": "assert mean([1]) == 2"})
    assert course.to_read() == {"check_mean"}
    # It waits until somebody has looked.
    course.grade({"check_mean": 1.0}, {"check_mean": "assert mean([1]) == 2"})
    assert course.to_read() == {"check_mean"}
    course.by_hand({"check_mean": 1.0})
    course.grade({}, {"why": "Another reason.", "check_mean": "assert mean([1]) == 2"})
    assert course.to_read() == {"why", "check_mean"}


def test_of_a_gradebook_without_a_history_all_points_by_hand_are_asked_for(course: Course) -> None:
    from sqlalchemy import text

    course.by_hand({"why": 2.0})
    with Gradebook(course.url, "default_course") as gradebook:
        gradebook.db.execute(text("DROP TABLE course_history"))
        gradebook.db.commit()
    course.grade({})
    assert course.to_read() == {"why"}


def test_the_command_says_when_from_to_and_why(tmp_path: Path) -> None:
    made = classbook.make(tmp_path / "course")
    assert read_history(made, classbook.UNIT, "ada") != []
    with classbook.open_gradebook(made) as gradebook:
        (book,) = gradebook.find_submission(classbook.UNIT, "ada").notebooks
        (grade,) = [each for each in book.grades if each.name == "compare_measured"]
        grade.manual_score, grade.needs_manual_grade = 1, False
        gradebook.db.commit()

    def run(*words: str) -> Any:
        return CliRunner().invoke(app, ["history", classbook.UNIT, *words, "--course", str(made)])

    *_, change = json.loads(run("ada", "--json").stdout)
    assert (change["question"], change["from"], change["to"]) == ("compare_measured", None, 1)
    assert change["why"] == "by hand"
    shown = run("ada").stdout
    assert "compare_measured" in shown
    assert "by hand" in shown
    nobody = run("gus")
    assert isinstance(nobody.exception, ValueError)
    assert str(nobody.exception).startswith("gus: no graded homework; there are ada, ben,")
