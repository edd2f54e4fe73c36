"""Moodle: its "download all submissions", its grading worksheet.

File names (mod/assign/classes/downloader.php in moodle/moodle): the full name without underscores,
`_`, a number that stands for the participant, `_assignsubmission_file`; that is a folder
(`Ada Lovelace_123456_assignsubmission_file/homework.ipynb`; some versions end it with another `_`),
or, with "download submissions in folders" off, a prefix
(`Ada Lovelace_123456_assignsubmission_file_homework.ipynb`). What was typed on the page is called
`onlinetext` in place of `file`. Under anonymous marking the name is the word for participant. A
zip's entries have the time of the download, not the time at which a file was handed in.

Grading worksheet (mod/assign/feedback/offline/importgradeslib.php): it wants Identifier, Grade and
Last modified (grade); with Email address the import of Moodle's gradebook reads it as well.
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

# The name ends at the first underscore: what comes later can be of the student's own making.
_NAME = re.compile(r"(?P<name>[^_]*)_(?P<id>\d+)_assignsubmission_[a-z]+(?:_(?P<file>.*))?\Z", re.S)


class Moodle(Platform):
    name = "moodle"
    number_lasts = False
    #: As it writes a date in English.
    time_formats = ("%A, %d %B %Y, %I:%M %p",)

    def read_name(self, member: Member) -> Name | None:
        *folders, file = member.parts
        for folder in folders:
            if found := _NAME.match(folder):
                return Name(found["name"], found["id"], file, platform=self.name)
        if (found := _NAME.match(file)) and found["file"]:
            return Name(found["name"], found["id"], found["file"], platform=self.name)
        return None

    def columns(self, header: Sequence[str]) -> Mapping[str, str]:
        return {"identifier": self.number, "last modified (submission)": "handed_in"}

    def clean_number(self, text: str) -> str:
        # "Participant 123456", in its own language.
        return "".join(re.findall(r"\d+\Z", text))

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
