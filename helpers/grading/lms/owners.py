"""Whose a file of a download is: by what its path says, held against the roster.

1. **A platform's naming** (`Platform.claims`) counts where it can be read in one way only. A
   number, a login or an address that the roster knows decides, if the name beside it agrees. Else
   the name does, where one student alone has it and the roster has no other number, login or
   address of that student there. Else it is a group's, and each of the group handed it in, unless
   one of them did so alone (`candidates.py`): a student may be called like a group.
2. **A folder** is a student's where it is called by an id, a login, an address or a name. The outer
   folders that all files share decide only where a single folder lies below; else the first folder
   below them does, so what a student calls a folder or a file inside never counts.
3. **A file's name** decides only where no folder is left: it begins with one of the same. Anybody
   may have chosen it, so it loses against all other ways.

An outer folder that names nobody may itself be a student's. What lies in it counts where files of
two students do, or where it is called as a platform calls it. One that names a student may be a
class's: what is called as another's in it is nobody's, and so is then what does not say whose it
is.

What can be read in two ways, or says two things, is nobody's: a person decides.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from pathlib import PurePosixPath

from helpers.grading.handin.markup import plain_line
from helpers.grading.lms.names import agree, beginnings, folded, spaced
from helpers.grading.lms.path_ids import contradiction, may_be_of, plausible
from helpers.grading.lms.platform import Claim, Student
from helpers.grading.lms.registry import PLATFORMS
from helpers.grading.lms.roster_lookup import Known
from helpers.grading.lms.strangers import of_claim, of_folder, source

_PLATFORMS = {platform.name: platform for platform in PLATFORMS}
#: What nbgrader and Gradescope call the folder around all submissions.
_AROUND = re.compile(r"submitted\Z|assignment_\d+_export\Z")
_NOTEBOOK = re.compile(r"\.ipynb(\.txt|\.json)?\Z|\.json\Z|\.zip\Z", re.IGNORECASE)

_NO_CLAIM = Claim("")
_RENAME = "change the name in roster.csv, or give it to submitted/ yourself"


@dataclass(frozen=True)
class Found:
    """Whose a file is.

    Attributes:
        students: one, those who handed it in together, or those of a group.
        claim: what the platform says; of platform "" where the path is nobody's naming.
        problem: why nobody is found, or not all who are named; for people.
        by: what says so, the surest first: a "number" (a login, an address), a "name", a "group",
            or a "file" alone, whose name anybody may have chosen.
        around: the outer folders that say nothing.
    """

    students: tuple[Student, ...] = ()
    claim: Claim = _NO_CLAIM
    problem: str = ""
    by: str = "name"
    around: tuple[str, ...] = ()


class Owners:
    """Finds the students whom the files of one download belong to.

    Args:
        students: of the roster; nobody where there is none.
        paths: of all files of the download.
        sidecars: what `Platform.sidecar` files hold, by the folder that they lie in and name.
        numbers_are_current: whether the roster has the numbers of this assignment, also of
            platforms that give new ones in each.
    """

    def __init__(
        self,
        students: Iterable[Student],
        paths: Sequence[PurePosixPath],
        sidecars: Mapping[PurePosixPath, bytes],
        numbers_are_current: bool = False,
    ) -> None:
        self._students = tuple(students)
        self._sidecars = {path: data for path, data in sidecars.items() if may_say(path)}
        self._current = numbers_are_current
        self._shared = shared_folders(paths)
        depth = len(self._shared)
        below = {path.parts[depth] for path in paths if len(path.parts) > depth + 1}
        self._several_below = len(below) > 1
        self._one_notebook = sum(bool(_NOTEBOOK.search(path.name)) for path in paths) <= 1
        self._known = Known(self._students)
        self._levels = self._levels_of(paths)
        readings = [claims for path in paths for claims in self._readings(path)[1]]
        self._read_by = Counter(claims[0].platform for claims in readings)
        claims = [claim for path in paths for claim in self._claims(path)[1][:1]]
        # Under anonymous marking everybody is called by one word.
        named = {(claim.platform, claim.owner) for claim in claims}
        numbers = {claim.number for claim in claims}
        self._anonymous = len(named) == 1 < len(numbers)
        orders = [max(claim.order for claim in all) for all in readings]
        self._orders = sorted(order for order in orders if order)
        self._found = {path: self._read(path) for path in paths}
        if not self._several_below:
            self._found |= self._denied((*self._shared, *below))
        owners = {tuple(who.id for who in each.students) for each in self._found.values()}
        self._of_several = len(owners - {()}) > 1
        self._called: dict[str, set[tuple[str, ...]]] = defaultdict(set)
        for found in self._found.values():
            for student in found.students:
                self._called[folded(student.id)].add(source(student, found.claim))

    def find(self, path: PurePosixPath) -> Found:
        """Whose file that is."""
        found = self._found.get(path) or self._read(path)
        if not found.students:
            return found
        around = [name for name in found.around if not _AROUND.match(name)]
        if around and not self._of_several:
            shown = plain_line(around[0])
            return Found(
                claim=found.claim,
                problem=f"all lies in {shown}, which may be one student's folder: if it is not, "
                "give what is in it",
            )
        alike = max(len(self._called[folded(student.id)]) for student in found.students)
        if not self._students and alike > 1:
            shown = plain_line(found.students[0].id)
            return Found(claim=found.claim, problem=f"several would be called {shown}: {_ROSTER}")
        return found

    def _read(self, path: PurePosixPath) -> Found:
        """Whose file that is, by its path alone."""
        skipped, claims = self._claims(path)
        around = self._shared[:skipped]
        if not self._students:
            return self._unknown(path, claims, around)
        if not claims:
            return self._plain(path)
        found = replace(self._claimed(claims), around=around)
        alone = len(path.parts) == skipped + 1
        if alone and self._read_by[claims[0].platform] < max(self._read_by.values()):
            # Another platform made the download, and there anybody may have called a file so.
            found = replace(found, by="file")
        if found.students or any(each.number or each.login or each.address for each in claims):
            return found
        plain = self._plain(path)
        return plain if plain.students else found

    def _claims(self, path: PurePosixPath) -> tuple[int, Sequence[Claim]]:
        """What the platform says that wrote the path, and the folders around that. One that the
        download's other files are not of wrote none of them: its naming is then a name that
        somebody chose."""
        skipped, readings = self._readings(path)
        often = [self._read_by[claims[0].platform] for claims in readings]
        likely = [each for each, count in zip(readings, often, strict=True) if count == max(often)]
        return skipped, [claim for claims in likely for claim in claims]

    def _levels_of(self, paths: Sequence[PurePosixPath]) -> tuple[int, ...]:
        """How many of the shared folders may lie around what a platform wrote.

        Not behind a student's folder; and where several lie below, what is said of all alike is
        the name of the folder around them.
        """
        levels = []
        for level in range(len(self._shared) + 1):
            outer = level < len(self._shared)
            said = {_said(self._at(path, level)) for path in paths}
            if not (outer and self._several_below and len(said) == 1):
                levels.append(level)
            if outer and not self._several_below and self._known.one(self._shared[level]):
                break
        return tuple(levels)

    def _readings(self, path: PurePosixPath) -> tuple[int, list[Sequence[Claim]]]:
        """What each platform reads in the path, and in how many folders that all share it lies."""
        for level in self._levels:
            if readings := self._at(path, level):
                return level, readings
        return 0, []

    def _at(self, path: PurePosixPath, level: int) -> list[Sequence[Claim]]:
        """What each platform reads in the path without its outermost folders."""
        inner = PurePosixPath(*path.parts[level:])
        outer = PurePosixPath(*path.parts[:level])
        read = (
            each.claims(inner, self._sidecars.get(outer / each.sidecar, b"")) for each in PLATFORMS
        )
        return [claims for claims in read if claims]

    def _claimed(self, claims: Sequence[Claim]) -> Found:
        """Whose it is by the platform's naming, and who handed it in as well."""
        found = self._one(claims)
        others = [self._one([other]) for claim in claims for other in claim.others]
        students = {each.id: each for one in (found, *others) for each in one.students}
        problems = [one.problem for one in (found, *others) if one.problem]
        return replace(
            found, students=tuple(students.values()), problem="; ".join(dict.fromkeys(problems))
        )

    def _one(self, claims: Sequence[Claim]) -> Found:
        claims = plausible(claims, self._orders)
        first = claims[0]
        if len({claim.platform for claim in claims}) > 1:
            return Found(claim=first, problem="two platforms could have called it so")
        known = [(claim, owner) for claim in claims for owner in self._known.numbered(claim)]
        if len({owner.id for _, owner in known}) > 1:
            either = " or ".join(plain_line(owner.name or owner.id) for _, owner in known)
            return Found(claim=first, problem=f"its name can be read as {either}'s")
        said = {claim.number for claim in claims}
        if known and len(said) > 1 and {claim.number for claim, _ in known} != said:
            # Of whoever stands in no roster yet, or without a number, it may be as well.
            shown = " or ".join(plain_line(number) for number in sorted(said))
            return Found(claim=first, problem=f"its number can be read as {shown}")
        if known:
            claim, owner = known[0]
            if self._agrees(owner, claim):
                return Found((owner,), claim, by="number")
            # Also where a group is called so: its number may be a student's, and a student may
            # call himself like a group.
            shown, name = plain_line(claim.owner), plain_line(owner.name)
            number = plain_line(claim.number or claim.login or claim.address)
            problem = f"{number} is {name}, but it is named {shown}: {_RENAME}"
            return Found(claim=claim, problem=problem)
        people = [(claim, who) for claim in claims if (who := self._known.people(claim))]
        if len({tuple(each.id for each in who) for _, who in people}) > 1:
            return Found(claim=first, problem="its name can be read as that of several students")
        if not people:
            return Found(claim=first, problem=self._nobody(first))
        claim, who = people[0]
        sure = claim.number or claim.login or claim.address
        if self._known.called("name", claim) != who:
            if not may_be_of(who, claim):
                shown = plain_line(claim.number or claim.login or claim.address)
                problem = f"{shown} is nobody's of the group {plain_line(claim.owner)}"
                return Found(claim=claim, problem=problem)
            return Found(tuple(who), claim, by="group" if sure else "file")
        if problem := contradiction(who[0], claim, self._students, self._current):
            return Found(claim=claim, problem=problem)
        return Found(tuple(who), claim, by="name" if sure else "file")

    def _agrees(self, student: Student, claim: Claim) -> bool:
        """Whether a name beside a number may be the student's."""
        if not claim.owner or not student.name or claim.owner == "anon" or self._anonymous:
            return True
        if _PLATFORMS[claim.platform].free_names:
            return self._known.called("name", claim) in ([], [student])
        exactly = self._known.called("name", claim)
        return agree(student.name, claim.owner) and (not exactly or student in exactly)

    def _plain(self, path: PurePosixPath) -> Found:
        """Whose it is by its folders, or by its own name where there is none."""
        *folders, file = path.parts
        depth = len(self._shared)
        claim = Claim("", file=file)
        for at, folder in enumerate(folders):
            if at < depth and self._several_below:
                continue
            if named := self._known.of_folder(folder):
                inner = [each for each in map(self._known.one, folders[at + 1 : depth]) if each]
                if any(each != named for each in inner):
                    shown = plain_line("/".join(folders[:depth]))
                    return Found(problem=f"{shown} names several students")
                return Found(tuple(named), claim, around=self._shared[:at])
            if at >= depth:
                remedy = "if it is no student's folder, give what is in it alone"
                claim = Claim("", folder, file=file)
                return Found(claim=claim, problem=f"{self._nobody(claim)}; {remedy}")
        stem = _NOTEBOOK.sub("", file)
        for start in beginnings(stem):
            called = self._known.get("login", start)
            # One word alone may be what anybody calls a file.
            if not called and len(spaced(start).split()) > 1:
                called = self._known.get("name", spaced(start))
            if len(called) == 1:
                return Found(tuple(called), claim, by="file", around=self._shared)
            if called:
                claim = Claim("", start, file=file)
                return Found(claim=claim, problem=self._nobody(claim))
        return Found(problem=self._nobody(Claim("", str(path))))

    def _denied(self, only: Sequence[str]) -> dict[PurePosixPath, Found]:
        """What the folder in which all others lie does not give to the student whom it is called
        like, as something in it is called as another's.

        Args:
            only: the folders that lie in each other, and of which there is no second one.
        """
        levels = enumerate(map(self._known.of_folder, only))
        level, owner = next(((at, who) for at, who in levels if who), (-1, []))
        depth = level + 1
        inner = {
            path: PurePosixPath(*path.parts[depth:])
            for path in self._found
            if owner and path.parts[:depth] == tuple(only[:depth]) and len(path.parts) > depth
        }
        given = [path for path in inner if self._found[path].students == tuple(owner)]
        if not given:
            return {}
        inside = Owners(self._students, list(inner.values()), {}, self._current)
        said = {path: inside._found[below] for path, below in inner.items()}
        books = [each.claim for path, each in said.items() if _NOTEBOOK.search(path.name)]
        # A single name that nobody has may be what its owner calls a notebook.
        several = len({folded(claim.owner) for claim in books if claim.platform}) > 1
        others = {path for path, each in said.items() if self._denies(owner, each, several)}
        if not others:
            return {}
        folder = plain_line(only[level])
        remedy = f"if {folder} is no student's folder, give what is in it alone"
        unsaid = f"it lies in {folder} beside what is called as another's; {remedy}"
        found = {path: said[path] for path in given}
        for path in given:
            claim = said[path].claim
            if path in others:
                people = [each.name or each.id for each in said[path].students]
                shown = " and ".join(people) or claim.owner or claim.login or claim.number
                problem = f"it lies in {folder}, but is called as {plain_line(shown)}'s; {remedy}"
                found[path] = Found(claim=claim, problem=problem)
            elif not said[path].students:
                found[path] = Found(claim=claim, problem=unsaid)
        return found

    def _denies(self, owner: Sequence[Student], said: Found, several: bool) -> bool:
        """Whether a path without its outer folder says that it is not that student's.

        Args:
            several: whether notebooks beside each other are called as of several people.
        """
        claim = said.claim
        if said.students:
            return not all(each in owner for each in said.students)
        if claim.number or claim.login or claim.address:
            return True
        if alike := self._known.namesakes(claim):
            return not any(each in owner for each in alike)
        return several and bool(claim.platform)

    def _nobody(self, claim: Claim) -> str:
        shown = plain_line(claim.owner or claim.login or claim.address or claim.file)
        if claim.platform == "canvas" and claim.owner == "studenttest":
            return "it is of Canvas's test student"
        namesakes = self._known.namesakes(claim)
        if len(namesakes) > 1:
            return f"{len(namesakes)} students are called {shown}, and no number tells which it is"
        return f"nobody in the roster is called {shown}"

    def _unknown(
        self, path: PurePosixPath, claims: Sequence[Claim], around: tuple[str, ...]
    ) -> Found:
        """A student made of what the path says, as there is no roster."""
        if len(claims) > 1:
            problem = "its name can be read in several ways: a roster tells"
            return Found(claim=claims[0], problem=problem)
        if claims:
            people = [of_claim(claim) for claim in (claims[0], *claims[0].others)]
            if found := tuple(each for each in people if each is not None):
                return Found(found, claims[0], by="number", around=around)
        *folders, file = path.parts
        own = folders[len(self._shared) :]
        if not own and self._one_notebook:
            own = [folder for folder in folders if not _AROUND.match(folder)]
        if own and not claims and (student := of_folder(own[0])):
            return Found((student,), Claim("", file=file))
        shown = plain_line(own[0] if own else file)
        return Found(problem=f"{shown} does not say whose it is, and there is no roster")


_ROSTER = "a roster.csv tells them apart"


def may_say(sidecar: PurePosixPath) -> bool:
    """Whether what lies there is the platform's: a folder around it could be a student's."""
    return not sidecar.parent.parts or bool(_AROUND.match(sidecar.parent.name))


def _said(readings: Iterable[Sequence[Claim]]) -> tuple[tuple[str, ...], ...]:
    """Whose it is in each reading; what a file is called and when it came does not matter."""
    return tuple(
        (one.platform, one.owner, one.number, one.login) for all in readings for one in all
    )


def shared_folders(paths: Sequence[PurePosixPath]) -> tuple[str, ...]:
    """The outer folders that all files lie in."""
    levels = zip(*(path.parts[:-1] for path in paths), strict=False)
    return tuple(level[0] for level in takewhile(lambda level: len(set(level)) == 1, levels))
