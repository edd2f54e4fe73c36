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
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbgrader.plugins import ExportPlugin
from traitlets import Enum, Unicode

from helpers.authoring.notebooks import bonus_cells, find_unit, refuse_path
from helpers.files import write_text
from helpers.grading.lms.platform import Grade, Platform, Student, as_number
from helpers.grading.lms.registry import GRADEBOOKS
from helpers.grading.lms.roster import students_of
from helpers.grading.nbgrader.config import open_course

if TYPE_CHECKING:
    from nbgrader.api import Gradebook, SubmittedAssignment


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


class Spreadsheet(Platform):
    """No platform: everything that there is, for any other program. Works without a roster."""

    name = "csv"

    def rows(
        self, unit: str, students: Sequence[Student], grades: Mapping[str, Grade]
    ) -> Iterator[list[str]]:
        numbers = ("points", "bonus", "penalty", "grade", "out_of", "to_read")
        yield ["unit", "student", "name", "email", *numbers]
        known = {student.id: student for student in students}
        for name in sorted({*known, *grades}):
            student, grade = known.get(name, Student(name)), grades.get(name)
            values = [as_number(getattr(grade, number)) if grade else "" for number in numbers]
            yield [unit, name, student.name, student.email, *values]


SHEETS: dict[str, Platform] = {each.name: each for each in (*GRADEBOOKS, Spreadsheet())}


class UnitExport(ExportPlugin):
    """One unit's grades as a platform reads them."""

    platform = Enum(list(SHEETS), "csv", help="whose columns").tag(config=True)
    course = Unicode(".", help="the course's folder").tag(config=True)
    roster = Unicode("", help="CSV of the students; roster.csv by default").tag(config=True)

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

    def export(self, gradebook: Gradebook) -> None:
        """Write the file, whole or not at all. ValueError for what cannot be exported."""
        if len(self.assignment) != 1:
            raise ValueError("name one unit to export: --assignment='[\"homework\"]'")
        unit = self.assignment[0]
        grades, students = grades_of(gradebook, unit), self.everyone
        if self.student:
            grades = {name: grade for name, grade in grades.items() if name in self.student}
            students = tuple(each for each in students if each.id in self.student)
        self.grades, self.students = grades, students
        rows = SHEETS[self.platform].rows(unit, students, grades)
        write_csv(Path(self.to or "grades.csv"), rows)


def write_csv(path: Path, rows: Iterable[Sequence[Any]]) -> None:
    """Write a CSV whole or not at all, with no cell that a spreadsheet would take for a formula."""
    refuse_path(path)
    text = io.StringIO(newline="")
    csv.writer(text).writerows([escape_formula(cell) for cell in row] for row in rows)
    write_text(path, text.getvalue())


def escape_formula(cell: Any) -> Any:
    """A cell's text that no spreadsheet evaluates: an apostrophe before a sign that would begin a
    formula, also behind spaces. Grades are never negative; a lone "-" means nothing."""
    text = str(cell)
    start = text.lstrip()
    if text[:1] in ("\t", "\r", "\n") or (start[:1] in tuple("=+-@＝＋－＠") and start != "-"):
        return f"'{text}"
    return cell


def export_grades(
    course: Path, unit: str, to: str, output: Path | None = None, roster: Path | None = None
) -> list[str]:
    """Write a unit's grades for a platform; returns lines for people, the first about the file.

    Raises ValueError, in one line and with nothing written, for an unknown platform or unit, a
    roster that is needed and not there, or a file that cannot be written.
    """
    if to not in SHEETS:
        raise ValueError(f"--to {to}: use {', '.join(SHEETS)}")
    find_unit(course, unit)
    plugin = UnitExport(
        platform=to, assignment=[unit], course=str(course), roster=str(roster or "")
    )
    _ = plugin.everyone  # what is wrong with it is said before a gradebook is opened
    plugin.to = str(output or (f"{unit}-{to}.csv" if to != "csv" else f"{unit}.csv"))
    with open_course(course).gradebook as gradebook:
        plugin.export(gradebook)
    names = {each.id for each in plugin.students}
    lines = [f"{len(names) or len(plugin.grades)} students in {plugin.to}"]
    without = sorted(names - set(plugin.grades))
    if without:
        lines.append(f"no grade, as nothing is graded: {', '.join(without)}")
    strangers = sorted(set(plugin.grades) - names)
    if strangers and names:
        where = "in the file by their id" if to == "csv" else "NOT in the file"
        lines.append(f"graded but not in the roster, {where}: {', '.join(strangers)}")
    to_read = [grade.to_read for grade in plugin.grades.values() if grade.to_read]
    if to_read:
        lines.append(
            "not in the grades yet, as a person has to read or confirm them: "
            f"{sum(to_read)} (students: {len(to_read)})"
        )
    return lines
