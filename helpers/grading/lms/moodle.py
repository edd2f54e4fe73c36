"""Moodle: its "download all submissions", its grading worksheet.

File names (mod/assign/classes/downloader.php in moodle/moodle): the full name without underscores,
`_`, a number that stands for the participant, `_assignsubmission_file`; that is a folder
(`Ada Lovelace_123456_assignsubmission_file/homework.ipynb`; some versions end it with another `_`),
or, with "download submissions in folders" off, a prefix
(`Ada Lovelace_123456_assignsubmission_file_homework.ipynb`). What was typed on the page is called
`onlinetext` in place of `file`. Under anonymous marking the name is the word for participant. A
zip's entries have the time of the download, not the time at which a file was handed in.

Where groups hand in together, name and number are the group's: a number alone decides nothing.

Grading worksheet (mod/assign/gradingtable.php): the identifier ("Participant 123456",
"Teilnehmer/in 123456"), the full name, then fields and dates under headers in the site's language:
what stands in a column tells which it is. Its import (mod/assign/feedback/offline/
importgradeslib.php) wants Identifier, Grade and Last modified (grade); with Email address the
import of Moodle's gradebook reads it as well.

Feedback (mod/assign/feedback/file/importziplib.php): a file finds its participant, or every member
of a group, by the second part of a name like those above.
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

# The name ends at the first underscore: what comes later can be of the student's own making.
_NAME = re.compile(r"(?P<name>[^_]+)_(?P<id>\d+)_assignsubmission_[a-z]+(?:_(?P<file>.*))?\Z", re.S)


def _is_worksheet(header: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Whether one word with a number, and then a name, begin every line."""
    words = {re.sub(r"\d+\Z", "", row[0]) for row in rows if row}
    numbered = all(len(row) > 1 and re.fullmatch(r"[^\d@]+\d+", row[0]) for row in rows)
    # s1, s2, … under "id" are ids of a course's own; "Teilnehmer/in1" could be none.
    own = header[:1] in (["id"], ["student id"], ["username"])
    own = own and all(re.fullmatch(r"\w*", word) for word in words)
    return bool(rows) and numbered and len(words) == 1 and not own


class Moodle(Platform):
    name = "moodle"
    number_lasts = False
    takes_feedback = "Submissions → Upload multiple feedback files in a zip"
    #: As it writes a date in the English of Britain and of the US, with 12 and with 24 hours.
    time_formats = tuple(
        f"%A, {date}, {time}"
        for date in ("%d %B %Y", "%B %d, %Y", "%d %b %Y")
        for time in ("%I:%M %p", "%H:%M")
    )

    def claims(self, path: PurePosixPath, sidecar: bytes) -> Sequence[Claim]:
        # Only the outermost: what lies inside can be of the student's own making.
        first, *inside = path.parts
        found = _NAME.match(first)
        file = inside[-1] if inside else found and found["file"]
        return [Claim(self.name, found["name"], found["id"], file=file)] if found and file else []

    def columns(self, header: Sequence[str], rows: Sequence[Sequence[str]]) -> Mapping[int, str]:
        known = {"identifier": self.number, "last modified (submission)": "handed_in"}
        found = {at: known[name] for at, name in enumerate(header) if name in known}
        if self.number not in found.values() and _is_worksheet(header, rows):
            found[0] = self.number
            # Under blind marking there are no names, and the state of the submission stands there.
            if len(rows) == 1 or len({row[1] for row in rows}) > len(rows) / 2:
                found[1] = "name"
        return found

    def clean_number(self, text: str) -> str:
        # "Participant 123456", in its own language.
        return "".join(re.findall(r"\d+\Z", text))

    def feedback_name(self, origin: Origin, file: str) -> str:
        # It is read up to the fourth underscore, and in parts between slashes; dots hide a file.
        owner = re.sub(r"[_/\\\x00-\x1f]", " ", origin.owner).strip(" .~") or "Participant"
        number = origin.number
        return f"{owner}_{number}_assignsubmission_file_{file}" if number.isdecimal() else ""

    def rows(
        self, unit: str, students: Sequence[Student], grades: Mapping[str, Grade]
    ) -> Iterator[list[str]]:
        yield [
            *("Identifier", "Full name", "Email address", "Grade"),
            *("Maximum Grade", "Last modified (grade)"),
        ]
        out_of = points_possible(grades)
        for student in students:
            number = student.ids.get(self.number)
            identifier = f"Participant {number}" if number else ""
            grade = points_of(grades, student)
            yield [identifier, student.name, student.email, grade, out_of, "-"]
