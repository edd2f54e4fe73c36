"""The learning platforms that this course knows: a file each, and its line here."""

from __future__ import annotations

from helpers.grading.lms.blackboard import Blackboard
from helpers.grading.lms.canvas import Canvas
from helpers.grading.lms.github import GitHubClassroom
from helpers.grading.lms.google import GoogleClassroom
from helpers.grading.lms.gradescope import Gradescope
from helpers.grading.lms.ilias import Ilias
from helpers.grading.lms.moodle import Moodle
from helpers.grading.lms.platform import Platform

#: A path is shown to each in turn; whose naming it is can read it, and no later one is asked.
PLATFORMS: tuple[Platform, ...] = (
    Moodle(),
    GitHubClassroom(),
    Ilias(),
    Blackboard(),
    Canvas(),
    Gradescope(),
    GoogleClassroom(),
)
#: Those that read a sheet of grades.
GRADEBOOKS = tuple(each for each in PLATFORMS if type(each).rows is not Platform.rows)

#: Those whose number of a student is the same in every assignment.
LASTING = frozenset(each.name for each in PLATFORMS if each.number_lasts)

_LOGINS = tuple(dict.fromkeys(login for platform in PLATFORMS for login in platform.logins))
_LASTING = tuple(each.number for each in PLATFORMS if each.number_lasts)
_PASSING = tuple(each.number for each in PLATFORMS if not each.number_lasts)
#: What can be a student's id, the first of them that there is.
IDENTITIES = ("id", *_LOGINS, "email", *_PASSING, *_LASTING)
#: What a platform's list and roster.csv may both say of one student, the surest first: a number
#: that is new in each assignment was somebody else's before.
SHARED = (*_LASTING, *_LOGINS, "email", *_PASSING)
