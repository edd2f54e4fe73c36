"""nbgrader's own quickstart course and the submissions of its documentation are graded here as
nbgrader grades them, question by question.

What nbgrader gives is read from the autograded notebooks that it comes with, by its own function.
"""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import nbformat
import nbgrader
import pytest
from nbgrader.utils import determine_grade, is_grade, is_solution, is_task

from helpers.grading.class_run import ClassResult, Options, grade_class

GUIDE = Path(nbgrader.__file__).parent / "docs" / "source" / "user_guide"
UNIT = "ps1"
#: By student, notebook and grade id: the machine's points, None where a person reads.
Scores = dict[tuple[str, str, str], float | None]


def cells_of(path: Path) -> list[Any]:
    """nbgrader's graded cells of a notebook."""
    return [
        cell for cell in nbformat.read(path, as_version=4).cells if is_grade(cell) or is_task(cell)
    ]


def given_by_nbgrader() -> Scores:
    scores: Scores = {}
    for path in sorted((GUIDE / "autograded").glob(f"*/{UNIT}/*.ipynb")):
        for cell in cells_of(path):
            score = determine_grade(cell)[0] if is_grade(cell) else None
            scores[path.parents[1].name, path.stem, cell.metadata.nbgrader.grade_id] = score
    return scores


def hand_in_the_solution(course: Path) -> None:
    folder = course / "submitted" / "solution" / UNIT
    folder.mkdir()
    for path in (course / "source" / UNIT).glob("*.ipynb"):
        notebook = json.loads(path.read_text())
        for cell in notebook["cells"]:
            lines = "".join(cell["source"]).splitlines(keepends=True)
            cell["source"] = [line for line in lines if not re.search("### (BEGIN|END)", line)]
        (folder / path.name).write_text(json.dumps(notebook))


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> ClassResult:
    """The course as `nbgrader quickstart` makes it, which copies these files."""
    course = tmp_path_factory.mktemp("quickstart")
    shutil.copytree(GUIDE / "source", course / "source")
    shutil.copytree(GUIDE / "submitted", course / "submitted")
    (course / "submitted" / "solution").mkdir()
    hand_in_the_solution(course)
    config = 'c = get_config()\nc.CourseDirectory.course_id = "quickstart"\n'
    (course / "nbgrader_config.py").write_text(config)
    return grade_class(course, UNIT, Options(jobs=1))


def scores_of(result: ClassResult, student: str) -> Scores:
    return {
        (each.student, score.notebook, score.grade_id): score.score
        for each in result.results
        if each.student == student
        for score in each.scores
    }


@pytest.mark.parametrize("student", ["bitdiddle", "hacker"])
def test_a_submission_has_the_points_that_nbgrader_gives(graded: ClassResult, student: str) -> None:
    given = {key: score for key, score in given_by_nbgrader().items() if key[0] == student}
    assert len(given) == 9
    assert scores_of(graded, student) == given


def test_the_instructors_own_answers_have_all_points_of_the_machine(graded: ClassResult) -> None:
    tests = {
        (path.stem, cell.metadata.nbgrader.grade_id): float(cell.metadata.nbgrader.points)
        for path in (GUIDE / "source" / UNIT).glob("*.ipynb")
        for cell in cells_of(path)
        if not is_solution(cell) and not is_task(cell)
    }
    found = scores_of(graded, "solution")
    assert {key: found["solution", *key] for key in tests} == tests


def test_nothing_is_wrong_with_a_submission_only_because_it_is_nbgraders(
    graded: ClassResult,
) -> None:
    assert [(each.student, each.status, each.remarks) for each in graded.results] == [
        (student, "graded", ()) for student in ("bitdiddle", "hacker", "solution")
    ]
