"""`course history`: why did a mark change?"""

from __future__ import annotations

import json
from pathlib import Path

from helpers.authoring.notebooks import find_unit
from helpers.grading.handin.markup import plain_line
from helpers.grading.nbgrader.config import open_course
from helpers.grading.nbgrader.history import FIRST, Change, History


def history_command(course: Path, unit: str, student: str | None, as_json: bool) -> None:
    """Print the changes of a unit's marks; ValueError where nothing of it is graded."""
    changes = read_history(course, unit, student)
    if as_json:
        print(json.dumps([_as_data(each) for each in changes], indent=1))
    else:
        _print(unit, changes, first=student is not None)


def read_history(course: Path, unit: str, student: str | None = None) -> list[Change]:
    """Every change of the unit's marks, also those that are first seen now.

    ValueError where nothing of it is graded, or nothing of the student.
    """
    find_unit(course, unit)
    with open_course(course).gradebook as gradebook:
        submissions = gradebook.assignment_submissions(unit)
        if not submissions:
            raise ValueError(f"nothing of {unit} is graded: run `course grade {unit}` first")
        graded = {each.student_id for each in submissions}
        if student is not None and student not in graded:
            raise ValueError(f"{student}: no graded {unit}; there are {', '.join(sorted(graded))}")
        history = History(gradebook, unit)
        history.note_by_hand(submissions)
        gradebook.db.commit()
        return history.changes(student)


def _print(unit: str, changes: list[Change], first: bool) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    shown = [each for each in changes if first or each.why != FIRST]
    console = Console()
    if shown:
        table = Table(title=f"{unit}: marks that changed", title_justify="left", box=box.SIMPLE)
        for column in ("when", "student", "question"):
            table.add_column(column, overflow="fold")
        table.add_column("from", justify="right")
        table.add_column("to", justify="right")
        table.add_column("why")
        for each in shown:
            when = f"{each.at.astimezone():%Y-%m-%d %H:%M}"
            question = each.cell.removeprefix("check_")
            cells = when, plain_line(each.student), plain_line(question)
            table.add_row(*map(Text, cells), _points(each.before), _points(each.after), each.why)
        console.print(table)
    told = len(changes) - len(shown)
    console.print(
        f"{unit}: {len(shown)} changes" + (f", and {told} first marks" if told else ""),
        highlight=False,
    )


def _points(score: float | None) -> str:
    return "" if score is None else f"{score:g}"


def _as_data(change: Change) -> dict[str, object]:
    return {
        "at": change.at.isoformat(),
        "student": change.student,
        "notebook": change.notebook,
        "question": change.cell.removeprefix("check_"),
        "from": change.before,
        "to": change.after,
        "why": change.why,
    }
