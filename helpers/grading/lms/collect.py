"""`course collect UNIT DOWNLOAD`: from what a platform gives to submitted/STUDENT/UNIT/.

Everything is read and laid out in a folder beside before the first submission is put in place, so
a download that cannot be used changes nothing. Collecting again gives the same result. A notebook
that is in place is replaced by a newer one only, and the table says so. The roster's names and the
due date go into the gradebook, where formgrader and late penalties find them.

When a file was handed in is known from the roster's `handed_in`, or from the file's own time where
the download is not a platform's: they give all files the time of the download.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from helpers.authoring.notebooks import Unit, find_unit
from helpers.files import write_text
from helpers.grading.handin.folder import SubmissionFolder
from helpers.grading.handin.ipynb import read_notebook, unit_of
from helpers.grading.handin.markup import plain_line
from helpers.grading.lms.archive import NO_NOTEBOOK, Member, read_members
from helpers.grading.lms.enrol import enrol
from helpers.grading.lms.owners import Owners, shared_folders
from helpers.grading.lms.platform import Claim, Student
from helpers.grading.lms.registry import PLATFORMS
from helpers.grading.lms.roster import handed_in_at, students_of

#: What came of a student. `kept`: what is in submitted/ is newer than the download. `earlier`: it
#: is not in the download, but in submitted/ already.
States = ("collected", "replaced", "unchanged", "kept", "earlier", "missing")


@dataclass(frozen=True)
class Line:
    """What came of one student.

    Attributes:
        file: in the download, whose notebook it is.
        late: None where that cannot be known.
        remarks: for people.
    """

    student: Student
    state: str
    file: str = ""
    late: bool | None = None
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Collected:
    """What came of a download.

    Attributes:
        lines: of each student, by id.
        left_out: file and reason, for what is nobody's, of another unit, or dangerous.
        due: what is later is late; None where that was never said.
    """

    unit: str
    lines: tuple[Line, ...]
    left_out: tuple[tuple[str, str], ...]
    due: datetime | None

    @property
    def lateness_unknown(self) -> bool:
        """Whether there is a due date, but no time to hold against it."""
        found = [line.late for line in self.lines if line.state not in ("missing", "earlier")]
        return self.due is not None and bool(found) and all(late is None for late in found)

    @property
    def for_a_person(self) -> bool:
        """Whether something was left out or kept that somebody has to decide on."""
        return bool(self.left_out) or any(line.state == "kept" for line in self.lines)


@dataclass(frozen=True)
class _Candidate:
    """A notebook that may be what a student handed in."""

    member: Member
    claim: Claim
    staged: Path
    by_number: bool
    remark: str = ""
    handed_in: datetime | None = None

    @property
    def rank(self) -> tuple[bool, int, float, int, str]:
        """The newest is the greatest; what says that it is of the unit comes first."""
        said = self.claim.handed_in
        time = said.timestamp() if said else self.member.time or 0.0
        # A browser calls a second download "homework (1).ipynb", Canvas a second hand-in "…-1".
        copies = re.findall(r"(?:\((\d{1,3})\)|-(\d{1,3}))\.ipynb", self.member.shown)
        copy = int("".join(copies[-1])) if copies else 0
        return not self.remark, self.claim.order, time, copy, self.member.shown


@dataclass
class _Contents:
    """What a download holds."""

    candidates: dict[str, list[_Candidate]] = field(default_factory=dict)
    others: dict[str, list[str]] = field(default_factory=dict)
    students: dict[str, Student] = field(default_factory=dict)
    left_out: list[tuple[str, str]] = field(default_factory=list)

    def leave_out(self, candidate: _Candidate, problem: str) -> None:
        self.left_out.append((plain_line(candidate.member.shown), problem))


def collect(
    course: Path,
    unit_name: str,
    download: Path,
    *,
    roster: Path | None = None,
    due: datetime | None = None,
    replace_newer: bool = False,
    groups: bool = False,
) -> Collected:
    """Put a download's notebooks into submitted/.

    Args:
        course: the folder with source/ and submitted/.
        unit_name: what is collected; notebooks of other units are left out, and said.
        download: a zip or tar as a platform gives it, or a folder.
        roster: the students; course/roster.csv where there is one. Without one nobody is missing.
        due: what was handed in later is late; by default the date that the gradebook has.
        replace_newer: also replace what is in submitted/ and newer.
        groups: each group of the roster hands in one notebook, whoever of them did.

    Raises ValueError, in one line and before anything is changed, for a unit, download, roster or
    gradebook that cannot be used.
    """
    unit = find_unit(course, unit_name)
    students = students_of(course, roster)
    submitted = course / "submitted"
    with _staging(submitted) as staging:
        found = _read(download, unit, students, staging)
        _refuse_two_numbers(found)
        if groups:
            _share_in_groups(found, students)
        chosen = {student: _choose(each) for student, each in found.candidates.items() if each}
        for student in chosen:
            _refuse_links(submitted / student / unit.name)
        due = enrol(course, unit.name, students, due)
        lines = [
            _put_in_place(submitted, unit, found.students[student], *choice, due, replace_newer)
            for student, choice in chosen.items()
        ]
    for owner in students or found.students.values():
        if owner.id not in chosen:
            said = [f"handed in {plain_line(name)}" for name in found.others.get(owner.id, ())]
            there = SubmissionFolder.find(
                submitted / owner.id / unit.name, unit.name, unit.notebook
            )
            state = "missing" if there.path is None else "earlier"
            lines.append(Line(owner, state, remarks=tuple(said)))
    ordered = tuple(sorted(lines, key=lambda line: line.student.id))
    return Collected(unit.name, ordered, tuple(found.left_out), due)


@contextmanager
def _staging(submitted: Path) -> Iterator[Path]:
    """A folder on the same disk, gone at the end; so is submitted/ if it stayed empty."""
    made = not submitted.exists()
    submitted.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=".collecting-", dir=submitted))
    try:
        yield staging
    finally:
        shutil.rmtree(staging)
        if made and not any(submitted.iterdir()):
            submitted.rmdir()


def _read(download: Path, unit: Unit, students: Sequence[Student], staging: Path) -> _Contents:
    """Lay out every notebook of the unit, by student."""
    found = _Contents()
    named = {platform.sidecar for platform in PLATFORMS} - {""}
    staged: list[tuple[Member, Path]] = []
    for number, member in enumerate(read_members(download, named)):
        file = staging / f"{number}.ipynb"
        if not member.problem:
            file.write_bytes(member.data)
        # Its bytes are in the file now.
        staged.append((replace(member, data=b""), file))
    paths = [PurePosixPath(member.path) for member, _ in staged if not _leads_elsewhere(member)]
    shared = PurePosixPath(*shared_folders(paths))
    sidecars: dict[str, bytes] = {}
    notebooks: list[tuple[Member, Path]] = []
    for member, file in staged:
        path = PurePosixPath(member.path)
        if path.name not in named or member.problem:
            notebooks.append((member, file))
        elif shared.is_relative_to(path.parent):
            sidecars[path.name] = file.read_bytes()
        else:
            # One that lies deeper can be of a student's making.
            notebooks.append((replace(member, problem=NO_NOTEBOOK), file))
    owners = Owners(students, paths, sidecars)
    for member, file in notebooks:
        _sort_in(found, owners, unit, member, file)
    return found


def _leads_elsewhere(member: Member) -> bool:
    parts = PurePosixPath(member.path).parts
    return not parts or ".." in parts or member.path.startswith("/")


def _sort_in(found: _Contents, owners: Owners, unit: Unit, member: Member, file: Path) -> None:
    """Put a file of the download to the students whose it is, or to what is left out."""
    shown = plain_line(member.shown)
    if member.problem and member.problem != NO_NOTEBOOK:
        found.left_out.append((shown, member.problem))
        return
    owned = owners.find(PurePosixPath(member.path))
    if member.problem:
        for owner in owned.students:
            found.students.setdefault(owner.id, owner)
            found.others.setdefault(owner.id, []).append(member.shown)
        if not owned.students:
            found.left_out.append((shown, f"{member.problem}, and {owned.problem}"))
        return
    problem, remark = _unit_problem(file.read_bytes(), unit)
    if problem or not owned.students:
        found.left_out.append((shown, problem or owned.problem))
        return
    for owner in owned.students:
        at = handed_in_at(owner) or owned.claim.handed_in
        if at is None and not owned.claim.platform and member.time is not None:
            at = datetime.fromtimestamp(member.time, UTC)
        found.students.setdefault(owner.id, owner)
        candidate = _Candidate(member, owned.claim, file, owned.by_number, remark, at)
        found.candidates.setdefault(owner.id, []).append(candidate)


def _refuse_two_numbers(found: _Contents) -> None:
    """Leave out what a name alone gives to a student, where another number does, too.

    Who may choose a name could otherwise hand in for somebody else.
    """
    for student, candidates in found.candidates.items():
        numbers = {each.claim.number or each.claim.login for each in candidates} - {""}
        if len(numbers) < 2:
            continue
        name = plain_line(found.students[student].name or student)
        for candidate in candidates:
            if not candidate.by_number:
                found.leave_out(candidate, f"{len(numbers)} numbers hand in as {name}")
        found.candidates[student] = [each for each in candidates if each.by_number]


def _share_in_groups(found: _Contents, students: Sequence[Student]) -> None:
    """Give what one of a group handed in to those of it who have nothing."""
    for student in students:
        mates = [each for each in students if student.group and each.group == student.group]
        of_mates = [each for mate in mates for each in found.candidates.get(mate.id, ())]
        if of_mates and not found.candidates.get(student.id):
            found.students.setdefault(student.id, student)
            found.candidates[student.id] = [
                replace(each, handed_in=handed_in_at(student) or each.handed_in)
                for each in of_mates
            ]


def _unit_problem(data: bytes, unit: Unit) -> tuple[str, str]:
    """Why a notebook is not of the unit; or a remark where it does not say what it is of."""
    try:
        named = unit_of(read_notebook(data))
    except ValueError as error:
        return "", str(error)
    if named is None:
        return "", "it does not say which unit it is of"
    other = f"it is a notebook of {plain_line(named)}, not of {unit.name}"
    return ("" if named == unit.name else other), ""


def _choose(candidates: Sequence[_Candidate]) -> tuple[_Candidate, tuple[str, ...]]:
    """The newest of what a student handed in, and a remark on each of the others."""
    *others, newest = sorted(candidates, key=lambda each: each.rank)
    remarks = [newest.remark] if newest.remark else []
    digests = {
        each.staged: hashlib.sha256(each.staged.read_bytes()).digest() for each in candidates
    }
    for other in others:
        shown = plain_line(other.member.shown)
        if digests[other.staged] == digests[newest.staged]:
            remarks.append(f"handed in twice, the same: {shown}")
        elif other.remark and not newest.remark:
            remarks.append(f"handed in twice: not taken is {shown}, {other.remark}")
        elif other.rank[:4] == newest.rank[:4]:
            remarks.append(f"handed in twice, which is newer is not said: not taken is {shown}")
        else:
            remarks.append(f"handed in twice: not taken is the older {shown}")
    return newest, tuple(remarks)


def _refuse_links(folder: Path) -> None:
    for place in (folder.parent, folder):
        if place.is_symlink() or (place.exists() and not place.is_dir()):
            raise ValueError(f"{place} is no plain folder: move it away, it would be followed")


def _put_in_place(
    submitted: Path,
    unit: Unit,
    student: Student,
    taken: _Candidate,
    remarks: tuple[str, ...],
    due: datetime | None,
    replace_newer: bool,
) -> Line:
    folder = submitted / student.id / unit.name
    there = SubmissionFolder.find(folder, unit.name, unit.notebook)
    state, at = "collected", taken.handed_in
    if there.path is not None:
        if there.data == taken.staged.read_bytes():
            state = "unchanged"
        elif there.path.stat().st_mtime > (taken.member.time or 0.0) and not replace_newer:
            remarks = (*remarks, f"submitted/ has a newer {plain_line(there.path.name)}: it stays")
            state = "kept"
        else:
            state = "replaced"
    if state in ("collected", "replaced"):
        _stamp(folder, taken)
        if taken.member.time is not None:
            os.utime(taken.staged, (taken.member.time, taken.member.time))
        # Somebody else of a group may have the same.
        shutil.copy2(taken.staged, taken.staged.with_suffix(".copy"))
        taken.staged.with_suffix(".copy").replace(folder / f"{unit.notebook}.ipynb")
    elif state == "unchanged" and handed_in_at(student) is not None:
        # A roster that says when may come after the download.
        _stamp(folder, taken)
    elif there.timestamp is not None:
        at = there.timestamp.replace(tzinfo=UTC)
    return Line(student, state, plain_line(taken.member.shown), _is_late(taken, at, due), remarks)


def _is_late(taken: _Candidate, at: datetime | None, due: datetime | None) -> bool | None:
    """What the platform says, or else the clock; None where neither is known."""
    if taken.claim.late is not None:
        return taken.claim.late
    return None if due is None or at is None else at > due


def _stamp(folder: Path, taken: _Candidate) -> None:
    """Write when it was handed in, where that is known, as nbgrader reads it."""
    folder.mkdir(parents=True, exist_ok=True)
    stamp = folder / "timestamp.txt"
    if taken.handed_in is None:
        stamp.unlink(missing_ok=True)
        return
    text = f"{taken.handed_in:%Y-%m-%d %H:%M:%S} UTC\n"
    if not stamp.is_file() or stamp.read_text(encoding="utf-8", errors="replace") != text:
        write_text(stamp, text)
