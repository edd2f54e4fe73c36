"""What an answer is marked by: items with points and a comment, in a table beside nbgrader's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Float, Integer, MetaData, String, Table, Text, select

from helpers.grading.manual_grading.questions import Question

_TABLE = Table(
    "course_rubric",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("assignment", String(128), nullable=False, index=True),
    Column("notebook", String(128), nullable=False),
    Column("cell", String(128), nullable=False),
    Column("points", Float, nullable=False),
    Column("comment", Text, nullable=False),
)


@dataclass(frozen=True)
class Item:
    """One thing that an answer says or lacks.

    Attributes:
        points: that it adds; below 0 it takes them.
        comment: for the student, in Markdown.
    """

    id: int
    points: float
    comment: str


class Rubric:
    """The items of one question, in an open gradebook; committing is the caller's."""

    def __init__(self, db: Any, question: Question) -> None:
        """Makes the table where there is none."""
        self._db = db
        self._of = {
            "assignment": question.unit,
            "notebook": question.notebook,
            "cell": question.cell,
        }
        _TABLE.create(db.connection(), checkfirst=True)

    def items(self) -> dict[int, Item]:
        """By their numbers, as they were added."""
        rows = self._db.execute(select(_TABLE).filter_by(**self._of).order_by(_TABLE.c.id))
        return {row.id: Item(row.id, row.points, row.comment) for row in rows}

    def add(self, points: float, comment: str) -> None:
        """A new item, the last."""
        self._db.execute(_TABLE.insert().values(**self._of, points=points, comment=comment))

    def change(self, item: int, points: float, comment: str) -> None:
        """Its points and comment, for whatever it is used."""
        chosen = _TABLE.update().filter_by(**self._of, id=item)
        self._db.execute(chosen.values(points=points, comment=comment))

    def remove(self, item: int) -> None:
        """Away with it."""
        self._db.execute(_TABLE.delete().filter_by(**self._of, id=item))
