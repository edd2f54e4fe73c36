"""`course collect UNIT DOWNLOAD`: from what a platform gives to submitted/STUDENT/UNIT/.

Everything is read and laid out in a folder beside before the first submission is put in place, so
a download that cannot be used changes nothing. Collecting again gives the same result. A notebook
that is in place is replaced by a newer one only, and the table says so. The roster's names and the
due date go into the gradebook, where formgrader and late penalties find them.

When a file was handed in is known from the roster's `handed_in`, or from the file's own time where
the download is not a platform's: they give all files the time of the download.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from helpers.authoring.notebooks import Unit, find_unit
from helpers.files import write_text
from helpers.grading.handin.folder import SubmissionFolder
from helpers.grading.handin.markup import plain_line
from helpers.grading.lms.archive import NO_NOTEBOOK, Member
from helpers.grading.lms.assign_files import read_contents
from helpers.grading.lms.candidates import (
    Candidate,
    Choice,
    Contents,
    choose,
    refuse_changed_numbers,
    refuse_contradictions,
    share_in_groups,
)
from helpers.grading.lms.enrol import enrol
from helpers.grading.lms.extensions import extensions
from helpers.grading.lms.notebooks import Notebooks
from helpers.grading.lms.origins import Origin, add_origins, earlier_numbers, read_origins
from helpers.grading.lms.platform import Student
from helpers.grading.lms.registry import LASTING
from helpers.grading.lms.roster import handed_in_at, is_own, students_of
from helpers.grading.nbgrader.config import submitted_folder
from helpers.grading.nbgrader.lock import only_run

#: What came of a student. `kept`: what is in submitted/ is newer or better than the download's.
#: `earlier`: it is not in the download, but in submitted/ already.
States = ("collected", "replaced", "unchanged", "kept", "earlier", "missing")


@dataclass(frozen=True)
class Line:
    """What came of one student.

    Attributes:
        file: in the download, whose notebook it is.
        late: None where that cannot be known.
        remarks: for people.
        look: whether a person should look.
    """

    student: Student
    state: str
    file: str = ""
    late: bool | None = None
    remarks: tuple[str, ...] = ()
    look: bool = False


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
    def found(self) -> tuple[Line, ...]:
        """Those whose notebook is in the download."""
        return tuple(line for line in self.lines if line.state not in ("missing", "earlier"))

    @property
    def lateness_unknown(self) -> tuple[Line, ...]:
        """Those for whom there is a due date, but no time to hold against it."""
        return tuple(line for line in self.found if self.due is not None and line.late is None)

    @property
    def for_a_person(self) -> bool:
        """Whether there is something that somebody has to decide on, or nothing at all."""
        unsure = any(line.look or line.state == "kept" for line in self.lines)
        return unsure or bool(self.left_out) or not self.found


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
    """Put a download's notebooks into submitted/, or what the configuration calls so.

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
    read_origins(course, unit_name)  # what is wrong with it is said before anything is changed
    submitted = submitted_folder(course)
    with only_run(course, "something is being collected"), _staging(submitted) as staging:
        current = roster is not None and not is_own(course, roster)
        found = read_contents(download, unit, students, staging, numbers_are_current=current)
        refuse_contradictions(found)
        refuse_changed_numbers(found, earlier_numbers(course), LASTING)
        if groups:
            share_in_groups(found, students)
        chosen = {
            student: _choices(unit, each) for student, each in found.candidates.items() if each
        }
        for student in chosen:
            _refuse_links(submitted / student / unit.name)
        due = enrol(course, unit.name, students, due)
        more_time = extensions(course, unit.name) if due else {}
        own = _own_work(submitted, unit, found, chosen)
        lines = [
            _as_one(
                unit,
                [
                    _put_in_place(
                        *(submitted, unit, found.students[student], choice),
                        *(due, more_time.get(student)),
                        replace_newer=replace_newer,
                        has_own_work=(student, choice.taken.notebook) in own,
                        others=found.others.get(student, ()),
                    )
                    for choice in choices
                ],
                [choice.taken.notebook for choice in choices],
            )
            for student, choices in chosen.items()
        ]
        put = {line.student.id for line in lines if line.state != "kept"}
        origins = {student: _origin(chosen[student][-1].taken) for student in put}
        add_origins(course, unit.name, {who: one for who, one in origins.items() if one.platform})
    for owner in students or found.students.values():
        if owner.id not in chosen:
            others = found.others.get(owner.id, ())
            lines.append(_without_notebook(submitted, unit, owner, others))
    ordered = tuple(sorted(lines, key=lambda line: line.student.id))
    return Collected(unit.name, ordered, tuple(found.left_out), due)


def _origin(taken: Candidate) -> Origin:
    claim = taken.owned.claim
    own = taken.owned.by != "group" and not taken.of_mate
    return Origin(claim.platform, claim.owner, claim.number, claim.order, own)


def _choices(unit: Unit, candidates: Sequence[Candidate]) -> list[Choice]:
    """What is taken of a student for each of the unit's notebooks; the newest comes last, so that
    it gives the time of the hand-in."""
    by_notebook = [
        [each for each in candidates if each.notebook == name] for name in unit.notebooks
    ]
    choices = [choose(each) for each in by_notebook if each]
    return sorted(choices, key=lambda choice: choice.taken.age)


def _as_one(unit: Unit, lines: Sequence[Line], notebooks: Sequence[str]) -> Line:
    """A student's lines for the notebooks of a unit as one."""
    if len(unit.notebooks) == 1:
        return lines[0]
    # One that stays as it was says less than one that does not.
    state = max((line.state for line in lines), key=_SAID.index)
    late = [line.late for line in lines]
    remarks = {
        f"{name}: {remark}"
        for name, line in zip(notebooks, lines, strict=True)
        for remark in line.remarks
    }
    return Line(
        lines[0].student,
        state,
        ", ".join(line.file for line in lines),
        True if True in late else None if None in late else False,
        tuple(sorted(remarks)),
        any(line.look for line in lines),
    )


_SAID = ("unchanged", "collected", "replaced", "kept")


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


def _handed_in(other: Member) -> str:
    kind = "" if other.problem == NO_NOTEBOOK else f", {other.problem}"
    return f"handed in {plain_line(other.shown)}{kind}"


def _without_notebook(
    submitted: Path, unit: Unit, student: Student, others: Sequence[Member]
) -> Line:
    """The line of a student of whom nothing could be taken."""
    folder = submitted / student.id / unit.name
    there = any(_there(folder, unit, name).path is not None for name in unit.notebooks)
    state = "earlier" if there else "missing"
    return Line(student, state, remarks=tuple(map(_handed_in, others)), look=bool(others))


def _there(folder: Path, unit: Unit, notebook: str) -> SubmissionFolder:
    """What is in submitted/ of one of the unit's notebooks."""
    others = [name for name in unit.notebooks if name != notebook]
    return SubmissionFolder.find(folder, unit.name, notebook, others)


def _beside(others: Sequence[Member]) -> tuple[str, ...]:
    """A remark on what was handed in beside a notebook."""
    names = [plain_line(other.shown) for other in others if other.problem == NO_NOTEBOOK]
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return (f"beside it, no notebook: {', '.join(names[:3])}{more}",) if names else ()


def _own_work(
    submitted: Path, unit: Unit, found: Contents, chosen: Mapping[str, Sequence[Choice]]
) -> set[tuple[str, str]]:
    """Those of a group, and notebooks, where in the folder is something else than what a mate had
    handed in."""

    def there(student: str, notebook: str) -> bytes:
        return _there(submitted / student / unit.name, unit, notebook).data

    own = set()
    for student, choices in chosen.items():
        for name in (choice.taken.notebook for choice in choices if choice.taken.of_mate):
            group = found.students[student].group
            mates = [each for each in chosen if found.students[each].group == group]
            earlier = [
                there(each, name)
                for each in mates
                if not any(choice.taken.of_mate for choice in chosen[each])
            ]
            if there(student, name) not in (b"", *earlier):
                own.add((student, name))
    return own


def _refuse_links(folder: Path) -> None:
    for place in (folder.parent, folder):
        if place.is_symlink() or (place.exists() and not place.is_dir()):
            raise ValueError(f"{place} is no plain folder: move it away, it would be followed")


def _put_in_place(
    submitted: Path,
    unit: Unit,
    student: Student,
    choice: Choice,
    due: datetime | None,
    extension: timedelta | None,
    *,
    replace_newer: bool,
    has_own_work: bool,
    others: Sequence[Member],
) -> Line:
    folder = submitted / student.id / unit.name
    notebook = choice.taken.notebook
    there = _there(folder, unit, notebook)
    taken, remarks = choice.taken, (*choice.remarks, *_beside(others))
    state, at, why = "collected", taken.handed_in, ""
    if there.path is not None:
        name, held = plain_line(there.path.name), there.data
        if held == taken.staged.read_bytes():
            state = "unchanged"
        elif has_own_work:
            why = f"submitted/ has a {name} of the student's own: a mate's does not replace it"
        elif replace_newer:
            state = "replaced"
        elif there.path.stat().st_mtime > (taken.member.time or 0.0):
            why = f"submitted/ has a newer {name}: it stays"
        elif taken.problem and Notebooks(unit).find(held, there.path.stem).is_sure:
            why = f"submitted/ has a {name} that can be read: it stays"
        else:
            state = "replaced"
    if why:
        state, remarks = "kept", (*remarks, why)
    if state in ("collected", "replaced"):
        _stamp(folder, taken)
        if taken.member.time is not None:
            os.utime(taken.staged, (taken.member.time, taken.member.time))
        # Somebody else of a group may have the same.
        shutil.copy2(taken.staged, taken.staged.with_suffix(".copy"))
        taken.staged.with_suffix(".copy").replace(folder / f"{notebook}.ipynb")
    elif state == "unchanged" and handed_in_at(student) is not None:
        # A roster that says when may come after the download.
        _stamp(folder, taken)
    elif there.timestamp is not None:
        at = there.timestamp.replace(tzinfo=UTC)
    late = _is_late(taken, at, due, extension)
    return Line(student, state, taken.shown, late, remarks, choice.unsure)


def _is_late(
    taken: Candidate, at: datetime | None, due: datetime | None, extension: timedelta | None
) -> bool | None:
    """What the platform says, or else the clock; None where neither is known. Of an extension that
    was granted here the platform does not know."""
    said = taken.owned.claim.late
    if said is not None and not (said and extension):
        return said
    return None if due is None or at is None else at > due + (extension or timedelta())


def _stamp(folder: Path, taken: Candidate) -> None:
    """Write when it was handed in, where that is known, as nbgrader reads it."""
    folder.mkdir(parents=True, exist_ok=True)
    stamp = folder / "timestamp.txt"
    if taken.handed_in is None:
        stamp.unlink(missing_ok=True)
        return
    text = f"{taken.handed_in:%Y-%m-%d %H:%M:%S} UTC\n"
    if not stamp.is_file() or stamp.read_text(encoding="utf-8", errors="replace") != text:
        write_text(stamp, text)
