"""What an instructor says once, into nbgrader's gradebook: who students are, when a unit is due.

formgrader shows names, lateness and penalties from there. A name or address that is there stays. A
due date that is given takes the place of an earlier one; penalties follow it and the course's rule.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from helpers.grading.handin.markup import plain_line
from helpers.grading.lms.roster import Student
from helpers.grading.nbgrader.config import is_missing, load_config

if TYPE_CHECKING:
    from nbgrader.api import Gradebook


def enrol(
    course: Path, unit: str, students: Sequence[Student], due: datetime | None
) -> datetime | None:
    """Write the students' names and the unit's due date; returns the date, also an earlier one.

    A gradebook that does not exist is made only where there is something to write. Raises
    ValueError, in one line, for one that cannot be used; then nothing is written.
    """
    from nbgrader.coursedir import CourseDirectory
    from sqlalchemy.exc import SQLAlchemyError

    from helpers.grading.nbgrader.gradebook import open_gradebook, unusable

    config = load_config(course)
    folders = CourseDirectory(config=config)
    students = [each for each in students if each.name or each.email]
    if is_missing(folders.db_url) and not students and due is None:
        return None
    with open_gradebook(folders.db_url, folders.course_id) as gradebook:
        try:
            _write_students(gradebook, students)
            known = _write_due(gradebook, unit, due, config)
            gradebook.db.commit()
            return known
        except SQLAlchemyError as error:
            raise unusable(folders.db_url, error) from None


def split_name(name: str) -> tuple[str, str]:
    """First and last name of "Ada Lovelace" or "Lovelace, Ada".

    The last word is the last name, with the words before it that begin in lower case ("de la").
    """
    last, comma, first = name.partition(",")
    if comma:
        return first.strip(), last.strip()
    words = name.split()
    start = max(0, len(words) - 1)
    while start > 1 and words[start - 1][0].islower():
        start -= 1
    return " ".join(words[:start]), " ".join(words[start:])


def _write_students(gradebook: Gradebook, students: Sequence[Student]) -> None:
    from nbgrader import api

    known = {each.id: each for each in gradebook.students}
    for student in students:
        row = known.get(student.id)
        if row is None:
            row = api.Student(id=student.id)
            gradebook.db.add(row)
        if student.name and not row.first_name and not row.last_name:
            # formgrader's page of an answer does not escape them.
            row.first_name, row.last_name = map(plain_line, split_name(student.name))
        if student.email and not row.email:
            row.email = plain_line(student.email)


def _write_due(
    gradebook: Gradebook, unit: str, due: datetime | None, config: Any
) -> datetime | None:
    from nbgrader import api

    from helpers.grading.nbgrader.lateness import set_penalties

    try:
        assignment = gradebook.find_assignment(unit)
    except api.MissingEntry:
        if due is None:
            return None
        assignment = api.Assignment(name=unit, course_id=gradebook.course_id)
        gradebook.db.add(assignment)
    # The gradebook's times are UTC, without saying so.
    wanted = due.astimezone(UTC).replace(tzinfo=None) if due else assignment.duedate
    assignment.duedate = wanted
    set_penalties(gradebook, assignment.submissions, config)
    return wanted.replace(tzinfo=UTC) if wanted else None
