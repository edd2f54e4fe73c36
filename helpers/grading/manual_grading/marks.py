"""How an answer was marked: items of the rubric, points of its own, words of its own.

nbgrader's gradebook holds what came of it, points and a comment, and that alone counts. What it was
made of stands in a table beside: where both agree, the page can show the items. Where somebody has
changed points or comment elsewhere since, what is in the gradebook is shown as points and words of
their own.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, MetaData, String, Table, Text, select

from helpers.grading.manual_grading.questions import Question
from helpers.grading.manual_grading.rubric import Item

_TABLE = Table(
    "course_reading",
    MetaData(),
    Column("assignment", String(128), primary_key=True),
    Column("notebook", String(128), primary_key=True),
    Column("cell", String(128), primary_key=True),
    Column("student", String(128), primary_key=True),
    Column("reading", Text, nullable=False),
)


@dataclass(frozen=True)
class Mark:
    """What nbgrader has of an answer that somebody read.

    Attributes:
        score: given by hand; None where nobody has.
        extra: credit on top of it.
        comment: empty where there is none.
    """

    score: float | None = None
    extra: float | None = None
    comment: str = ""


@dataclass(frozen=True)
class Reading:
    """What a reader said of an answer.

    Attributes:
        items: of the rubric, by number.
        points: in the place of the items' sum, if given.
        note: words of its own, below the items' comments.
    """

    items: tuple[int, ...] = ()
    points: float | None = None
    note: str = ""

    def mark(self, rubric: Mapping[int, Item], out_of: float, before: Mark) -> Mark:
        """What the gradebook has to hold, for a question that is worth `out_of`.

        Points are at least 0 and at most what the question is worth, as in formgrader. Where it is
        worth nothing they are credit on top. Without an item or points it is not marked.
        """
        chosen = [rubric[item] for item in self.items if item in rubric]
        comment = "\n\n".join(filter(None, [*(each.comment for each in chosen), self.note]))
        points = self.points
        if points is None and chosen:
            points = sum(each.points for each in chosen)
        if points is None:
            return Mark(None, before.extra if out_of else None, comment)
        points = max(points, 0.0)
        if out_of:
            return Mark(min(points, out_of), before.extra, comment)
        return Mark(0.0, points, comment)

    def if_it_gave(self, mark: Mark, rubric: Mapping[int, Item], out_of: float) -> Reading:
        """Itself where `mark` came of it; else one of the same points and words, without items."""
        if self.mark(rubric, out_of, mark) == mark and set(self.items) <= set(rubric):
            return self
        own = mark.score if out_of or mark.extra is None else mark.extra
        return Reading((), own, mark.comment)


class Readings:
    """The readings of one question, in an open gradebook; committing is the caller's."""

    table = _TABLE.name

    def __init__(self, db: Any, question: Question) -> None:
        """Makes the table where there is none."""
        self._db = db
        self._of = {
            "assignment": question.unit,
            "notebook": question.notebook,
            "cell": question.cell,
        }
        _TABLE.create(db.connection(), checkfirst=True)

    def by_student(self) -> dict[str, Reading]:
        """What was said of each answer last."""
        rows = self._db.execute(select(_TABLE).filter_by(**self._of))
        return {row.student: _read(row.reading) for row in rows}

    def keep(self, readings: Mapping[str, Reading]) -> None:
        """In the place of what was said before, by student."""
        self._forget(readings)
        rows: Sequence[dict[str, Any]] = [
            {**self._of, "student": student, "reading": json.dumps(vars(reading))}
            for student, reading in readings.items()
        ]
        if rows:
            self._db.execute(_TABLE.insert(), rows)

    def _forget(self, students: Iterable[str]) -> None:
        for student in students:
            self._db.execute(_TABLE.delete().filter_by(**self._of, student=student))


def _read(text: str) -> Reading:
    said = json.loads(text)
    return Reading(tuple(said["items"]), said["points"], said["note"])
