"""Whose a file of a download is: by what its path says, held against the roster.

1. **A platform's naming** (`Platform.claims`) counts where it can be read in one way only. A number
   or a login that the roster knows decides, if the name beside it agrees; else the name, where one
   student alone has it; else it is a group's, and each of the group handed it in.
2. **A folder** is a student's where it is called by an id, a login, an address or a name. Outer
   folders that all files share may be called anything; below them the first one decides, so what
   a student calls a folder or a file inside never does.
3. **A file's name** decides only where no folder is left: it begins with one of the same.

What can be read in two ways, or says two things, is nobody's: a person decides.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, takewhile
from pathlib import PurePosixPath
from typing import Any

from helpers.grading.handin.markup import plain_line
from helpers.grading.lms.platform import Claim, Student
from helpers.grading.lms.registry import IDENTITIES, PLATFORMS

#: What a student's folder may be called.
STUDENT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,120}\Z")
_NUMBERS = {platform.name: platform.number for platform in PLATFORMS}
_LOGINS = tuple(each for each in IDENTITIES if each not in _NUMBERS.values())


_NO_CLAIM = Claim("")


@dataclass(frozen=True)
class Found:
    """Whose a file is.

    Attributes:
        students: one, or those of a group; nobody where there is a problem.
        claim: what the platform says; of platform "" where the path is nobody's naming.
        problem: why nobody is found, for people.
        by_number: whether a number or a login says so, and not a name alone.
    """

    students: tuple[Student, ...] = ()
    claim: Claim = _NO_CLAIM
    problem: str = ""
    by_number: bool = False


class Owners:
    """Finds the students whom the files of one download belong to."""

    def __init__(
        self,
        students: Iterable[Student],
        paths: Sequence[PurePosixPath],
        sidecars: dict[str, bytes],
    ) -> None:
        self._students = tuple(students)
        self._sidecars = sidecars
        self._shared = shared_folders(paths)
        self._several = len(paths) > 1
        self._by: dict[tuple[str, str], list[Student]] = {}
        for student in self._students:
            self._index(student)
        readings = [claims for path in paths for claims in self._readings(path)]
        self._read_by = Counter(claims[0].platform for claims in readings)
        claims = [claim for path in paths for claim in self._claims(path)[:1]]
        # Under anonymous marking everybody is called by one word.
        named = {(claim.platform, claim.owner) for claim in claims}
        numbers = {claim.number for claim in claims}
        self._anonymous = len(named) == 1 < len(numbers)

    def find(self, path: PurePosixPath) -> Found:
        """Whose file that is."""
        claims = self._claims(path)
        if not self._students:
            return self._unknown(path, claims)
        found = self._claimed(claims) if claims else None
        weak = claims and not any(claim.number or claim.login for claim in claims)
        if found is None or (weak and not found.students):
            plain = self._plain(path)
            return plain if found is None or plain.students else found
        return found

    def _index(self, student: Student) -> None:
        for name, column in _NUMBERS.items():
            self._add(name, student.ids.get(column, ""), student)
        for column in _LOGINS:
            self._add("login", _value(student, column), student)
        for form in _forms(student.name):
            self._add("name", form, student)
        self._add("group", _letters(student.group), student)

    def _add(self, kind: str, key: str, student: Student) -> None:
        known = self._by.setdefault((kind, _folded(key)), [])
        if key and student not in known:
            known.append(student)

    def _get(self, kind: str, key: str) -> list[Student]:
        return self._by.get((kind, _folded(key)), []) if key else []

    def _claims(self, path: PurePosixPath) -> Sequence[Claim]:
        """What the platform says that wrote the path. One that the download's other files are not
        of wrote none of them: its naming is then a name that somebody chose."""
        readings = self._readings(path)
        often = [self._read_by[claims[0].platform] for claims in readings]
        likely = [each for each, count in zip(readings, often, strict=True) if count == max(often)]
        return [claim for claims in likely for claim in claims]

    def _readings(self, path: PurePosixPath) -> list[Sequence[Claim]]:
        """What each platform reads in the path, which may lie in folders that all share."""
        for skipped in range(len(self._shared) + 1):
            inner = PurePosixPath(*path.parts[skipped:])
            read = (each.claims(inner, self._sidecars.get(each.sidecar, b"")) for each in PLATFORMS)
            if readings := [claims for claims in read if claims]:
                return readings
            if self._named(path.parts[skipped]):
                break
        return []

    def _claimed(self, claims: Sequence[Claim]) -> Found:
        """Whose it is by the platform's naming."""
        first = claims[0]
        if len({claim.platform for claim in claims}) > 1:
            return Found(claim=first, problem="two platforms could have called it so")
        known = [(claim, owner) for claim in claims if (owner := self._numbered(claim))]
        if len({owner.id for _, owner in known}) > 1:
            either = " or ".join(plain_line(owner.name or owner.id) for _, owner in known)
            return Found(claim=first, problem=f"its name can be read as {either}'s")
        if known:
            claim, owner = known[0]
            if self._agrees(owner, claim):
                others = tuple(each for other in claim.others for each in self._people(other))
                return Found(_unique((owner, *others)), claim, by_number=True)
            # Also where a group is called so: its number may be a student's, and a student may
            # call himself like a group.
            shown, name = plain_line(claim.owner), plain_line(owner.name)
            number = plain_line(claim.number or claim.login)
            return Found(claim=claim, problem=f"{number} is {name}, but it is named {shown}")
        people = [(claim, who) for claim in claims if (who := self._people(claim))]
        if len({tuple(each.id for each in who) for _, who in people}) > 1:
            return Found(claim=first, problem="its name can be read as that of several students")
        if people:
            claim, who = people[0]
            others = tuple(each for other in claim.others for each in self._people(other))
            return Found(_unique((*who, *others)), claim)
        return Found(claim=first, problem=self._nobody(first.owner or first.login or first.file))

    def _numbered(self, claim: Claim) -> Student | None:
        """Whom the platform's number or login stands for."""
        numbered = self._get(claim.platform, claim.number) or self._get("login", claim.login)
        return numbered[0] if len(numbered) == 1 else None

    def _people(self, claim: Claim) -> list[Student]:
        """The one student who is called so, or the group."""
        owner = self._numbered(claim) if not claim.number else None
        named = [owner] if owner else self._get("name", _letters(claim.owner))
        return named if len(named) == 1 else self._get("group", _letters(claim.owner))

    def _agrees(self, student: Student, claim: Claim) -> bool:
        """Whether a name beside a number may be the student's: whole, or at least two words."""
        if not claim.owner or not student.name or claim.owner == "anon" or self._anonymous:
            return True
        known, shown = _words(student.name), _words(claim.owner)
        if _letters(claim.owner) in _forms(student.name) or known == shown:
            return True
        if len(shown) > 1:
            shorter, longer = sorted((set(known), set(shown)), key=len)
            return len(shorter) > 1 and shorter <= longer
        return bool(shown) and _is_made_of(shown[0], known)

    def _plain(self, path: PurePosixPath) -> Found:
        """Whose it is by its folders, or by its own name where there is none."""
        *folders, file = path.parts
        for at, folder in enumerate(folders):
            named = self._named(folder) or self._get("group", _letters(folder))
            if named:
                return Found(tuple(named), Claim("", file=file))
            if at >= len(self._shared):
                return Found(problem=self._nobody(folder))
        stem = re.sub(r"\.ipynb(\.txt|\.json)?\Z|\.json\Z|\.zip\Z", "", file, flags=re.IGNORECASE)
        for start in _beginnings(stem):
            called = self._get("login", start)
            # One word alone may be what anybody calls a file.
            if not called and len(_words(start)) > 1:
                called = self._get("name", _letters(start))
            if len(called) == 1:
                return Found(tuple(called), Claim("", file=file))
            if called:
                return Found(problem=self._nobody(start))
        return Found(problem=self._nobody(file))

    def _named(self, folder: str) -> list[Student]:
        """The one student whose id, login, address or name a folder is called by."""
        named = self._get("login", folder) or self._get("name", _letters(folder))
        return named if len(named) == 1 else []

    def _nobody(self, name: str) -> str:
        shown = plain_line(name)
        namesakes = len(self._get("name", _letters(name)))
        if namesakes > 1:
            return f"{namesakes} students are called {shown}, and no number tells which it is"
        return f"nobody in the roster is called {shown}"

    def _unknown(self, path: PurePosixPath, claims: Sequence[Claim]) -> Found:
        """A student made of what the path says, as there is no roster."""
        if len(claims) > 1:
            return Found(
                claim=claims[0], problem="its name can be read in several ways: a roster tells"
            )
        if claims:
            people = [_made_of(claim) for claim in (claims[0], *claims[0].others)]
            found = tuple(each for each in people if each is not None)
            if found:
                return Found(found, claims[0])
        *folders, file = path.parts
        own = folders[len(self._shared) :] or ([] if self._several else folders)
        if own and not claims and STUDENT_ID.match(_ascii(own[0])):
            return Found((Student(_ascii(own[0]), plain_line(own[0])),), Claim("", file=file))
        shown = plain_line(own[0] if own else file)
        return Found(problem=f"{shown} does not say whose it is, and there is no roster")


def _made_of(claim: Claim) -> Student | None:
    slug = re.sub(r"[^a-z0-9]+", "-", _ascii(claim.owner).lower()).strip("-")
    identity = "-".join(filter(None, (slug, claim.number))) if claim.number else claim.login or slug
    if not STUDENT_ID.match(identity):
        return None
    ids = {_NUMBERS[claim.platform]: claim.number} if claim.number else {}
    return Student(identity, plain_line(claim.owner), ids=ids)


def shared_folders(paths: Sequence[PurePosixPath]) -> tuple[str, ...]:
    """The outer folders that all files lie in."""
    levels = zip(*(path.parts[:-1] for path in paths), strict=False)
    return tuple(level[0] for level in takewhile(lambda level: len(set(level)) == 1, levels))


def _value(student: Student, column: str) -> str:
    value: Any = getattr(student, column, None)
    return student.ids.get(column, "") if value is None else value


def _unique(students: Iterable[Student]) -> tuple[Student, ...]:
    return tuple({student.id: student for student in students}.values())


def _forms(name: str) -> set[str]:
    """How a name is written in a file's name: first name first, last name first."""
    last, comma, first = name.partition(",")
    if comma:
        return {_letters(last + first), _letters(first + last)}
    words = name.split()
    turned = {_letters("".join(words[at:] + words[:at])) for at in range(len(words))}
    return turned - {""}


def _beginnings(text: str) -> Iterator[str]:
    """The text, and what begins it up to a sign that parts words, the longest first."""
    yield text
    for end in sorted((each.start() for each in re.finditer(r"[\W_]+", text)), reverse=True):
        yield text[:end]


def _is_made_of(text: str, words: Sequence[str]) -> bool:
    """Whether a text is two or more of the words, in any order, without spaces."""
    if len(words) > 8:
        return False
    return any(
        _is_each(text, chosen)
        for count in range(2, len(words) + 1)
        for chosen in combinations(words, count)
    )


def _is_each(text: str, words: tuple[str, ...]) -> bool:
    if not words:
        return not text
    return any(
        text.startswith(word) and _is_each(text[len(word) :], words[:at] + words[at + 1 :])
        for at, word in enumerate(words)
    )


def _folded(text: str) -> str:
    """The same for ADA and ada, and for an ë of one code point and of two."""
    return unicodedata.normalize("NFKC", text).casefold()


def _words(text: str) -> list[str]:
    """A name's words without case and accents, in order of the alphabet."""
    marks = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(letter for letter in marks if not unicodedata.combining(letter))
    return sorted(filter(None, re.split(r"[\W_]+", plain)))


def _letters(text: str) -> str:
    return re.sub(r"[\W_]", "", _folded(text))


def _ascii(text: str) -> str:
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
