"""How Moodle and Canvas name the files of "download all submissions".

Moodle (mod/assign/classes/downloader.php in moodle/moodle): the full name without underscores, `_`,
a number that stands for the participant, `_assignsubmission_file`; that is a folder
(`Ada Lovelace_123456_assignsubmission_file/homework.ipynb`; some versions end it with another `_`),
or, with "download submissions in folders" off, a prefix
(`Ada Lovelace_123456_assignsubmission_file_homework.ipynb`). What was typed on the page is called
`onlinetext` in place of `file`. Under anonymous marking the name is the word for participant.

Canvas (lib/content_zipper.rb in instructure/canvas-lms): the sortable name in lower case without
anything but letters, digits and underscores, `LATE` for a late one, the user's number, the file's
number, and the file's name (`lovelaceada_LATE_12345_67890_homework-1.ipynb`; `-1` says that it was
handed in again). Under anonymous marking the name is `anon` and the number a few letters.

Both give a zip's entries the time of the download, not the time at which a file was handed in.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from helpers.grading.lms.archive import Member

# The name ends at the first underscore: what comes later can be of the student's own making.
_MOODLE = re.compile(
    r"(?P<name>[^_]*)_(?P<id>\d+)_assignsubmission_[a-z]+(?:_(?P<file>.*))?\Z", re.S
)
_CANVAS = re.compile(
    r"(?P<name>.+?)(?P<late>_LATE)?_(?P<id>\d+)_(?P<file_id>\d+)_(?P<file>.+)\Z", re.S
)
_CANVAS_ANONYMOUS = re.compile(
    r"(?P<name>anon)(?P<late>_LATE)?_(?P<id>\w{5})_(?P<file_id>\d+)_(?P<file>.+)\Z", re.S
)


@dataclass(frozen=True)
class Name:
    """What the path of a file in a download says.

    Attributes:
        platform: whose naming it is; "" where it is nobody's.
        owner: the student's name as it stands there.
        number: of the student on the platform.
        late: whether the platform says so.
        file_number: grows with time on the platform; 0 where there is none.
        file: what the file is called.
    """

    platform: Literal["moodle", "canvas", ""]
    owner: str
    number: str
    late: bool
    file_number: int
    file: str


def read_name(member: Member) -> Name:
    """What a file's path says about it."""
    *folders, file = member.parts
    for folder in folders:
        if found := _MOODLE.match(folder):
            return Name("moodle", found["name"], found["id"], False, 0, file)
    if (found := _MOODLE.match(file)) and found["file"]:
        return Name("moodle", found["name"], found["id"], False, 0, found["file"])
    found = _CANVAS_ANONYMOUS.match(file) or _CANVAS.match(file)
    if found:
        number = int(found["file_id"][:18])
        late = bool(found["late"])
        return Name("canvas", found["name"], found["id"], late, number, found["file"])
    return Name("", folders[0] if folders else "", "", False, 0, file)
