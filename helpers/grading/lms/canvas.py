"""Canvas: its "download submissions", its gradebook as CSV.

File names (lib/content_zipper.rb in instructure/canvas-lms): the sortable name in lower case
without anything but letters, digits and underscores, `LATE` for a late one, the user's number, the
file's number, and the file's name (`lovelaceada_LATE_12345_67890_homework-1.ipynb`; `-1` says that
it was handed in again). Under anonymous marking the name is `anon` and the number a few letters. A
zip's entries have the time of the download, not the time at which a file was handed in.

Gradebook (lib/gradebook_importer.rb): it wants the columns Student, ID, SIS User ID, SIS Login ID
and Section, then one for each assignment, and a line "Points Possible".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from helpers.grading.lms.archive import Member
from helpers.grading.lms.platform import (
    Grade,
    Name,
    Platform,
    Student,
    points_of,
    points_possible,
)

_FILE = r"(?P<file_id>\d+)_(?P<file>.+)\Z"
_NAMES = (
    re.compile(rf"(?P<name>anon)(?P<late>_LATE)?_(?P<id>\w{{5}})_{_FILE}", re.S),
    re.compile(rf"(?P<name>.+?)(?P<late>_LATE)?_(?P<id>\d+)_{_FILE}", re.S),
)


class Canvas(Platform):
    name = "canvas"
    logins = ("canvas_login", "sis_id")

    def read_name(self, member: Member) -> Name | None:
        found = next(filter(None, (name.match(member.parts[-1]) for name in _NAMES)), None)
        if found is None:
            return None
        number = int(found["file_id"][:18])
        late = bool(found["late"])
        return Name(found["name"], found["id"], found["file"], late, number, self.name)

    def columns(self, header: Sequence[str]) -> Mapping[str, str]:
        known = {"sis login id": "canvas_login", "sis user id": "sis_id"}
        # ID alone is anybody's number.
        own = {"student": "name", "id": self.number} if "student" in header else {}
        return {**known, **own}

    def is_student(self, row: Sequence[str]) -> bool:
        """Not the line of the points, nor the one that says which assignments post by hand."""
        return not (
            row[0].strip().startswith("Points Possible")
            or (not row[0].strip() and "Manual Posting" in row)
        )

    def rows(
        self, unit: str, students: Sequence[Student], grades: Mapping[str, Grade]
    ) -> Iterator[list[str]]:
        yield ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", unit]
        yield ["    Points Possible", "", "", "", "", points_possible(grades)]
        for student in students:
            ids = student.ids
            login = ids.get("canvas_login") or student.email
            known_by = [ids.get(self.number, ""), ids.get("sis_id", ""), login, student.section]
            yield [student.name, *known_by, points_of(grades, student)]
