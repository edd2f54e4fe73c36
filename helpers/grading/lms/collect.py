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
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from helpers.authoring.notebooks import Unit, find_unit
from helpers.grading.handin.folder import SubmissionFolder
from helpers.grading.handin.ipynb import read_notebook, unit_of
from helpers.grading.handin.markup import plain_line
from helpers.grading.lms.archive import Member, read_members
from helpers.grading.lms.enrol import enrol
from helpers.grading.lms.platform import Name, Student
from helpers.grading.lms.registry import read_name
from helpers.grading.lms.roster import Owners, handed_in_at, students_of, without_roster

#: What came of a student: `kept` means that what is in submitted/ is newer than the download.
States = ("collected", "replaced", "unchanged", "kept", "missing")


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
        found = [line.late for line in self.lines if line.state != "missing"]
        return self.due is not None and bool(found) and all(late is None for late in found)

    @property
    def for_a_person(self) -> bool:
        """Whether something was left out or kept that somebody has to decide on."""
        return bool(self.left_out) or any(line.state == "kept" for line in self.lines)


@dataclass(frozen=True)
class _Candidate:
    """A notebook that may be what a student handed in."""

    member: Member
    name: Name
    staged: Path
    remark: str = ""
    handed_in: datetime | None = None

    @property
    def rank(self) -> tuple[bool, int, float, str]:
        """The newest is the greatest; what says that it is of the unit comes first."""
        return not self.remark, self.name.file_number, self.member.time or 0.0, self.member.path


@dataclass
class _Found:
    """What a download holds."""

    candidates: dict[str, list[_Candidate]] = field(default_factory=dict)
    others: dict[str, list[str]] = field(default_factory=dict)
    students: dict[str, Student] = field(default_factory=dict)
    left_out: list[tuple[str, str]] = field(default_factory=list)


def collect(
    course: Path,
    unit_name: str,
    download: Path,
    *,
    roster: Path | None = None,
    due: datetime | None = None,
    replace_newer: bool = False,
) -> Collected:
    """Put a download's notebooks into submitted/.

    Args:
        course: the folder with source/ and submitted/.
        unit_name: what is collected; notebooks of other units are left out, and said.
        download: a zip or tar as a platform gives it, or a folder.
        roster: the students; course/roster.csv where there is one. Without one nobody is missing.
        due: what was handed in later is late; by default the date that the gradebook has.
        replace_newer: also replace what is in submitted/ and newer.

    Raises ValueError, in one line and before anything is changed, for a unit, download, roster or
    gradebook that cannot be used.
    """
    unit = find_unit(course, unit_name)
    students = students_of(course, roster)
    submitted = course / "submitted"
    with _staging(submitted) as staging:
        found = _read(download, unit, students, staging)
        chosen = {student: _choose(each) for student, each in found.candidates.items()}
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
            lines.append(Line(owner, "missing", remarks=tuple(said)))
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


def _read(download: Path, unit: Unit, students: Sequence[Student], staging: Path) -> _Found:
    """Lay out every notebook of the unit, by student."""
    owners, found = Owners(students), _Found()
    for number, member in enumerate(read_members(download)):
        name = read_name(member)
        owner = owners.find(member, name) if students else without_roster(name)
        shown = plain_line(member.path)
        if member.problem == "it is no notebook":
            if owner is not None:
                found.students.setdefault(owner.id, owner)
                found.others.setdefault(owner.id, []).append(member.path)
            continue
        problem, remark = member.problem, ""
        if not problem:
            problem, remark = _unit_problem(member, unit)
        if not problem and owner is None:
            where = "the roster" if students else "the download, and there is no roster"
            problem = f"nobody in {where} is called {plain_line(name.owner or name.file)}"
        if problem or owner is None:
            found.left_out.append((shown, problem))
            continue
        staged = staging / f"{number}.ipynb"
        staged.write_bytes(member.data)
        at = handed_in_at(owner)
        if at is None and not name.platform and member.time is not None:
            at = datetime.fromtimestamp(member.time, UTC)
        # Its bytes are in the file now.
        without = replace(member, data=b"")
        candidate = _Candidate(without, name, staged, remark, at)
        found.students.setdefault(owner.id, owner)
        found.candidates.setdefault(owner.id, []).append(candidate)
    return found


def _unit_problem(member: Member, unit: Unit) -> tuple[str, str]:
    """Why a notebook is not of the unit; or a remark where it does not say what it is of."""
    try:
        named = unit_of(read_notebook(member.data))
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
        shown = plain_line(other.member.path)
        if digests[other.staged] == digests[newest.staged]:
            remarks.append(f"handed in twice, the same: {shown}")
        elif other.remark and not newest.remark:
            remarks.append(f"handed in twice: not taken is {shown}, {other.remark}")
        elif other.rank[:3] == newest.rank[:3]:
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
        taken.staged.replace(folder / f"{unit.notebook}.ipynb")
    elif state == "unchanged" and handed_in_at(student) is not None:
        # A roster that says when may come after the download.
        _stamp(folder, taken)
    elif there.timestamp is not None:
        at = there.timestamp.replace(tzinfo=UTC)
    return Line(student, state, plain_line(taken.member.path), _is_late(taken, at, due), remarks)


def _is_late(taken: _Candidate, at: datetime | None, due: datetime | None) -> bool | None:
    """What the platform says, or else the clock; None where neither is known."""
    if taken.name.late is not None:
        return taken.name.late
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
        unfinished = taken.staged.with_suffix(".txt")
        unfinished.write_text(text, encoding="utf-8")
        unfinished.replace(stamp)
