"""Plain `nbgrader autograde` saves the scores that the engine gave."""

from __future__ import annotations

from pathlib import Path

import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from helpers.grading.engine.grade_submission import CellScore, Graded
from helpers.grading.preprocessors import SaveGrades
from tests.grading import classbook
from tests.grading.classbook import UNIT


@pytest.mark.parametrize("needs_review", [False, True])
def test_the_score_that_is_saved_is_the_one_given_and_not_one_read_from_an_output(
    tmp_path: Path, needs_review: bool
) -> None:
    course = classbook.make(tmp_path / "course")
    marks = {"grade_id": "check_padding", "grade": True, "solution": False, "points": 1}
    result = new_output("execute_result", {"text/plain": "1.0"}, execution_count=1)
    cell = new_code_cell("check(…)", metadata={"nbgrader": marks}, outputs=[result])
    about = {
        "notebook": UNIT,
        "assignment": UNIT,
        "student": "ben",
        "db_url": f"sqlite:///{course / 'gradebook.db'}",
    }
    graded = Graded("graded", (CellScore("check_padding", 0.1 + 0.2, 1.0, needs_review),))
    SaveGrades().preprocess(new_notebook(cells=[cell]), {"nbgrader": about, "course": graded})
    with classbook.open_gradebook(course) as gradebook:
        grade = gradebook.find_grade("check_padding", UNIT, UNIT, "ben")
        assert (grade.auto_score, grade.needs_manual_grade) == (0.1 + 0.2, needs_review)
