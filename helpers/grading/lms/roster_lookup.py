"""Whom a number, a login, an address or a name stands for, by the roster."""

from __future__ import annotations

from collections.abc import Iterable

from helpers.grading.lms.names import folded, forms, joined, spaced
from helpers.grading.lms.path_ids import value
from helpers.grading.lms.platform import Claim, Student
from helpers.grading.lms.registry import IDENTITIES, PLATFORMS

_PLATFORMS = {platform.name: platform for platform in PLATFORMS}
_NUMBERS = {platform.number for platform in PLATFORMS}
_LOGINS = tuple(each for each in IDENTITIES if each not in _NUMBERS)


class Known:
    """The students of a roster, by all that they are called."""

    def __init__(self, students: Iterable[Student]) -> None:
        self._by: dict[tuple[str, str], list[Student]] = {}
        for student in students:
            self._index(student)

    def _index(self, student: Student) -> None:
        for platform in PLATFORMS:
            self._add(platform.name, value(student, platform.number), student)
            for column in platform.logins:
                self._add(f"login of {platform.name}", value(student, column), student)
        for column in _LOGINS:
            self._add("login", value(student, column), student)
        self._add("email", student.email, student)
        for form in forms(student.name):
            self._add("name", form, student)
            self._add("joined name", joined(form), student)
        self._add("group", spaced(student.group), student)
        self._add("joined group", joined(student.group), student)

    def _add(self, kind: str, key: str, student: Student) -> None:
        known = self._by.setdefault((kind, folded(key)), [])
        if key and student not in known:
            known.append(student)

    def get(self, kind: str, key: str) -> list[Student]:
        """Those of whom the roster has that, by kind: a platform's name (its number), "login of …"
        it, "login", "email", "name", "group", and either of the last two "joined"."""
        return self._by.get((kind, folded(key)), []) if key else []

    def called(self, kind: str, claim: Claim) -> list[Student]:
        """Those whose name, or whose group's, is the claim's."""
        if claim.platform and not _PLATFORMS[claim.platform].keeps_spaces:
            return self.get(f"joined {kind}", joined(claim.owner))
        return self.get(kind, spaced(claim.owner))

    def numbered(self, claim: Claim) -> list[Student]:
        """Whom the platform's number, login and address stand for: two, where they disagree."""
        login = self.get(f"login of {claim.platform}", claim.login)
        found = (
            self.get(claim.platform, claim.number),
            login or self.get("login", claim.login),
            self.get("email", claim.address),
        )
        one = {each[0].id: each[0] for each in found if len(each) == 1}
        return list(one.values())

    def people(self, claim: Claim) -> list[Student]:
        """The one student who is called so, or the group."""
        named = self.called("name", claim)
        return named if len(named) == 1 else self.called("group", claim)

    def of_folder(self, name: str) -> list[Student]:
        """Whose a folder is that is called so: the one student's, or the group's."""
        return self.one(name) or self.get("group", spaced(name))

    def one(self, name: str) -> list[Student]:
        """The one student of that id, login, address or name."""
        named = self.get("login", name) or self.get("name", spaced(name))
        return named if len(named) == 1 else []

    def namesakes(self, claim: Claim) -> list[Student]:
        """All whom the claim's login or name may stand for."""
        return self.get("login", claim.login or claim.owner) or self.called("name", claim)
