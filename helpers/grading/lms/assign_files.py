"""What a download holds: each file read, and given to the student whose it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from helpers.authoring.notebooks import Unit
from helpers.grading.handin.ipynb import read_notebook
from helpers.grading.handin.markup import plain_line
from helpers.grading.handin.times import MAX_TIMESTAMP_BYTES, parse_timestamp
from helpers.grading.lms.archive import COPY_OF_JUPYTER, NO_NOTEBOOK, Member, read_members
from helpers.grading.lms.candidates import Candidate, Contents
from helpers.grading.lms.notebooks import Notebooks
from helpers.grading.lms.owners import Owners, may_say, shared_folders
from helpers.grading.lms.platform import Student
from helpers.grading.lms.registry import PLATFORMS
from helpers.grading.lms.roster import handed_in_at

#: What a platform writes itself on what was handed in.
BY_PLATFORM = "the platform's own text"
#: Notebooks of other units in a download from which on it may be theirs.
MANY = 3
#: How nbgrader says when a student handed in, beside the notebook.
_TIMESTAMP = "timestamp.txt"


def read_contents(
    download: Path,
    unit: Unit,
    students: Sequence[Student],
    staging: Path,
    *,
    numbers_are_current: bool,
) -> Contents:
    """Lay out every notebook of the unit, by student."""
    found = Contents()
    named = {platform.sidecar for platform in PLATFORMS} - {""}
    staged: list[tuple[Member, Path]] = []
    for number, member in enumerate(read_members(download, {*named, _TIMESTAMP})):
        file = staging / f"{number}.ipynb"
        if not member.problem:
            file.write_bytes(member.data)
        # Its bytes are in the file now.
        staged.append((replace(member, data=b""), file))
    paths = [PurePosixPath(member.path) for member, _ in staged if not _leads_elsewhere(member)]
    shared = PurePosixPath(*shared_folders(paths))
    sidecars: dict[PurePosixPath, bytes] = {}
    stamps: dict[PurePosixPath, datetime | None] = {}
    notebooks: list[tuple[Member, Path]] = []
    for member, file in staged:
        path = PurePosixPath(member.path)
        if member.problem or path.name not in (*named, _TIMESTAMP):
            notebooks.append((member, file))
        elif path.name == _TIMESTAMP and path.parent.name == unit.name:
            stamps[path.parent] = _time_in(file)
        elif path.name in named and shared.is_relative_to(path.parent) and may_say(path):
            sidecars[path] = file.read_bytes()
        else:
            # One that lies deeper can be of a student's making.
            notebooks.append((replace(member, problem=NO_NOTEBOOK), file))
    owners = Owners(students, paths, sidecars, numbers_are_current)
    books = Notebooks(unit)
    released = {name: _sources(unit.path("release", name)) for name in unit.notebooks}
    for member, file in notebooks:
        stamp = stamps.get(PurePosixPath(member.path).parent)
        _sort_in(found, owners, books, member, file, released, stamp)
    _refuse_unsure_among_others(found, unit)
    return found


def _refuse_unsure_among_others(found: Contents, unit: Unit) -> None:
    """Where a class's download is of another unit, what does not say its unit is of that one."""
    candidates = [each for several in found.candidates.values() for each in several]
    if found.of_other_units >= MANY and all(each.problem for each in candidates):
        why = f"it may be of another unit: nothing beside it is of {unit.name}"
        found.leave_out(list(found.candidates), lambda each: True, why)


def _time_in(file: Path) -> datetime | None:
    with file.open("rb") as opened:
        return parse_timestamp(opened.read(MAX_TIMESTAMP_BYTES).decode("utf-8", "replace"))


def _leads_elsewhere(member: Member) -> bool:
    parts = PurePosixPath(member.path).parts
    return not parts or ".." in parts or member.path.startswith("/")


def _sort_in(
    found: Contents,
    owners: Owners,
    books: Notebooks,
    member: Member,
    file: Path,
    released: Mapping[str, list[str] | None],
    stamp: datetime | None,
) -> None:
    """Put a file of the download to the students whose it is, or to what is left out."""
    shown = plain_line(member.shown)
    if member.problem not in ("", NO_NOTEBOOK, COPY_OF_JUPYTER):
        found.left_out.append((shown, member.problem))
        return
    owned = owners.find(PurePosixPath(member.path))
    if member.problem:
        if owned.claim.platform and not owned.claim.file:
            member = replace(member, problem=BY_PLATFORM)
        for owner in owned.students:
            found.students.setdefault(owner.id, owner)
            found.others.setdefault(owner.id, []).append(member)
        if not owned.students and member.problem == NO_NOTEBOOK:
            found.left_out.append((shown, f"{member.problem}, and {owned.problem}"))
        return
    book = books.find(file.read_bytes(), PurePosixPath(member.shown).stem)
    if book.other:
        found.of_other_units += 1
        found.left_out.append((shown, book.other))
        return
    if owned.problem:
        found.left_out.append((shown, _why_nobodys(member, owned.problem)))
    as_released = released[book.name]
    untouched = as_released is not None and _sources(file) == as_released
    for owner in owned.students:
        at = handed_in_at(owner) or owned.claim.handed_in
        if at is None and not owned.claim.platform:
            at = stamp or (member.time and datetime.fromtimestamp(member.time, UTC)) or None
        found.students.setdefault(owner.id, owner)
        candidate = Candidate(member, owned, file, book.problem, untouched, at, notebook=book.name)
        found.candidates.setdefault(owner.id, []).append(candidate)


def _why_nobodys(member: Member, problem: str) -> str:
    if not member.inside:
        return problem
    return f"{problem}; if {plain_line(member.path)} is a whole download, collect it by itself"


def _sources(notebook: Path) -> list[str] | None:
    """The texts of its cells; None where it is none."""
    try:
        cells = read_notebook(notebook.read_bytes())["cells"]
    except (OSError, ValueError):
        return None
    return [str(cell["source"]) for cell in cells]
