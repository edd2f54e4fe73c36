"""The answers to one question and their marks: what the page shows, and what it saves.

A save is one transaction in nbgrader's gradebook, and writes what formgrader would: `manual_score`,
`extra_credit`, `needs_manual_grade`, `manual_comment`, and a line of `course history`. Each answer
comes with a version, of its text and its mark; one that is another by now is not marked, but shown
again: nobody's mark is lost to a second window, and no text is marked that nobody saw.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from nbgrader import api
from sqlalchemy import select, text

from helpers.grading.handin.markup import Budget, plain_line
from helpers.grading.manual_grading.answers import Answer, Answers, shown
from helpers.grading.manual_grading.groups import Groups, difference, equal, similar
from helpers.grading.manual_grading.marks import Mark, Reading, Readings
from helpers.grading.manual_grading.questions import find_question
from helpers.grading.manual_grading.rubric import Item, Rubric
from helpers.grading.nbgrader.config import open_course
from helpers.grading.nbgrader.gradebook import open_gradebook, transaction
from helpers.grading.nbgrader.history import History, score_of

Result = TypeVar("Result")


class RefusedError(ValueError):
    """What was asked for cannot be done; nothing was changed. One line for the reader."""


@dataclass(frozen=True)
class Wanted:
    """An answer as the page has it, and how it is to be marked.

    Attributes:
        answer: what the page calls it.
        version: of the answer and its mark when they were shown.
    """

    answer: str
    version: str
    reading: Reading


@dataclass(frozen=True)
class _Row:
    """nbgrader's rows of one answer, and its text. `comment` is None where there is no such row."""

    student: str
    grade: Any
    comment: Any
    answer: Answer | None
    noted: str

    @property
    def mark(self) -> Mark:
        said = self.comment.manual_comment if self.comment else ""
        return Mark(self.grade.manual_score, self.grade.extra_credit, said or "")

    @property
    def version(self) -> str:
        digest = self.answer.digest if self.answer else ""
        state = self.mark, self.grade.auto_score, self.grade.needs_manual_grade
        return hashlib.sha256(repr((digest, self.noted, state)).encode()).hexdigest()[:16]

    def put(self, mark: Mark) -> None:
        """As formgrader's two requests do, one for the grade and one for the comment."""
        if mark.score is not None or self.grade.manual_score is not None:
            self.grade.manual_score, self.grade.extra_credit = mark.score, mark.extra
            self.grade.needs_manual_grade = mark.score is None and self.grade.auto_score is None
        if self.comment and mark.comment != (self.comment.manual_comment or ""):
            self.comment.manual_comment = mark.comment


class Reader:
    """One question, over an open gradebook. Use it as a context manager, in one thread."""

    def __init__(self, course: Path, unit: str, name: str) -> None:
        """ValueError for a unit or a question that is not there, or not graded."""
        self.question = find_question(course, unit, name)
        folders = open_course(course).coursedir
        self._url = folders.db_url
        self._answers = Answers(self.question)
        self._students: dict[str, str] = {}
        self._texts: dict[str, str] = {}
        self._groups: dict[str, Groups] = {"similar": [], "equal": []}
        self._gradebook = open_gradebook(self._url, folders.course_id)
        try:
            if not self._transaction(self._rows):
                raise ValueError(f"nothing of {unit} is graded: run `course grade {unit}` first")
        except BaseException:
            self._gradebook.close()
            raise

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *exception: object) -> None:
        self._gradebook.close()

    def state(self) -> dict[str, Any]:
        """Everything that the page shows, but no names: as plain data."""
        return self._transaction(self._state)

    def names(self) -> dict[str, str]:
        """Whose each answer is."""

        def read() -> dict[str, str]:
            students = {each.id: each for each in self._gradebook.students}
            return {
                answer: _name_of(students[student])
                for answer, student in self._students.items()
                if student in students
            }

        return self._transaction(read)

    def save(self, wanted: Sequence[Wanted]) -> dict[str, Any]:
        """Mark answers, all in one transaction; those that are others by now are left alone.

        Returns the answers as they are then, and lines for the reader. RefusedError where an item
        is none of the rubric's.
        """
        return self._transaction(lambda: self._save(wanted))

    def add_item(self, points: float, comment: str) -> None:
        """A new item of the rubric."""
        self._transaction(lambda: self._rubric.add(points, comment))

    def change_item(self, item: int, points: float, comment: str) -> int:
        """Changes an item, and the marks of all answers that have it; returns how many."""

        def change() -> int:
            used = self._users_of(item)
            self._rubric.change(item, points, comment)
            rubric, history = self._rubric.items(), self._history
            for row, reading in used:
                waits = row.grade.needs_manual_grade
                self._mark(row, reading.mark(rubric, self._out_of, row.mark), history)
                # It was not looked at now.
                row.grade.needs_manual_grade = waits
            return len(used)

        return self._transaction(change)

    def remove_item(self, item: int) -> None:
        """Takes an item out of the rubric. RefusedError where an answer has it."""

        def remove() -> None:
            if used := len(self._users_of(item)):
                raise RefusedError(f"{used} answers have this item: take it from them first")
            self._rubric.remove(item)

        self._transaction(remove)

    def _state(self) -> dict[str, Any]:
        rows = self._rows()
        rubric, readings, out_of = self._rubric.items(), self._readings.by_student(), self._out_of
        found = {self._called(row.student): (row, row.answer) for row in rows if row.answer}
        self._students = {name: found[name][0].student for name in sorted(found)}
        texts = {name: found[name][1].text for name in self._students}
        alone = [[name] for name in texts if found[name][1].unread]
        if texts != self._texts:
            written = {name: texts[name] for name in texts if not found[name][1].unread}
            self._texts = texts
            self._groups = {
                "similar": similar(written) + alone,
                "equal": equal(written) + alone,
            }
        first = {name: group[0] for group in self._groups["similar"] for name in group}
        asked, unit, lines = self.question.asked, self.question.unit, []
        if lost := len(rows) - len(found):
            lines.append(
                f"{lost} answers cannot be shown, since their autograded notebooks are not there "
                f"or cannot be read: run `course grade {unit} --force`"
            )
        return {
            "unit": unit,
            "question": self.question.cell,
            "out_of": out_of,
            "asked": shown(asked, Budget()) if asked else "",
            "model": shown(self.question.model, Budget()),
            "rubric": [vars(item) for item in rubric.values()],
            "answers": [
                _entry(name, found[name][0], self._reading(found[name][0], rubric, readings))
                | {
                    "html": found[name][1].html,
                    "differs": difference(texts[first[name]], texts[name]),
                }
                for name in self._students
            ],
            "groups": self._groups,
            "lines": lines,
        }

    def _reading(
        self, row: _Row, rubric: Mapping[int, Item], readings: Mapping[str, Reading]
    ) -> Reading:
        said = readings.get(row.student, Reading())
        return said.if_it_gave(row.mark, rubric, self._out_of)

    def _save(self, wanted: Sequence[Wanted]) -> dict[str, Any]:
        self._begin()
        rubric, history, out_of = self._rubric.items(), self._history, self._out_of
        for each in wanted:
            if not set(each.reading.items) <= set(rubric):
                raise RefusedError("the rubric was changed elsewhere: look again")
        students = [self._students[each.answer] for each in wanted if each.answer in self._students]
        rows = {self._called(each.student): each for each in self._rows(students)}
        kept, gone, others = {}, 0, 0
        for each in wanted:
            row = rows.get(each.answer)
            if row is None or row.answer is None:
                gone += 1
                rows.pop(each.answer, None)
            elif row.version != each.version:
                others += 1
            else:
                self._mark(row, each.reading.mark(rubric, out_of, row.mark), history)
                kept[row.student] = each.reading
        self._readings.keep(kept)
        self._gradebook.db.flush()
        readings = self._readings.by_student()
        lines = []
        if gone:
            lines.append(f"{gone} answers are no longer there: a grading has replaced them")
        if others:
            lines.append(f"{others} answers or their marks were changed elsewhere: look again")
        return {
            "answers": [
                _entry(name, row, self._reading(row, rubric, readings))
                for name, row in rows.items()
            ],
            "again": bool(lines),
            "lines": lines,
        }

    def _mark(self, row: _Row, mark: Mark, history: History) -> None:
        """Write a mark; what was changed elsewhere before it is noted first."""
        notebook = self.question.notebook
        history.note_grades(notebook, row.student, [row.grade])
        row.put(mark)
        history.note_grades(notebook, row.student, [row.grade])

    def _users_of(self, item: int) -> list[tuple[_Row, Reading]]:
        self._begin()
        rubric, readings = self._rubric.items(), self._readings.by_student()
        if item not in rubric:
            raise RefusedError("the rubric has no such item any more: look again")
        read = [(row, self._reading(row, rubric, readings)) for row in self._rows()]
        return [(row, reading) for row, reading in read if item in reading.items]

    def _rows(self, students: Iterable[str] | None = None) -> list[_Row]:
        """Of these students, or of all who handed in; in the order of their names."""
        noted = self._history.answers(self.question.notebook, self.question.cell)
        comments = dict(self._rows_of(api.Comment, students))
        return [
            _Row(
                student,
                grade,
                comments.get(student),
                self._answers.of(student),
                noted.get(student, ""),
            )
            for student, grade in self._rows_of(api.Grade, students)
            # Else nothing was handed in, and an extension granted.
            if (grade.auto_score, grade.manual_score) != (None, None) or grade.needs_manual_grade
        ]

    def _rows_of(self, kind: Any, students: Iterable[str] | None) -> list[tuple[str, Any]]:
        """nbgrader's grades or comments of the question, with whose they are."""
        question = self.question
        query = (
            select(api.SubmittedAssignment.student_id, kind)
            .select_from(kind)
            .join(api.BaseCell, kind.cell_id == api.BaseCell.id)
            .join(api.SubmittedNotebook, kind.notebook_id == api.SubmittedNotebook.id)
            .join(api.Notebook, api.SubmittedNotebook.notebook_id == api.Notebook.id)
            .join(api.SubmittedAssignment)
            .join(api.Assignment, api.SubmittedAssignment.assignment_id == api.Assignment.id)
            .where(api.Assignment.name == question.unit, api.Notebook.name == question.notebook)
            .where(api.BaseCell.name == question.cell)
            .order_by(api.SubmittedAssignment.student_id)
        )
        if students is not None:
            query = query.where(api.SubmittedAssignment.student_id.in_(list(students)))
        rows: Iterable[Any] = self._gradebook.db.execute(query)
        return [(student, row) for student, row in rows]

    @property
    def _out_of(self) -> float:
        """What the question is worth, as formgrader has it."""
        cell = self._gradebook.find_graded_cell(
            self.question.cell, self.question.notebook, self.question.unit
        )
        return float(cell.max_score)

    @property
    def _rubric(self) -> Rubric:
        return Rubric(self._gradebook.db, self.question)

    @property
    def _readings(self) -> Readings:
        return Readings(self._gradebook.db, self.question)

    @property
    def _history(self) -> History:
        return History(self._gradebook, self.question.unit)

    def _called(self, student: str) -> str:
        """What the page calls a student's answer: the same each time, and no hint at the name."""
        question = self.question
        about = "\0".join((question.unit, question.notebook, question.cell, student))
        return hashlib.sha256(about.encode()).hexdigest()[:12]

    def _begin(self) -> None:
        """From here on no other reader writes: else two could read before either writes."""
        db, one = self._gradebook.db, "BEGIN IMMEDIATE"
        if db.get_bind().dialect.name != "sqlite":
            one = f"LOCK TABLE {self._readings.table} IN EXCLUSIVE MODE"
        db.execute(text(one))

    def _transaction(self, work: Callable[[], Result]) -> Result:
        return transaction(self._gradebook, self._url, work)


def _entry(name: str, row: _Row, reading: Reading) -> dict[str, Any]:
    """What the page shows of an answer's mark."""
    return {
        "id": name,
        "version": row.version,
        "items": list(reading.items),
        "points": reading.points,
        "note": reading.note,
        "score": score_of(row.grade),
        "waits": bool(row.grade.needs_manual_grade),
    }


def _name_of(student: Any) -> str:
    name = " ".join(filter(None, (student.first_name, student.last_name)))
    return plain_line(f"{name} ({student.id})" if name else student.id)
