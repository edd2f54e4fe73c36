"""`course feedback UNIT --to PLATFORM`: the pages in one zip, called as the platform takes them."""

from __future__ import annotations

import zipfile
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from helpers.files import replacing
from helpers.grading.lms.origins import Origin, read_origins
from helpers.grading.lms.platform import Student
from helpers.grading.lms.registry import PLATFORMS
from helpers.grading.lms.roster import is_own, students_of

#: Those that take files back for a whole class.
TAKERS = {each.name: each for each in PLATFORMS if each.takes_feedback}


def zip_feedback(
    course: Path,
    unit: str,
    to: str,
    pages: Mapping[str, Sequence[Path]],
    output: Path | None = None,
    roster: Path | None = None,
) -> tuple[list[str], bool]:
    """Write UNIT-feedback-TO.zip; returns lines for people, the first about the file, and whether
    every page is in it.

    Args:
        to: a name of TAKERS.
        pages: by student's id.
        roster: the platform's own list for this unit, for who was not collected from it.

    Who hands in as a group on the platform gets one page. ValueError, in one line and with nothing
    written, for another platform, a file that cannot be read, or where no page could go in.
    """
    refuse_other(to)
    known = read_origins(course, unit)
    if roster is not None and not is_own(course, roster):
        known = _of_roster(to, students_of(course, roster)) | known
    named: dict[str, tuple[str, Path]] = {}
    without, shared = [], []
    for student, files in sorted(pages.items()):
        for page in files:
            name = _name(known.get(student), to, page.name)
            if not name:
                without.append(student)
            elif name in named:
                shared.append(f"{student} ({named[name][0]}'s)")
            else:
                named[name] = student, page
    if not named:
        raise ValueError(
            f"no page of {unit} could go back to {to}: its names for students and files come with "
            f"its download, so collect {unit} from it first"
        )
    path = output or Path(f"{unit}-feedback-{to}.zip")
    with replacing(path) as unfinished, zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED) as z:
        for name, (_, page) in named.items():
            z.write(page, name)
    lines = [f"{len(named)} pages in {path}: {TAKERS[to].takes_feedback}"]
    if shared:
        lines.append(f"one page for all of a group, as {to} knows it: {', '.join(shared)}")
    lines += _elsewhere(to, list(dict.fromkeys(without)), known)
    return lines, not without


def _elsewhere(to: str, without: Sequence[str], known: Mapping[str, Origin]) -> list[str]:
    """Who is not in the zip: those of other platforms counted, those of none by their names."""
    platforms = {name: known[name].platform for name in without if name in known}
    lines = []
    if counts := Counter(platform for platform in platforms.values() if platform != to):
        said = ", ".join(f"{count} from {name}" for name, count in counts.most_common())
        lines.append(f"NOT in it, as collected from elsewhere: {said}")
    if unknown := [name for name in without if platforms.get(name, to) == to]:
        lines.append(f"NOT in it, as not collected from {to}: {', '.join(unknown)}")
    return lines


def refuse_other(platform: str) -> None:
    """ValueError for a platform that takes no pages."""
    if platform not in TAKERS:
        raise ValueError(f"--to {platform}: pages go back to {', '.join(TAKERS)}")


def _name(origin: Origin | None, platform: str, file: str) -> str:
    if origin is None or origin.platform != platform:
        return ""
    return TAKERS[platform].feedback_name(origin, file)


def _of_roster(platform: str, students: Sequence[Student]) -> dict[str, Origin]:
    """What a list of the platform's own says of students."""
    column = TAKERS[platform].number
    return {
        student.id: Origin(platform, student.name, student.ids[column])
        for student in students
        if student.ids.get(column)
    }
