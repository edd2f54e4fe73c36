"""Why did a mark change? Each change leaves a line in the gradebook, in a table beside nbgrader's.

What people change in formgrader bears no time: it is noted when the marks are looked at next, by
`course grade` or `course history`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Column, DateTime, Float, Integer, MetaData, String, Table, select

from helpers.grading.handin.ipynb import is_graded, marks_of

FIRST = "graded"
ANSWER = "the answer changed"
QUESTION = "the question changed"
AGAIN = "graded again"
BY_HAND = "by hand"
BY_NBGRADER = "by nbgrader autograde"
LATENESS = "lateness"

_TABLE = Table(
    "course_history",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("at", DateTime, nullable=False),
    Column("assignment", String(128), nullable=False, index=True),
    Column("notebook", String(128), nullable=False),
    Column("student", String(128), nullable=False, index=True),
    Column("cell", String(128), nullable=False),
    Column("before", Float),
    Column("after", Float),
    Column("why", String(64), nullable=False),
    Column("answer", String(32), nullable=False),
    Column("question", String(32), nullable=False),
)


@dataclass(frozen=True)
class Change:
    """A mark that changed.

    Attributes:
        at: when, or, by hand, when it was seen.
        cell: the graded cell, or LATENESS for what is taken for that.
        before: None for the first mark.
    """

    at: datetime
    notebook: str
    student: str
    cell: str
    before: float | None
    after: float | None
    why: str


@dataclass(frozen=True)
class Mark:
    """What was last noted of a graded cell, and digests of the texts that it was given for."""

    score: float | None
    answer: str
    question: str


class History:
    """The changes of one unit's marks, in an open gradebook, for one transaction; committing is the
    caller's."""

    def __init__(self, gradebook: Any, unit: str) -> None:
        """Makes the table where there is none."""
        self._db, self._unit = gradebook.db, unit
        self._last: dict[tuple[str, str], dict[str, Mark]] = {}
        _TABLE.create(self._db.connection(), checkfirst=True)

    def last(self, notebook: str, student: str) -> dict[str, Mark]:
        """What was last noted, by graded cell."""
        if (notebook, student) not in self._last:
            self._last[notebook, student] = self._read_last(notebook, student)
        return self._last[notebook, student]

    def _read_last(self, notebook: str, student: str) -> dict[str, Mark]:
        rows = self._db.execute(
            select(_TABLE)
            .where(_TABLE.c.assignment == self._unit, _TABLE.c.notebook == notebook)
            .where(_TABLE.c.student == student)
            .order_by(_TABLE.c.id)
        )
        return {row.cell: Mark(row.after, row.answer, row.question) for row in rows}

    def answers(self, notebook: str, cell: str) -> dict[str, str]:
        """By student the digest of what was last noted to be marked in a cell; empty for none."""
        rows = self._db.execute(
            select(_TABLE.c.student, _TABLE.c.answer)
            .where(_TABLE.c.assignment == self._unit, _TABLE.c.notebook == notebook)
            .where(_TABLE.c.cell == cell)
            .order_by(_TABLE.c.id)
        )
        return {row.student: row.answer for row in rows}

    def note(self, notebook: str, student: str, marks: Mapping[str, tuple[Mark, str]]) -> None:
        """Note the marks that are another than before, or given for another text, with the reason.

        Args:
            marks: by graded cell, the mark as it is now and why.
        """
        last = self.last(notebook, student)
        now = datetime.now(UTC).replace(tzinfo=None)
        rows = [
            {
                "at": now,
                "assignment": self._unit,
                "notebook": notebook,
                "student": student,
                "cell": cell,
                "before": last[cell].score if cell in last else None,
                "after": mark.score,
                "why": why,
                "answer": mark.answer,
                "question": mark.question,
            }
            for cell, (mark, why) in marks.items()
            if last.get(cell) != mark
        ]
        if rows:
            self._db.execute(_TABLE.insert(), rows)
        now_known = {cell: mark for cell, (mark, _) in marks.items()}
        self._last[notebook, student] = last | now_known

    def note_by_hand(self, submissions: Iterable[Any]) -> None:
        """Note what was changed since, in formgrader or by nbgrader itself."""
        for submission in submissions:
            for book in submission.notebooks:
                self.note_grades(book.name, submission.student_id, book.grades)

    def note_grades(self, notebook: str, student: str, grades: Iterable[Any]) -> None:
        """Note these grades of a notebook as they are now, if they are others than before."""
        last = self.last(notebook, student)
        marks = {}
        for grade in grades:
            known = last.get(grade.name, Mark(None, "", ""))
            mark = Mark(score_of(grade), known.answer, known.question)
            if grade.name in last or mark.score is not None:
                marks[grade.name] = mark, BY_HAND if by_hand(grade) else BY_NBGRADER
        self.note(notebook, student, marks)

    def changes(self, student: str | None = None) -> list[Change]:
        """Every change of a mark, in the order of time; of one student, or of all."""
        query = select(_TABLE).where(_TABLE.c.assignment == self._unit).order_by(_TABLE.c.id)
        if student is not None:
            query = query.where(_TABLE.c.student == student)
        return [
            Change(
                row.at.replace(tzinfo=UTC),
                row.notebook,
                row.student,
                row.cell,
                row.before,
                row.after,
                row.why,
            )
            for row in self._db.execute(query)
            if row.before != row.after
        ]


def by_hand(grade: Any) -> bool:
    """Whether a person has given points, or credit on top."""
    return grade.manual_score is not None or bool(grade.extra_credit)


def score_of(grade: Any) -> float | None:
    """A grade as nbgrader adds it up, also before it is written; None where there is none yet."""
    own = grade.auto_score if grade.manual_score is None else grade.manual_score
    return None if own is None else float(own) + float(grade.extra_credit or 0.0)


def texts_of(cells: Sequence[Mapping[str, Any]]) -> dict[str, tuple[str, str]]:
    """For each graded cell of a notebook digests of the answer and of the question.

    An answer to be read is its own text; for a test it is all code above that students write. The
    question is the test, or what an answer's cell is worth.
    """
    found, code = {}, hashlib.sha256()
    for cell in cells:
        marks, source = marks_of(dict(cell)), _text(cell)
        if is_graded(dict(cell)):
            own = bool(marks.get("solution") or marks.get("task"))
            answer = _digest(source) if own else code.copy().hexdigest()[:32]
            asked = "" if own else source
            found[marks["grade_id"]] = answer, _digest(f"{marks.get('points')} {asked}")
        if cell["cell_type"] == "code" and not marks.get("locked"):
            code.update(source.encode("utf-8", "surrogatepass") + b"\0")
    return found


def reason(known: Mark | None, mark: Mark) -> str:
    """Why the machine's mark is another than the one that was noted."""
    if known is None:
        return FIRST
    if not known.answer:
        return AGAIN
    if known.answer != mark.answer:
        return ANSWER
    return QUESTION if known.question != mark.question else AGAIN


def _text(cell: Mapping[str, Any]) -> str:
    source = cell["source"]
    return source if isinstance(source, str) else "".join(source)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
