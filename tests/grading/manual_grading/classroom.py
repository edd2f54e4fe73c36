"""A class that has explained something, graded without running anything, and nbgrader's formgrader
as it would mark the same."""

from __future__ import annotations

import inspect
import json
import random
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import sqlalchemy
from nbgrader.api import Gradebook
from nbgrader.server_extensions.formgrader.apihandlers import CommentHandler, GradeHandler

from helpers.authoring.notebooks import find_unit
from helpers.grading.engine.grade_submission import CellScore, Graded
from helpers.grading.handin.ipynb import is_graded, marks_of
from helpers.grading.handin.markup import Budget, clean_markdown
from helpers.grading.nbgrader.course_files import CourseFiles
from tests.grading import sample

UNIT, QUESTION = sample.UNIT, "why"

#: Explanations as a class writes them: some copied, some in other words, one of its own each.
COPIED = (
    "The weights are read once for the whole batch, so each sample pays a share of that traffic.",
    "A larger batch does more arithmetic for each byte of weights that is read.",
    "Because the GPU is faster.",
    "I do not know.",
)
_OPENINGS = ("", "I think that ", "In short: ", "As far as I can see, ", "Well, ", "My guess: ")
_ENDINGS = ("", " That is all.", " So it is.", " Hence the speed-up.", " As the table shows.")
_THINGS = (
    "cache",
    "weights",
    "bytes",
    "kernels",
    "registers",
    "tiles",
    "threads",
    "loads",
    "stores",
    "lines",
)
_VERBS = (
    "wait",
    "move",
    "overlap",
    "saturate",
    "stall",
    "repeat",
    "shrink",
    "fill",
    "share",
    "amortize",
)


def explanations(count: int, seed: int = 0) -> list[str]:
    """About a third equal to one that is copied, a third like one, a third of its own."""
    draw = random.Random(seed)
    found = []
    for number in range(count):
        copied = draw.choice(COPIED)
        if number % 3 == 0:
            found.append(copied)
        elif number % 3 == 1:
            found.append(draw.choice(_OPENINGS) + copied + draw.choice(_ENDINGS))
        else:
            words = [draw.choice(_THINGS) + " " + draw.choice(_VERBS) for _ in range(8)]
            found.append(f"My own answer: {', '.join(words)}.")
    return found


def make(folder: Path, answers: Mapping[str, str]) -> Path:
    """A course in which these students' submissions of the sample unit are graded."""
    course = sample.make_course(folder)
    for student in answers:
        sample.hand_in(course, student, sample.answered({}))
    grade(course, answers)
    return course


def grade(course: Path, answers: Mapping[str, str]) -> None:
    """As `course grade` does: into the gradebook, then the autograded notebooks."""
    files = CourseFiles(course, find_unit(course, UNIT))
    with files.open_gradebook() as writer:
        for student, text in answers.items():
            notebook = sample.answered(sample.RIGHT | {QUESTION: clean_markdown(text, Budget())})
            scores = tuple(
                _score(marks_of(cell), text) for cell in notebook["cells"] if is_graded(cell)
            )
            unanswered = (QUESTION,) if text == "YOUR ANSWER HERE" else ()
            graded = Graded("graded", scores, (), unanswered, notebook=notebook)
            writer.record(student, graded)
            path = files.autograded(student)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.unlink(missing_ok=True)
            path.write_text(json.dumps(notebook))


def _score(marks: dict[str, Any], text: str) -> CellScore:
    name, points = marks["grade_id"], float(marks["points"])
    if name != QUESTION:
        return CellScore(name, points, points, False)
    answered = text != "YOUR ANSWER HERE"
    return CellScore(name, None if answered else 0.0, points, answered)


def formgrader(
    course: Path, student: str, mark: Mapping[str, Any] | None, comment: str | None = None
) -> None:
    """Marks as formgrader does: by nbgrader's own code of its two requests."""
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}", "network_costs") as gradebook:
        about = QUESTION, UNIT, UNIT, student
        grade, said = gradebook.find_grade(*about), gradebook.find_comment(*about)
        if mark is not None:
            _put(GradeHandler, gradebook, grade.id, mark)
        if comment is not None:
            _put(CommentHandler, gradebook, said.id, {"manual_comment": comment})


def _put(handler: Any, gradebook: Gradebook, row: str, sent: Mapping[str, Any]) -> None:
    request = SimpleNamespace(
        gradebook=gradebook, get_json_body=lambda: sent, write=lambda text: None
    )
    inspect.unwrap(handler.put)(request, row)


#: Every column of nbgrader's that a reader can change, but for numbers that are drawn.
ROWS = """
SELECT s.student_id, b.name, g.auto_score, g.manual_score, g.extra_credit, g.needs_manual_grade,
       c.auto_comment, c.manual_comment
FROM submitted_assignment s JOIN submitted_notebook n ON n.assignment_id = s.id
JOIN grade g ON g.notebook_id = n.id JOIN base_cell b ON g.cell_id = b.id
LEFT JOIN (SELECT comment.*, base_cell.name FROM comment JOIN base_cell
           ON comment.cell_id = base_cell.id) c ON c.notebook_id = n.id AND c.name = b.name
ORDER BY s.student_id, b.name
"""


def rows(course: Path) -> list[tuple[Any, ...]]:
    """What nbgrader's gradebook holds of the class."""
    engine = sqlalchemy.create_engine(f"sqlite:///{course / 'gradebook.db'}")
    try:
        with engine.connect() as connection:
            return [tuple(row) for row in connection.execute(sqlalchemy.text(ROWS))]
    finally:
        engine.dispose()
