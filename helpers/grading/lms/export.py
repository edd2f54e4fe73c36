"""`course export UNIT --to PLATFORM`: grades in the columns that a platform reads, or as CSV.

It is an export plugin of nbgrader, so `nbgrader export` takes it, too:

    nbgrader export --exporter=helpers.grading.lms.export.UnitExport \\
        --UnitExport.platform=canvas --assignment='["homework"]'

The grade is out of the points of a unit without its bonus (`Exercise.bonus`), as `course check`
counts them. Points of the bonus make up for points lost elsewhere and never lift a grade above
what there is; what the course takes for lateness is taken last. Who handed in nothing has no grade:
a zero is the instructor's decision.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbgrader.plugins import ExportPlugin
from traitlets import Bool, Enum, Unicode

from helpers.authoring.notebooks import bonus_cells, find_unit
from helpers.files import refuse_path, write_text
from helpers.grading.lms.origins import read_origins
from helpers.grading.lms.platform import Grade, Platform, Student, as_number
from helpers.grading.lms.registry import GRADEBOOKS
from helpers.grading.lms.roster import is_own, read_header, students_of
from helpers.grading.nbgrader.config import open_course

if TYPE_CHECKING:
    from nbgrader.api import Gradebook, SubmittedAssignment


#: Students who are named in a line of their own; beyond so many they are counted.
NAMED = 20


def grades_of(gradebook: Gradebook, unit: str) -> dict[str, Grade]:
    """Everyone's grade in a unit, by student. ValueError where nothing of it is graded."""
    submissions = [each for each in gradebook.assignment_submissions(unit) if is_marked(each)]
    if not submissions:
        raise ValueError(f"nothing of {unit} is graded: run `course grade {unit}` first")
    assignment = gradebook.find_assignment(unit)
    bonuses = bonus_cells()
    cells = [c for book in assignment.notebooks for c in (*book.grade_cells, *book.task_cells)]
    out_of = sum(cell.max_score for cell in cells if cell.name not in bonuses)
    found = {}
    for submission in submissions:
        graded = [grade for book in submission.notebooks for grade in book.grades]
        found[submission.student.id] = Grade(
            submission.student.id,
            sum(each.score for each in graded if each.name not in bonuses),
            sum(each.score for each in graded if each.name in bonuses),
            submission.late_submission_penalty or 0.0,
            out_of,
            sum(bool(each.needs_manual_grade) for each in graded),
            {_question(each): each.score for each in graded},
        )
    return found


def is_marked(submission: SubmittedAssignment) -> bool:
    """Whether something was handed in and marked, and not only an extension granted."""
    grades = [grade for book in submission.notebooks for grade in book.grades]
    if not grades:
        return bool(submission.notebooks)
    return any(
        grade.auto_score is not None or grade.manual_score is not None or grade.needs_manual_grade
        for grade in grades
    )


def _question(grade: Any) -> str:
    """What a graded cell is called in a table; with its notebook where a unit has several."""
    name = str(grade.name).removeprefix("check_")
    several = len(grade.notebook.assignment.notebooks) > 1
    return f"{grade.notebook.name}: {name}" if several else name


@dataclass(frozen=True)
class Spreadsheet(Platform):
    """No platform: everything that there is, for any other program. Works without a roster.

    Attributes:
        questions: whether each question's points stand in columns of their own.
    """

    name = "csv"
    questions: bool = False

    def rows(
        self, unit: str, students: Sequence[Student], grades: Mapping[str, Grade]
    ) -> Iterator[list[str]]:
        numbers = ("points", "bonus", "penalty", "grade", "out_of", "to_read")
        questions = [*dict.fromkeys(name for each in grades.values() for name in each.questions)]
        questions = questions if self.questions else []
        yield ["unit", "student", "name", "email", *numbers, *questions]
        known = {student.id: student for student in students}
        for name in sorted({*known, *grades}):
            student, grade = known.get(name, Student(name)), grades.get(name)
            values = [as_number(getattr(grade, number)) if grade else "" for number in numbers]
            points = grade.questions if grade else {}
            values += [as_number(points[each]) if each in points else "" for each in questions]
            yield [unit, name, student.name, student.email, *values]


SHEETS: dict[str, Platform] = {each.name: each for each in (*GRADEBOOKS, Spreadsheet())}


class UnitExport(ExportPlugin):
    """One unit's grades as a platform reads them."""

    platform = Enum(list(SHEETS), "csv", help="whose columns").tag(config=True)
    course = Unicode(".", help="the course's folder").tag(config=True)
    roster = Unicode("", help="CSV of the students; roster.csv by default").tag(config=True)
    title = Unicode("", help="the assignment's name there; the unit's by default").tag(config=True)
    questions = Bool(False, help="with each question's points; for csv").tag(config=True)

    @cached_property
    def everyone(self) -> tuple[Student, ...]:
        """The students of the roster. ValueError where there is none and one is needed."""
        found = students_of(Path(self.course), Path(self.roster) if self.roster else None)
        if not found and self.platform != Spreadsheet.name:
            raise ValueError(
                f"{Path(self.course, 'roster.csv')} is not there: "
                f"{self.platform} knows students by the ids in a roster"
            )
        return found

    @property
    def _header(self) -> list[str]:
        roster = Path(self.roster or Path(self.course, "roster.csv"))
        return read_header(roster) if roster.is_file() else []

    @property
    def _sheet(self) -> Platform:
        """ValueError where the platform takes no points by question."""
        if not self.questions:
            return SHEETS[self.platform]
        if self.platform != Spreadsheet.name:
            raise ValueError(
                f"{self.platform} takes one grade a unit: points by question are in --to csv"
            )
        return Spreadsheet(questions=True)

    def _as_known(self, unit: str) -> tuple[Student, ...]:
        """The students, by the numbers that the platform has for them in this unit.

        ValueError where the roster's are of another assignment, or may be.
        """
        platform = SHEETS[self.platform]
        if platform.number_lasts:
            return self.everyone
        course, column = Path(self.course), platform.number
        roster = Path(self.roster or course / "roster.csv")
        own = is_own(course, roster)
        seen = {
            student: origin.number
            for student, origin in read_origins(course, unit).items()
            if origin.platform == platform.name and origin.own
        }
        numbers = {each.id: each.ids[column] for each in self.everyone if each.ids.get(column)}
        remedy = f"take the list that {platform.name} has for {unit}, as --roster"
        if own and numbers and not seen:
            raise ValueError(
                f"{roster}: {column} is another number in each assignment, and nothing says that "
                f"these are {unit}'s: {remedy}"
            )
        for student in () if own else sorted(set(seen) & set(numbers)):
            if seen[student] != numbers[student]:
                raise ValueError(
                    f"{roster} is of another assignment: it has {numbers[student]} for {student}, "
                    f"and the download of {unit} had {seen[student]}: {remedy}"
                )
        known = seen if own else numbers | seen
        return tuple(
            replace(each, ids={**each.ids, column: known.get(each.id, "")})
            for each in self.everyone
        )

    def export(self, gradebook: Gradebook) -> None:
        """Write the file, whole or not at all. ValueError for what cannot be exported."""
        if len(self.assignment) != 1:
            raise ValueError("name one unit to export: --assignment='[\"homework\"]'")
        unit = self.assignment[0]
        grades, students = grades_of(gradebook, unit), self._as_known(unit)
        if self.student:
            grades = {name: grade for name, grade in grades.items() if name in self.student}
            students = tuple(each for each in students if each.id in self.student)
        self.grades, self.students = grades, students
        self.column = self.title or self._sheet.title(unit, self._header)
        rows = self._sheet.rows(self.column, students, grades)
        write_csv(Path(self.to or "grades.csv"), rows)


def write_csv(path: Path, rows: Iterable[Sequence[Any]]) -> None:
    """Write a CSV whole or not at all, with no cell that a spreadsheet would take for a formula."""
    refuse_path(path)
    text = io.StringIO(newline="")
    # All in quotes, and safe where a reader takes another sign for the end of a cell.
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows(
        [escape_formula(cell) for cell in row] for row in rows
    )
    write_text(path, text.getvalue())


_INNER = re.compile(r"([;\t\r\n|][\s\"]*)([=+\-@＝＋－＠])")


def escape_formula(cell: Any) -> Any:
    """A cell's text that no spreadsheet evaluates: an apostrophe before a sign that would begin a
    formula, also behind spaces and what parts cells elsewhere. Grades are never negative; a lone
    "-" means nothing."""
    text = str(cell)
    inner = _INNER.sub(r"\1'\2", text)
    if inner != text:
        return escape_formula(inner)
    start = text.lstrip()
    if text[:1] in ("\t", "\r", "\n") or (start[:1] in tuple("=+-@＝＋－＠") and start != "-"):
        return f"'{text}"
    return cell


def export_grades(
    course: Path,
    unit: str,
    to: str,
    output: Path | None = None,
    roster: Path | None = None,
    *,
    title: str | None = None,
    questions: bool = False,
) -> list[str]:
    """Write a unit's grades for a platform; returns lines for people, the first about the file.

    Args:
        title: what the assignment is called there; the unit's name by default.
        questions: with each question's points in a column of its own, for csv.

    Raises ValueError, in one line and with nothing written, for an unknown platform or unit, a
    roster that is needed and not there, or a file that cannot be written.
    """
    if to not in SHEETS:
        raise ValueError(f"--to {to}: use {', '.join(SHEETS)}")
    find_unit(course, unit)
    plugin = UnitExport(
        platform=to,
        assignment=[unit],
        course=str(course),
        roster=str(roster or ""),
        title=title or "",
        questions=questions,
    )
    _ = plugin.everyone, plugin._sheet  # what is wrong with it is said before a gradebook is opened
    plugin.to = str(output or (f"{unit}-{to}.csv" if to != "csv" else f"{unit}.csv"))
    with open_course(course).gradebook as gradebook:
        plugin.export(gradebook)
    return list(_lines(plugin))


def _lines(done: UnitExport) -> Iterator[str]:
    """What people are told of a file that was written."""
    names = {each.id for each in done.students}
    yield f"{len(names) or len(done.grades)} students in {done.to}"
    there = SHEETS[done.platform].assignments(done._header)
    if there and done.column not in there:
        yield (
            f"{done.platform} makes a new assignment of it, {done.column!r}: of those that it has, "
            f"{', '.join(there)}, --title says which"
        )
    if without := sorted(names - set(done.grades)):
        yield f"no grade, as nothing is graded: {', '.join(without)}"
    strangers = sorted(set(done.grades) - names)
    if strangers and names:
        where = (
            "in the file by their id" if done.platform == Spreadsheet.name else "NOT in the file"
        )
        yield f"graded but not in the roster, {where}: {', '.join(strangers)}"
    to_read = {name: grade.to_read for name, grade in done.grades.items() if grade.to_read}
    if to_read:
        whose = ", ".join(sorted(to_read)) if len(to_read) <= NAMED else f"students: {len(to_read)}"
        yield (
            "not in the grades yet, as a person has to read or confirm them: "
            f"{sum(to_read.values())} ({whose})"
        )
