"""More time for one student: nbgrader's own extension, which penalties follow by themselves.

It is time beyond the due date, so it moves with that. Who has handed in nothing yet has a
submission without a mark in the gradebook, which counts as none.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from helpers.authoring.notebooks import find_unit
from helpers.grading.handin.markup import plain_line
from helpers.grading.lms.roster import parse_time, students_of
from helpers.grading.nbgrader.config import is_missing, load_config

if TYPE_CHECKING:
    from nbgrader.api import Assignment, Gradebook, SubmittedAssignment


def extend(course: Path, unit: str, student: str, until: str) -> str:
    """Let a student hand in a unit until then; the unit's due date takes an extension back.

    Returns a line for people. ValueError, in one line and with nothing changed, for a unit, student
    or time that is not known, a time before the due date, or a unit that is never due.
    """
    from nbgrader.coursedir import CourseDirectory
    from sqlalchemy.exc import SQLAlchemyError

    from helpers.grading.nbgrader.gradebook import open_gradebook, unusable
    from helpers.grading.nbgrader.lateness import set_penalties

    find_unit(course, unit)
    time = parse_time(until)
    if time is None:
        raise ValueError(f"{until}: write it as 2026-11-20T23:59 or 2026-11-20T23:59+01:00")
    config = load_config(course)
    folders = CourseDirectory(config=config)
    if is_missing(folders.db_url):
        raise ValueError(f"{unit} has no due date: say it with `course collect … --due`")
    with open_gradebook(folders.db_url, folders.course_id) as gradebook:
        try:
            assignment, due = _due(gradebook, unit)
            _refuse_unknown(gradebook, course, student)
            if time < due:
                raise ValueError(f"{until} is before {unit} is due, {_shown(due)}")
            submission = _submission(gradebook, assignment, student)
            submission.extension = time - due if time > due else None
            set_penalties(gradebook, [submission], config)
            gradebook.db.commit()
        except SQLAlchemyError as error:
            raise unusable(folders.db_url, error) from None
    more = f"until {_shown(time)}" if time > due else f"until it is due, {_shown(due)}"
    return f"{plain_line(student)} can hand in {unit} {more}"


def extensions(course: Path, unit: str) -> dict[str, timedelta]:
    """How much longer students have than the unit's due date, by student."""
    from nbgrader.coursedir import CourseDirectory

    from helpers.grading.nbgrader.gradebook import open_gradebook

    folders = CourseDirectory(config=load_config(course))
    if is_missing(folders.db_url):
        return {}
    with open_gradebook(folders.db_url, folders.course_id) as gradebook:
        submissions = gradebook.assignment_submissions(unit)
        return {each.student_id: each.extension for each in submissions if each.extension}


def _due(gradebook: Gradebook, unit: str) -> tuple[Assignment, datetime]:
    from nbgrader import api

    try:
        assignment = gradebook.find_assignment(unit)
    except api.MissingEntry:
        assignment = None
    if assignment is None or assignment.duedate is None:
        raise ValueError(f"{unit} has no due date: say it with `course collect … --due`")
    return assignment, assignment.duedate.replace(tzinfo=UTC)


def _refuse_unknown(gradebook: Gradebook, course: Path, student: str) -> None:
    known = {each.id for each in gradebook.students} | {each.id for each in students_of(course)}
    if student not in known:
        raise ValueError(
            f"{plain_line(student)}: neither the roster nor the gradebook has a student of that id"
        )


def _submission(gradebook: Gradebook, assignment: Assignment, student: str) -> SubmittedAssignment:
    """The student's submission; where there is none, one without a time and without marks."""
    from nbgrader import api

    from helpers.grading.nbgrader.gradebook import submit_notebook

    try:
        return gradebook.find_submission(assignment.name, student)
    except api.MissingEntry:
        pass
    db = gradebook.db
    with db.no_autoflush:
        owner = db.get(api.Student, student) or api.Student(id=student)
        submission = api.SubmittedAssignment(assignment=assignment, student=owner)
        # Notebooks that are not known yet follow when the unit is graded.
        for source in assignment.notebooks:
            for grade in submit_notebook(source, submission).grades:
                grade.needs_manual_grade = False
        db.add(submission)
    return submission


def _shown(time: datetime) -> str:
    return f"{time.astimezone():%Y-%m-%d %H:%M %Z}"
