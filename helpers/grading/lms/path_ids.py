"""What stands beside a name in a path, held against what the roster and earlier hand-ins know."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from helpers.grading.handin.markup import plain_line
from helpers.grading.lms.platform import Claim, Student
from helpers.grading.lms.registry import PLATFORMS

_PLATFORMS = {platform.name: platform for platform in PLATFORMS}
#: A platform counts the files that it is given; within one assignment not so far apart.
FAR_BELOW = 10


def value(student: Student, column: str) -> str:
    """What the roster has in a column; empty where it has nothing."""
    found: Any = getattr(student, column, None)
    return student.ids.get(column, "") if found is None else found


def contradiction(
    student: Student, claim: Claim, roster: Sequence[Student], current: bool = False
) -> str:
    """Why a name alone does not make a file the student's; empty where it does.

    Args:
        current: whether the roster has the numbers of this assignment.
    """
    platform = _PLATFORMS[claim.platform]
    lasts = platform.number_lasts or current
    number = value(student, platform.number) if lasts else ""
    logins = {value(student, column) for column in platform.logins} - {""}
    name = plain_line(student.name or student.id)
    for kind, said, known in (
        ("number", claim.number, {number} - {""}),
        ("login", claim.login, logins),
        ("address", claim.address, {student.email} - {""}),
    ):
        if said and known:
            those = plain_line(" or ".join(sorted(known)))
            return f"{plain_line(said)} is not {name}'s {kind} in the roster, which is {those}"
    others_have = lasts and any(value(each, platform.number) for each in roster)
    if claim.number and others_have and not number:
        shown = plain_line(claim.number)
        return f"the roster has no {claim.platform} number of {name}: is it {shown}?"
    return ""


def may_be_of(group: Sequence[Student], claim: Claim) -> bool:
    """Whether what stands beside a group's name, and is nobody's, may be one of the group's."""
    if claim.login or claim.address:
        return False
    platform = _PLATFORMS[claim.platform]
    lasts = bool(claim.number) and platform.number_lasts
    return not lasts or any(not value(each, platform.number) for each in group)


def plausible(claims: Sequence[Claim], orders: Sequence[int]) -> Sequence[Claim]:
    """Without the ways to read a path in which the file's number is far below that of every other
    file: it is of the file's own name then (`11_678_10_many_devices.ipynb`).

    `orders` has the highest number of each file in the download, the lowest first.
    """
    own = max(claim.order for claim in claims)
    least = orders[own == orders[0]] if len(orders) > 1 else 0
    return [claim for claim in claims if claim.order * FAR_BELOW >= least] or claims
