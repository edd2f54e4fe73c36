"""Takes handed-in notebooks out of an archive: one folder a student, as course platforms give it.

Only the bytes of notebooks are taken. No name in the archive decides where something is written:
the first folder of a path must be a plain student id, and links, devices and other files are left
alone. Sizes are bounded by what is read, not by what the archive says.
"""

from __future__ import annotations

import io
import re
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from helpers.grading.notebook import MAX_NOTEBOOK_BYTES

MAX_MEMBERS = 100_000
MAX_TOTAL_BYTES = 2 * 1024**3
STUDENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,120}\Z")


def collect(
    archive: Path, course: Path, unit: str, notebook_name: str
) -> tuple[list[str], list[str]]:
    """Put each student's notebook into submitted/STUDENT/UNIT/; earlier ones are replaced.

    Returns the students, and one line for each member that was left out. Raises ValueError, before
    anything is written, when the file is no archive or holds too much.
    """
    found: dict[str, tuple[str, bytes]] = {}
    left_out: list[str] = []
    for name, data, problem in _members(archive):
        parts = PurePosixPath(name).parts
        if not problem and (len(parts) < 2 or not STUDENT.match(parts[0]) or ".." in parts):
            problem = "it is in no student's folder"
        if problem:
            left_out.append(f"{name[:200]!r}: {problem}")
            continue
        # Several notebooks of one student: the one of the right name, or else the last.
        if parts[0] not in found or parts[-1] == f"{notebook_name}.ipynb":
            found[parts[0]] = (parts[-1], data)
    for student, (_, data) in found.items():
        folder = course / "submitted" / student / unit
        if folder.is_symlink() or folder.parent.is_symlink():
            raise ValueError(f"{folder} is a link: it would be followed out of the course")
        folder.mkdir(parents=True, exist_ok=True)
        unfinished = folder / f".{notebook_name}.unfinished"
        unfinished.write_bytes(data)
        unfinished.replace(folder / f"{notebook_name}.ipynb")
    return sorted(found), left_out


def _members(archive: Path) -> Iterator[tuple[str, bytes, str]]:
    """Name and bytes of every notebook in an archive, or what is wrong with it."""
    total = 0
    try:
        for number, (name, read) in enumerate(_open(archive)):
            if number >= MAX_MEMBERS:
                raise ValueError(f"{archive.name} holds more than {MAX_MEMBERS} files")
            if not name.endswith(".ipynb") or "__MACOSX" in name:
                continue
            if read is None:
                yield name, b"", "it is a link or no plain file"
                continue
            data = read.read(MAX_NOTEBOOK_BYTES + 1)
            total += len(data)
            if total > MAX_TOTAL_BYTES:
                raise ValueError(f"{archive.name} holds more than {MAX_TOTAL_BYTES >> 30} GiB")
            yield name, data, "" if len(data) <= MAX_NOTEBOOK_BYTES else "it is too large"
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, RuntimeError, OSError) as error:
        raise ValueError(f"{archive.name} cannot be read as an archive: {error}") from None


def _open(archive: Path) -> Iterator[tuple[str, io.BufferedIOBase | None]]:
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as file:
            for entry in file.infolist():
                # The upper half of the attributes is a Unix mode; 0xA is a symbolic link.
                is_link = entry.external_attr >> 28 == 0xA
                if not entry.is_dir():
                    yield entry.filename, None if is_link else file.open(entry)  # type: ignore[misc]
    else:
        with tarfile.open(archive) as tar:
            for member in tar:
                if not member.isdir():
                    yield member.name, tar.extractfile(member) if member.isfile() else None  # type: ignore[misc]
