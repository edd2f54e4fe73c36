"""Canvas: its "download submissions", its gradebook as CSV.

File names (lib/content_zipper.rb in instructure/canvas-lms): the sortable name in lower case
without anything but letters, digits and underscores, `LATE` for a late one, the user's number, the
file's number, and the file's name (`lovelaceada_LATE_12345_67890_homework-1.ipynb`; `-1` says that
it was handed in again). Under anonymous marking the name is `anon` and the number a few letters. A
zip's entries have the time of the download, not the time at which a file was handed in.

Gradebook (lib/gradebook_importer.rb): it wants the columns Student, ID, SIS User ID, SIS Login ID
and Section, then one for each assignment, and a line "Points Possible". An assignment that is there
is called by its name and number, `Homework (4711)`; another name makes a new one.

Feedback (infer_comment_context_from_filename in app/models/abstract_assignment.rb): the first two
parts of a file's name that are numbers are the user's and that of the file that was handed in;
behind a leading `anon`, the next two parts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath

from helpers.grading.lms.origins import Origin
from helpers.grading.lms.platform import (
    Claim,
    Grade,
    Platform,
    Student,
    points_of,
    points_possible,
)

# A name can hold underscores and numbers itself, and so can a file's name: each place where two
# numbers stand is a way to read it.
_NUMBERS = re.compile(r"_(?=(?P<id>[1-9]\d*)_(?P<file_id>[1-9]\d*)_(?P<file>.+)\Z)", re.S)
_ANONYMOUS = re.compile(r"anon(?P<late>_LATE)?_(?P<id>\w{5})_(?P<file_id>\d+)_(?P<file>.+)\Z", re.S)


class Canvas(Platform):
    name = "canvas"
    logins = ("canvas_login", "sis_id")
    keeps_spaces = False
    takes_feedback = "Grades → the assignment's menu → Re-Upload Submissions"

    def claims(self, path: PurePosixPath, sidecar: bytes) -> Sequence[Claim]:
        if len(path.parts) > 1:
            return []
        if found := _ANONYMOUS.match(path.name):
            return [self._claim("anon", found, bool(found["late"]))]
        claims = []
        for found in _NUMBERS.finditer(path.name):
            owner = path.name[: found.start()]
            late = owner.endswith("_LATE")
            if re.fullmatch(r"\w*", owner):
                claims.append(self._claim(owner.removesuffix("_LATE"), found, late))
        return claims

    def _claim(self, owner: str, found: re.Match[str], late: bool) -> Claim:
        return Claim(
            *(self.name, owner, found["id"]),
            file=found["file"],
            late=late,
            order=int(found["file_id"][:18]),
        )

    def assignments(self, header: Sequence[str]) -> Sequence[str]:
        return [name for name in header if re.search(r" \(\d+\)\Z", name)]

    def title(self, unit: str, header: Sequence[str]) -> str:
        def words(text: str) -> str:
            return re.sub(r"\W|_", "", text).casefold()

        there = self.assignments(header)
        called_so = [name for name in there if words(name.rpartition(" (")[0]) == words(unit)]
        return called_so[0] if len(called_so) == 1 else unit

    def feedback_name(self, origin: Origin, file: str) -> str:
        if not origin.order:
            return ""
        # No part of the name may be a number, nor be taken for a group's.
        owner = "anon" if origin.owner == "anon" else "feedback"
        return f"{owner}_{origin.number}_{origin.order}_{file}"

    def columns(self, header: Sequence[str], rows: Sequence[Sequence[str]]) -> Mapping[int, str]:
        known = {"sis login id": "canvas_login", "sis user id": "sis_id"}
        # ID alone is anybody's number.
        if "student" in header or {"lastname", "firstname", "sis user id"} <= set(header):
            known |= {"student": "name", "id": self.number}
        return {at: known[name] for at, name in enumerate(header) if name in known}

    def is_student(self, row: Sequence[str]) -> bool:
        """Not the line of points, nor the one on what posts by hand, nor the test student."""
        first = row[0].strip()
        return not (
            first.startswith("Points Possible")
            or first == "Student, Test"
            or row[:2] == ["Student", "Test"]
            or (not first and "Manual Posting" in row)
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
