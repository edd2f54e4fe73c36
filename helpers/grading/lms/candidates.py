"""Which of the notebooks that are a student's is taken, and what only a person can decide."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from helpers.grading.handin.markup import plain_line
from helpers.grading.lms.archive import Member
from helpers.grading.lms.owners import Found
from helpers.grading.lms.platform import Student
from helpers.grading.lms.roster import handed_in_at

# A browser calls a second download "homework (1).ipynb", Canvas a second hand-in "…-1".
_COPY = re.compile(r"(?: ?\((\d{1,3})\)|-(\d{1,3}))\.ipynb")


@dataclass(frozen=True)
class Candidate:
    """A notebook that may be what a student handed in.

    Attributes:
        member: where it is in the download.
        owned: what says whose it is.
        staged: where its bytes are.
        problem: why it is not sure that it is of the unit, or one at all.
        untouched: whether nothing in it was changed since the release.
        handed_in: when, where that is known.
        of_mate: whether another one of the group handed it in.
        notebook: which of the unit's it is.
    """

    member: Member
    owned: Found
    staged: Path
    problem: str = ""
    untouched: bool = False
    handed_in: datetime | None = None
    of_mate: bool = False
    notebook: str = ""

    @property
    def shown(self) -> str:
        """Where it is in the download, for people."""
        return plain_line(self.member.shown)

    @property
    def age(self) -> tuple[int, float, int]:
        """What tells which is newer: the newest is the greatest."""
        said = self.owned.claim.handed_in
        time = said.timestamp() if said else self.member.time or 0.0
        copies = _COPY.findall(self.member.shown)
        return self.owned.claim.order, time, int("".join(copies[-1])) if copies else 0

    def is_newer(self, other: Candidate) -> bool:
        """Whether it surely is: a copy's number says so of files of one name only."""
        if self.age[:2] != other.age[:2]:
            return self.age > other.age
        names = {_COPY.sub(".ipynb", each.member.shown) for each in (self, other)}
        return len(names) == 1 and self.age > other.age

    @property
    def rank(self) -> tuple[bool, tuple[int, float, int], bool, str]:
        """The one to take is the greatest; what says that it is of the unit comes first."""
        return not self.problem, self.age, not self.untouched, self.member.shown

    @property
    def digest(self) -> bytes:
        """The same for the same bytes."""
        return hashlib.sha256(self.staged.read_bytes()).digest()


@dataclass(frozen=True)
class Choice:
    """What is taken of a student.

    Attributes:
        remarks: on what is taken and on each that is not, for people.
        unsure: whether a person should look.
    """

    taken: Candidate
    remarks: tuple[str, ...]
    unsure: bool


@dataclass
class Contents:
    """What a download holds, by student: notebooks, other files; and what is nobody's.

    `of_other_units` is how many of the latter are notebooks of other units.
    """

    candidates: dict[str, list[Candidate]] = field(default_factory=dict)
    others: dict[str, list[Member]] = field(default_factory=dict)
    students: dict[str, Student] = field(default_factory=dict)
    left_out: list[tuple[str, str]] = field(default_factory=list)
    of_other_units: int = 0

    def leave_out(
        self, students: Iterable[str], which: Callable[[Candidate], bool], why: str
    ) -> None:
        """Take the candidates from the students; each is said once."""
        said = set()
        for student in students:
            candidates = self.candidates[student]
            said |= {each.shown for each in candidates if which(each)}
            self.candidates[student] = [each for each in candidates if not which(each)]
        said -= {file for file, _ in self.left_out}
        self.left_out += [(shown, why) for shown in sorted(said)]


def refuse_contradictions(found: Contents) -> None:
    """Leave out what a weaker way gives to a student, where a surer one or another one does, too.

    Who may choose a name could otherwise hand in for somebody else.
    """
    _refuse_groups_names(found)
    for student, candidates in found.candidates.items():
        name = plain_line(found.students[student].name or student)
        claims = [each.owned.claim for each in candidates]
        numbers = {one.number or one.login or one.address for one in claims} - {""}
        if len(numbers) > 1:
            why = f"{len(numbers)} numbers hand in as {name}"
            found.leave_out([student], lambda each: each.owned.by != "number", why)
        candidates = found.candidates[student]
        by_file = [each for each in candidates if each.owned.by == "file"]
        if by_file and len({each.digest for each in candidates}) > 1:
            why = f"{len(candidates)} files hand in as {name}, and anybody can call a file so"
            found.leave_out([student], lambda each: each.owned.by == "file", why)


def refuse_changed_numbers(
    found: Contents, earlier: Mapping[tuple[str, str], str], lasting: Collection[str]
) -> None:
    """Leave out what a name alone gives to a student, where another number was that student's in
    an earlier hand-in, or that number another student's: somebody may have taken the name since.

    Args:
        earlier: a student, by platform and number.
        lasting: the platforms of which a number is the same in every assignment.
    """
    numbers = {(platform, who): number for (platform, number), who in earlier.items()}
    for student, candidates in list(found.candidates.items()):
        for each in candidates:
            claim = each.owned.claim
            before = numbers.get((claim.platform, student), claim.number)
            was = earlier.get((claim.platform, claim.number), student)
            changed = before != claim.number or was != student
            if each.owned.by == "name" and claim.platform in lasting and changed:
                number, name = plain_line(claim.number), plain_line(student)
                other = f"was {plain_line(was)}" if was != student else f"is new for {name}"
                why = f"{number} {other}: give the roster its number if it is {name}"
                found.leave_out([student], lambda one, each=each: one is each, why)  # type: ignore[misc]


def _refuse_groups_names(found: Contents) -> None:
    """A student may be called like a group: a group's name counts while nobody of it denies it."""
    of_group: dict[Path, list[str]] = defaultdict(list)
    for student, candidates in found.candidates.items():
        for each in candidates:
            if each.owned.by == "group":
                of_group[each.staged].append(student)
    for staged, students in of_group.items():
        own = [
            student
            for student in students
            if any(each.owned.by != "group" for each in found.candidates[student])
        ]
        if own:
            who = plain_line(found.students[own[0]].name or own[0])
            why = f"it is called like a group, but {who} of that group handed in alone"
            found.leave_out(students, lambda each, staged=staged: each.staged == staged, why)  # type: ignore[misc]


def share_in_groups(found: Contents, students: Sequence[Student]) -> None:
    """Give what one of a group handed in to those of it who have nothing."""
    shared: dict[str, list[Candidate]] = {}
    for student in students:
        mates = [each for each in students if student.group and each.group == student.group]
        of_mates = [each for mate in mates for each in found.candidates.get(mate.id, ())]
        if of_mates and not found.candidates.get(student.id):
            found.students.setdefault(student.id, student)
            shared[student.id] = [
                replace(each, handed_in=handed_in_at(student) or each.handed_in, of_mate=True)
                for each in of_mates
            ]
    found.candidates |= shared


def choose(candidates: Sequence[Candidate]) -> Choice:
    """The newest of what a student handed in, and a remark on each of the others."""
    *others, newest = sorted(candidates, key=lambda each: each.rank)
    remarks = [newest.problem] if newest.problem else []
    unsure = bool(newest.problem)
    for other in others:
        if other.digest == newest.digest:
            remarks.append(f"handed in twice, the same: {other.shown}")
        elif other.problem and not newest.problem:
            remarks.append(f"handed in twice: not taken is {other.shown}, {other.problem}")
        elif newest.is_newer(other):
            remarks.append(f"handed in twice: not taken is the older {other.shown}")
        elif other.untouched and not newest.untouched:
            remarks.append(f"handed in twice: not taken is {other.shown}, which nobody worked on")
        else:
            remarks.append(
                f"handed in twice, which is newer is not said: not taken is {other.shown}"
            )
            unsure = True
    return Choice(newest, tuple(remarks), unsure)
