"""The learning platforms that this course knows: a file each, and its line here."""

from __future__ import annotations

from helpers.grading.lms.archive import Member
from helpers.grading.lms.canvas import Canvas
from helpers.grading.lms.moodle import Moodle
from helpers.grading.lms.platform import Name, Platform

#: A file's name is asked of each in turn; the first that wrote it has it.
PLATFORMS: tuple[Platform, ...] = (Moodle(), Canvas())

#: What can be a student's id, the first of them that there is.
IDENTITIES = (
    "id",
    *(login for platform in PLATFORMS for login in platform.logins),
    "email",
    *(each.number for each in sorted(PLATFORMS, key=lambda each: not each.number_lasts)),
)
#: What a platform's list and roster.csv may both say of one student, the surest first.
SHARED = (
    *(platform.number for platform in PLATFORMS),
    *(login for platform in PLATFORMS for login in platform.logins),
    "email",
)


def read_name(member: Member) -> Name:
    """What a file's path says about it; of no platform where none wrote it."""
    for platform in PLATFORMS:
        if found := platform.read_name(member):
            return found
    *folders, file = member.parts
    return Name(folders[0] if folders else "", "", file)
