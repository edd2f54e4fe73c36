"""Who is in the course: `roster.csv`, one line a student.

| column | what it is | other headers that are understood |
|---|---|---|
| `id` | the folder under submitted/, and nbgrader's id | Student ID, Username, ID number |
| `name` | "Ada Lovelace" or "Lovelace, Ada" | Full name; First name and Last name |
| `email` | | Email address; any column of addresses |
| `section` | | |
| `group` | with whom one notebook is handed in | Team |
| `handed_in` | when, for lateness | as the platform has it |
| `canvas_id`, `moodle_id`, … | the number in a platform's file names | as the platform has it |
| `canvas_login`, `sis_id`, … | what else it tells students apart by | as the platform has it |

What a platform calls its columns, its file says; so Canvas's gradebook export and Moodle's grading
worksheet, in any language, are rosters as they are. Without a column `id`, a login, the e-mail
address or a platform's number is a student's id, the first of them that a student has. A student of
roster.csv keeps the id that stands there, whatever another list says.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from helpers.grading.lms.platform import Student
from helpers.grading.lms.registry import IDENTITIES, PLATFORMS, SHARED
from helpers.grading.lms.strangers import STUDENT_ID

if TYPE_CHECKING:
    from _csv import Reader

MAX_ROSTER_BYTES = 16 * 1024**2

#: Headers that any list may have; what a platform calls its own, its file says.
_HEADERS = {
    "student id": "id",
    "username": "id",
    "id number": "id",
    "full name": "name",
    "email address": "email",
    "team": "group",
    "firstname": "first name",
    "lastname": "last name",
    "surname": "last name",
}
#: A name in two columns.
_HALVES = ("first name", "last name")
_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+\Z")
_PLAIN = tuple(column.name for column in fields(Student) if column.name != "ids")
#: The columns that platforms know students by.
_IDS = tuple(column for column in IDENTITIES if column not in _PLAIN)


def parse_time(text: str) -> datetime | None:
    """A time as ISO 8601 or as a platform writes it; without a zone, this machine's."""
    # Also the narrow space before PM.
    text = " ".join(text.split())
    for form in (None, *(form for platform in PLATFORMS for form in platform.time_formats)):
        with suppress(ValueError, OverflowError):
            time = datetime.strptime(text, form) if form else datetime.fromisoformat(text)
            return time.astimezone(UTC)
    return None


def handed_in_at(student: Student) -> datetime | None:
    """When the student handed in, where the roster says it in a form that is known."""
    return parse_time(student.handed_in)


def is_own(course: Path, roster: Path) -> bool:
    """Whether a roster is the course's own, and no list that a platform made just now."""
    own = course / "roster.csv"
    return own.is_file() and roster.resolve() == own.resolve()


def students_of(course: Path, roster: Path | None = None) -> tuple[Student, ...]:
    """The students of `roster`, or of the course's roster.csv; nobody where there is neither.

    Who is in both is called as in roster.csv: a platform's own list names nobody anew. ValueError
    as of `read_roster`.
    """
    own = course / "roster.csv"
    if roster is None or is_own(course, roster):
        return read_roster(own) if own.is_file() else ()
    students = read_roster(roster)
    if own.is_file():
        students = _called_as(read_roster(own), students)
        _refuse_shared(roster, "id", [each.id for each in students])
    return students


def _called_as(known: Sequence[Student], students: Sequence[Student]) -> tuple[Student, ...]:
    """The students, with what is known of those who share a number or an address with one."""
    by: dict[tuple[str, str], Student | None] = {}
    for student in known:
        for key in _keys(student):
            by[key] = student if key not in by else None
    found = (next(filter(None, map(by.get, _keys(each))), None) for each in students)
    return tuple(
        each if one is None else _joined(one, each)
        for one, each in zip(found, students, strict=True)
    )


def _keys(student: Student) -> list[tuple[str, str]]:
    values = {column: _value(student, column).casefold() for column in SHARED}
    return [(column, value) for column, value in values.items() if value]


def _value(student: Student, column: str) -> str:
    return getattr(student, column) if column in _PLAIN else student.ids.get(column, "")


def _joined(known: Student, student: Student) -> Student:
    """Called as they are known; the rest as the list has it, since the number of some platforms is
    a new one in each assignment."""
    said = {column: getattr(student, column) or getattr(known, column) for column in _PLAIN}
    said |= {"id": known.id, "name": known.name or student.name}
    return Student(**said, ids={**known.ids, **student.ids})


def read_roster(path: Path) -> tuple[Student, ...]:
    """The students of a roster, in its order.

    Raises ValueError, in one line that names the line, for a file that is none, an id that cannot
    be a folder's name, or one that two students have.
    """
    reader = _reader(path)
    try:
        header = next(reader, [])
        rows = [
            (reader.line_num, row)
            for row in reader
            if any(map(str.strip, row)) and all(each.is_student(row) for each in PLATFORMS)
        ]
    except csv.Error as error:
        raise ValueError(f"{path}, line {reader.line_num}: {error}") from None
    columns = _columns(header, [row for _, row in rows])
    if not set(IDENTITIES) & set(columns):
        raise ValueError(f"{path} has no column id: its first line names id, name, email, …")
    students = [
        _student(dict(zip(columns, row, strict=False)), f"{path}, line {line}")
        for line, row in rows
    ]
    if not students:
        raise ValueError(f"{path} names no student")
    for column in ("id", *(platform.number for platform in PLATFORMS)):
        _refuse_shared(path, column, [_value(student, column) for student in students])
    return tuple(students)


def read_header(path: Path) -> list[str]:
    """The names of a roster's columns, as they stand there. ValueError for a file that is none."""
    try:
        return [name.strip() for name in next(_reader(path), [])]
    except csv.Error as error:
        raise ValueError(f"{path}, line 1: {error}") from None


def _reader(path: Path) -> Reader:
    text = _text_of(path)
    head = text.splitlines()[0] if text.strip() else ""
    return csv.reader(io.StringIO(text), delimiter=max(",;\t", key=head.count))


def _text_of(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_ROSTER_BYTES + 1)
        if len(data) > MAX_ROSTER_BYTES:
            raise ValueError(f"{path} is too large for a roster")
        return data.decode("utf-8-sig")
    except FileNotFoundError:
        raise ValueError(f"{path}: there is no such roster") from None
    except UnicodeDecodeError:
        raise ValueError(f"{path} is not text in UTF-8: save it as CSV (UTF-8)") from None


def _refuse_shared(path: Path, column: str, values: Sequence[str]) -> None:
    """ValueError for a value that two students have."""
    seen: dict[str, int] = {}
    for number, value in enumerate(values, start=1):
        # Some file systems do not tell ADA from ada.
        value = value.casefold()
        if value and value in seen:
            raise ValueError(
                f"{path}: students {seen[value]} and {number} both have the {column} {value!r}"
            )
        seen[value] = number


def _columns(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """The roster's column that each header stands for; "" for what is none, or said before."""
    names = [" ".join(name.lower().replace("_", " ").split()) for name in head]
    told: dict[int, str] = {}
    for platform in PLATFORMS:
        told |= platform.columns(names, rows)
    columns: list[str] = []
    for at, name in enumerate(names):
        column = told.get(at) or _HEADERS.get(name, name if name in _HALVES else "")
        column = column or name.replace(" ", "_")
        known = column in (*_PLAIN, *_IDS, *_HALVES) and column not in columns
        columns.append(column if known else "")
    if "email" not in columns:
        for at in _addresses(columns, rows)[:1]:
            columns[at] = "email"
    return columns


def _addresses(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[int]:
    """The unknown columns that hold nothing but e-mail addresses."""
    found = []
    for at, column in enumerate(columns):
        values = [row[at].strip() for row in rows if at < len(row) and row[at].strip()]
        if not column and values and all(map(_ADDRESS.match, values)):
            found.append(at)
    return found


def _student(row: dict[str, str], where: str) -> Student:
    row = {column: value.strip() for column, value in row.items() if column}
    for platform in PLATFORMS:
        row[platform.number] = platform.clean_number(row.get(platform.number, ""))
    identity = next((row[each] for each in IDENTITIES if row.get(each)), "")
    if not STUDENT_ID.match(identity):
        raise ValueError(
            f"{where}: {identity[:60]!r} cannot be a student's id: use letters, digits and ._@+-"
        )
    halves = [row.get(half, "") for half in reversed(_HALVES)]
    name = row.get("name") or ", ".join(filter(None, halves))
    plain = {column: row.get(column, "") for column in _PLAIN} | {"name": name}
    ids = {column: row[column] for column in _IDS if row.get(column)}
    return Student(**{**plain, "id": identity}, ids=ids)
