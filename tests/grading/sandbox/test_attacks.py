"""What came of the class of attacks: none gains a point, none changes a neighbour's score, and
nothing of it is left when its notebook ends."""

from __future__ import annotations

import json
import re
import sqlite3

import pytest

from tests.attacks import Case, shown
from tests.executed import shared_folder
from tests.grading import sample
from tests.grading.sandbox.attacked import Graded, graded_once, student_of


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory, attacked: str) -> Graded:
    return graded_once(shared_folder(tmp_path_factory), attacked)


def test_an_attack_earns_what_is_expected(graded: Graded, case: Case) -> None:
    result = graded.of(student_of(case))
    assert result.total == case.points
    assert re.search(case.says, "\n".join(result.remarks))


def test_an_attack_shows_nothing_that_it_may_not_have(graded: Graded, case: Case) -> None:
    notebook = json.loads(graded.notebook(student_of(case)))
    texts = shown(notebook)
    # The word stands in a hidden test.
    never = ("tangerine", *case.never)
    assert [(word, text[:200]) for word in never for text in texts if word in text] == []
    outputs = [output for cell in notebook["cells"] for output in cell.get("outputs", [])]
    pages = [output.get("data", {}).get("text/html", "") for output in outputs]
    assert [page for page in pages if "<script" in page] == []


def test_right_submissions_among_attacks_earn_everything(graded: Graded) -> None:
    right = [each for each in graded.result.results if each.student.endswith("right")]
    assert {each.student: each.total for each in right} == {
        each.student: sample.POINTS for each in right
    }
    assert right


def test_every_submission_is_graded(graded: Graded) -> None:
    handed_in = {path.name for path in (graded.course / "submitted").iterdir()}
    assert {each.student for each in graded.result.results} == handed_in


def test_the_gradebook_holds_the_scores_that_were_reported(graded: Graded) -> None:
    with sqlite3.connect(graded.course / "gradebook.db") as database:
        rows = database.execute(
            "SELECT student_id, SUM(auto_score), SUM(COALESCE(manual_score, 0)) "
            "FROM submitted_assignment a JOIN submitted_notebook n ON n.assignment_id = a.id "
            "JOIN grade g ON g.notebook_id = n.id GROUP BY student_id"
        ).fetchall()
    assert {student: (auto, manual) for student, auto, manual in rows} == {
        each.student: (each.total, 0) for each in graded.result.results
    }


def test_no_file_of_the_course_has_changed(graded: Graded) -> None:
    assert graded.after.course == graded.before.course


def test_nothing_was_connected_to(graded: Graded) -> None:
    assert graded.connections == []


def test_no_process_is_left(graded: Graded) -> None:
    assert graded.left_over == {}


def test_no_file_is_left(graded: Graded) -> None:
    assert graded.after.files - graded.before.files == set()
