"""Scores into nbgrader's gradebook: one writer, one transaction a submission.

The rows are nbgrader's own, so formgrader, feedback and export read them as ever. SQLite or
PostgreSQL, whatever `db_url` says. A manual score is never touched; where there is one, and the
answer or the question is another than when it was given, the grade is marked for a person.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from nbgrader import api
from nbgrader.dbutil import ALEMBIC_DIR
from nbgrader.nbgraderformat import MetadataValidator
from nbgrader.preprocessors import SaveCells
from sqlalchemy import create_engine, inspect, select
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from helpers.grading.engine.grade_submission import Graded, Unit
from helpers.grading.handin.ipynb import is_graded, marks_of
from helpers.grading.nbgrader.config import redacted
from helpers.grading.nbgrader.history import (
    AGAIN,
    LATENESS,
    QUESTION,
    History,
    Mark,
    by_hand,
    reason,
    score_of,
    texts_of,
)
from helpers.grading.nbgrader.lateness import set_penalties

if TYPE_CHECKING:
    from nbformat import NotebookNode

#: Seconds before each new attempt when the database does not answer or is locked.
RETRIES = (0.1, 0.5, 2.0, 5.0)

Result = TypeVar("Result")
#: Points and kind of each graded cell.
_Cells = dict[str, tuple[float, str]]


class GradebookWriter:
    """Writes the grades of one notebook of a unit. Use it as a context manager."""

    def __init__(
        self,
        db_url: str,
        course_id: str,
        unit: Unit,
        config: Any = None,
        only: Sequence[str] = (),
    ) -> None:
        """Opens the gradebook and makes sure that it knows the unit.

        `only`: the students who are graded; everyone if none is named. Raises ValueError, in one
        line, when the gradebook cannot be opened or written, when it holds submissions of the unit
        with other graded cells, or with other points of somebody who is not graded now.
        """
        self._only = frozenset(only)
        self.db_url, self.unit, self.config = db_url, unit, config
        self._gradebook = open_gradebook(db_url, course_id)
        try:
            self._transaction(self._register)
        except BaseException:
            self._gradebook.close()
            raise

    def __enter__(self) -> GradebookWriter:
        return self

    def __exit__(self, *exception: object) -> None:
        self._gradebook.close()

    def record(self, student: str, graded: Graded, timestamp: datetime | None = None) -> None:
        """Write one submission's grades, all of them or none."""
        self._transaction(lambda: self._write(student, graded, timestamp))

    def renew_penalties(self) -> None:
        """Apply the course's rule and due date, as they are now, to every submission."""

        def renew() -> None:
            submissions = self._gradebook.assignment_submissions(self.unit.name)
            self._set_penalties(submissions, History(self._gradebook, self.unit.name))

        self._transaction(renew)

    def recorded(self) -> set[str]:
        """Students whose submission of the unit is in the gradebook, graded."""

        return self._transaction(self._recorded)

    def _recorded(self) -> set[str]:
        rows = self._gradebook.db.execute(
            select(api.SubmittedAssignment.student_id)
            .join(api.Assignment)
            .where(api.Assignment.name == self.unit.name)
        )
        return {row[0] for row in rows}

    def _register(self) -> None:
        """Make the unit's cells known, as `nbgrader generate_assignment` does."""
        wanted, known = _grade_cells(self.unit.template.notebook), self._known_cells()
        if known == wanted:
            return
        self._refuse_other_points(wanted, known or {})
        self._gradebook.update_or_create_assignment(self.unit.name)
        resources = {
            "nbgrader": {
                "assignment": self.unit.name,
                "notebook": self.unit.notebook_name,
                "db_url": _patient(self.db_url),
            }
        }
        try:
            SaveCells(config=self.config).preprocess(
                _as_node(self.unit.template.notebook), resources
            )
        except RuntimeError:
            raise ValueError(
                f"the gradebook {redacted(self.db_url)} holds submissions of {self.unit.name} with "
                f"other graded cells than {self.unit.name}/{self.unit.notebook_name}.ipynb has: "
                "restore that version, or use another gradebook"
            ) from None
        self._gradebook.db.expire_all()

    def _refuse_other_points(self, wanted: _Cells, known: _Cells) -> None:
        """Marks out of other points than the unit has now would stand beside those of `only`."""
        changed = [
            f"{name} from {known[name][0]:g} to {points:g}"
            for name, (points, _) in wanted.items()
            if name in known and known[name][0] != points
        ]
        others = self._recorded() - self._only
        if changed and self._only and others:
            raise ValueError(
                f"the points of {', '.join(changed)} have changed, and others are graded already: "
                f"grade everyone, without --only"
            )

    def _known_cells(self) -> _Cells | None:
        try:
            notebook = self._gradebook.find_notebook(self.unit.notebook_name, self.unit.name)
        except api.MissingEntry:
            return None
        cells = [*notebook.grade_cells, *notebook.task_cells]
        known = {cell.name: (float(cell.max_score), cell.cell_type) for cell in cells}
        solutions = {cell.name for cell in notebook.solution_cells}
        return known if solutions == _solution_cells(self.unit.template.notebook) else None

    def _write(self, student: str, graded: Graded, timestamp: datetime | None) -> None:
        submission = self._submission(student)
        submission.timestamp = timestamp
        notebook = self._notebook(submission)
        known_cells = self._read_cells(notebook)  # noqa: F841 (as long as it is held, it is known)
        grades = {grade.name: grade for grade in notebook.grades}
        if lost := [score.grade_id for score in graded.scores if score.grade_id not in grades]:
            raise ValueError(
                f"the gradebook {redacted(self.db_url)} has lost rows of {student} "
                f"({', '.join(lost)}): restore a copy of it, or use another gradebook"
            )
        history = History(self._gradebook, self.unit.name)
        history.note_by_hand([submission])
        last = history.last(self.unit.notebook_name, student)
        texts = texts_of(graded.notebook.get("cells", ()))
        marks = {}
        for score in graded.scores:
            grade, known = grades[score.grade_id], last.get(score.grade_id)
            by_machine = grade.auto_score
            grade.auto_score = score.score
            mark = Mark(score_of(grade), *texts[score.grade_id])
            why = reason(known, mark)
            # The same answer earns another score: what is asked has changed where no text shows it.
            if why == AGAIN and by_machine not in (None, score.score):
                why = QUESTION
            if not by_hand(grade):
                grade.needs_manual_grade = score.needs_manual
            elif known is None or not known.answer or why != AGAIN:
                grade.needs_manual_grade = True
            marks[score.grade_id] = mark, why
        history.note(self.unit.notebook_name, student, marks)
        empty = set(graded.unanswered)
        for comment in notebook.comments:
            comment.auto_comment = "No response." if comment.name in empty else None
        self._set_penalties([submission], history)

    def _set_penalties(
        self, submissions: Sequence[api.SubmittedAssignment], history: History
    ) -> None:
        """Also noted, as what is taken changes what counts."""
        set_penalties(self._gradebook, submissions, self.config)
        for submission in submissions:
            for book in submission.notebooks:
                known = LATENESS in history.last(book.name, submission.student_id)
                if known or book.late_submission_penalty:
                    taken = Mark(-(book.late_submission_penalty or 0.0), "", "")
                    history.note(book.name, submission.student_id, {LATENESS: (taken, LATENESS)})

    def _submission(self, student: str) -> api.SubmittedAssignment:
        """The student's submission, with a grade and a comment for each cell that has one."""
        db = self._gradebook.db
        try:
            return self._gradebook.find_submission(self.unit.name, student)
        except api.MissingEntry:
            pass
        with db.no_autoflush:
            assignment = self._gradebook.find_assignment(self.unit.name)
            owner = db.get(api.Student, student) or api.Student(id=student)
            submission = api.SubmittedAssignment(assignment=assignment, student=owner)
            for source in assignment.notebooks:
                submit_notebook(source, submission)
            db.add(submission)
        return submission

    def _notebook(self, submission: api.SubmittedAssignment) -> api.SubmittedNotebook:
        """The notebook in a submission; made where the unit had fewer when that was made."""
        for notebook in submission.notebooks:
            if notebook.name == self.unit.notebook_name:
                return notebook
        with self._gradebook.db.no_autoflush:
            source = self._gradebook.find_notebook(self.unit.notebook_name, self.unit.name)
            notebook = submit_notebook(source, submission)
            self._gradebook.db.add(notebook)
        return notebook

    def _read_cells(self, notebook: api.SubmittedNotebook) -> Sequence[api.BaseCell]:
        """All cells of a notebook at once: else each grade and comment that is asked for its name
        reads its own, again in each transaction."""
        of_notebook = select(api.BaseCell).where(api.BaseCell.notebook_id == notebook.notebook_id)
        return self._gradebook.db.scalars(of_notebook).all()

    def _transaction(self, work: Callable[[], Result]) -> Result:
        return transaction(self._gradebook, self.db_url, work)


def transaction(gradebook: api.Gradebook, db_url: str, work: Callable[[], Result]) -> Result:
    """Do `work` and commit, all or nothing. ValueError, in one line, where the gradebook cannot be
    used; after a lock or a lost connection it is tried again."""

    def attempt() -> Result:
        try:
            result = work()
            gradebook.db.commit()
            return result
        except BaseException:
            gradebook.db.rollback()
            raise

    return with_retries(attempt, db_url)


def submit_notebook(
    source: api.Notebook, submission: api.SubmittedAssignment
) -> api.SubmittedNotebook:
    """A notebook in a submission, with a grade and a comment for each cell that has one."""
    notebook = api.SubmittedNotebook(notebook=source, assignment=submission)
    for cell in [*source.grade_cells, *source.task_cells]:
        api.Grade(cell=cell, notebook=notebook)
    for cell in [*source.solution_cells, *source.task_cells]:
        api.Comment(cell=cell, notebook=notebook)
    return notebook


def open_gradebook(db_url: str, course_id: str) -> api.Gradebook:
    """nbgrader's gradebook, made where there is none; the caller closes it.

    Raises ValueError, in one line, when it cannot be used.
    """

    def attempt() -> api.Gradebook:
        _begin_empty(_patient(db_url))
        return api.Gradebook(_patient(db_url), course_id or "default_course")

    return with_retries(attempt, db_url)


def with_retries(attempt: Callable[[], Result], db_url: str) -> Result:
    """What `attempt` gives. After a lost connection or a lock, wait and do it again."""
    lost = False
    for wait in (*RETRIES, None):
        try:
            return attempt()
        except SQLAlchemyError as error:
            if isinstance(error, DBAPIError):
                # Once it was lost, a server that starts again refuses connections for a while.
                lost = lost or error.connection_invalidated or "locked" in str(error.orig)
            if lost and wait is not None:
                time.sleep(wait)
                continue
            raise unusable(db_url, error) from None
    raise AssertionError("unreachable")


def unusable(db_url: str, error: SQLAlchemyError) -> ValueError:
    """What to raise for a gradebook that cannot be opened, read or written."""
    reason = " ".join(str(getattr(error, "orig", error)).split())
    return ValueError(f"the gradebook {redacted(db_url)} cannot be used: {reason}")


def _begin_empty(db_url: str) -> None:
    """Write nbgrader's schema version into a database without tables, so that nbgrader, which
    would start a program to find it out, does not have to."""
    engine = create_engine(db_url)
    try:
        with engine.begin() as connection:
            if not inspect(connection).get_table_names():
                MigrationContext.configure(connection).stamp(ScriptDirectory(ALEMBIC_DIR), "head")
    finally:
        engine.dispose()


def _patient(db_url: str) -> str:
    """SQLite waits for a lock instead of failing at once."""
    if db_url.startswith("sqlite:///") and "?" not in db_url:
        return f"{db_url}?timeout=60"
    return db_url


def _as_node(notebook: dict[str, Any]) -> NotebookNode:
    from nbformat.notebooknode import from_dict

    node: NotebookNode = from_dict(notebook)
    for cell in node.cells:
        if "nbgrader" in cell.metadata:
            MetadataValidator().upgrade_cell_metadata(cell)
    return node


def _grade_cells(notebook: dict[str, Any]) -> _Cells:
    return {
        marks_of(cell)["grade_id"]: (float(marks_of(cell)["points"]), cell["cell_type"])
        for cell in filter(is_graded, notebook["cells"])
    }


def _solution_cells(notebook: dict[str, Any]) -> set[str]:
    marked = map(marks_of, notebook["cells"])
    return {marks["grade_id"] for marks in marked if marks.get("solution")}
