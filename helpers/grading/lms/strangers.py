"""Students made of what a download says, where there is no roster."""

from __future__ import annotations

import re
import unicodedata

from helpers.grading.handin.markup import plain_line
from helpers.grading.lms.names import folded
from helpers.grading.lms.platform import Claim, Student
from helpers.grading.lms.registry import PLATFORMS

#: What a student's folder may be called.
STUDENT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,120}\Z")
_NUMBERS = {platform.name: platform.number for platform in PLATFORMS}


def of_claim(claim: Claim) -> Student | None:
    """Called by name and number, else by the address, the login or the name alone."""
    slug = re.sub(r"[^a-z0-9]+", "-", _ascii(claim.owner).lower()).strip("-")
    login = claim.address or claim.login
    identity = "-".join(filter(None, (slug, claim.number))) if claim.number else login or slug
    if not STUDENT_ID.match(identity):
        return None
    ids = {_NUMBERS[claim.platform]: claim.number} if claim.number else {}
    return Student(identity, plain_line(claim.owner), ids=ids)


def of_folder(folder: str) -> Student | None:
    """Called as the folder is."""
    identity = _ascii(folder)
    return Student(identity, plain_line(folder)) if STUDENT_ID.match(identity) else None


def source(student: Student, claim: Claim) -> tuple[str, ...]:
    """What a student was made of: an id that is made of two is nobody's."""
    return (folded(student.name), *student.ids.values(), folded(claim.login))


def _ascii(text: str) -> str:
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
