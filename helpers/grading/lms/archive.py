"""Reads what a course platform gives: a zip, a tar, or a folder, file by file.

What a student sent as a zip is looked into as well, and a zip in it; a notebook that a browser or a
phone has called `.ipynb.txt` or `.json` is one. No name decides where something is written: a name
that could lead elsewhere, a link or a device is a member with a problem, and its bytes are never
read. Sizes are bounded by what is read, not by what the archive says.
"""

from __future__ import annotations

import io
import lzma
import os
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO

from helpers.grading.handin.ipynb import MAX_NOTEBOOK_BYTES

NO_NOTEBOOK = "it is no notebook"
COPY_OF_JUPYTER = "a copy that Jupyter made by itself"
MAX_MEMBERS = 100_000
MAX_TOTAL_BYTES = 2 * 1024**3
#: Of a student's own zip.
MAX_INNER_MEMBERS = 1000
#: What systems and editors leave beside the files that a person sees.
_CHECKPOINTS = ".ipynb_checkpoints"
_DEBRIS = {"__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini", ".git"}
#: A time that an archive states may be anything; nothing was handed in outside of these years.
_TIMES = (datetime(1980, 1, 1).timestamp(), datetime(2200, 1, 1).timestamp())
#: What a notebook may be called.
_NOTEBOOKS = (".ipynb", ".ipynb.txt", ".json")
#: How a zip begins that holds something.
_ZIP = b"PK\x03\x04"
_UNREADABLE = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    NotImplementedError,  # packed in a way that is not known
    RuntimeError,  # encrypted
    ValueError,
    OSError,
)


@dataclass(frozen=True)
class Member:
    """A file of a download.

    Attributes:
        path: in the download, as it is written there.
        data: a notebook's bytes; none of other files.
        problem: why there are no bytes; empty where there are.
        time: seconds since 1970 when it was last changed, as the download has it.
        inside: in the student's own zip, where `path` is one.
    """

    path: str
    data: bytes = b""
    problem: str = ""
    time: float | None = None
    inside: str = ""

    @property
    def shown(self) -> str:
        """Where the file is, for people."""
        return f"{self.path}/{self.inside}" if self.inside else self.path


def read_members(download: Path, sidecars: Collection[str] = ()) -> Iterator[Member]:
    """Every file of a zip, tar or folder; the bytes of notebooks, and of files called as a sidecar.

    Raises ValueError, in one line, for what is none of them or holds too much.
    """
    if not download.exists():
        raise ValueError(f"{download}: there is no such file or folder")
    total = 0
    try:
        files = _folder(download) if download.is_dir() else _archive(download)
        members = (member for file in files for member in _members(file, sidecars))
        for number, member in enumerate(members):
            if number >= MAX_MEMBERS:
                raise _TooMuch(f"{download.name} holds more than {MAX_MEMBERS} files")
            total += len(member.data)
            if total > MAX_TOTAL_BYTES:
                raise _TooMuch(f"{download.name} holds more than {MAX_TOTAL_BYTES >> 30} GiB")
            yield member
    except _TooMuch:
        raise
    except _UNREADABLE as error:
        raise ValueError(
            f"{download.name} cannot be read as an archive ({error}): "
            "download it again, and give the zip as it comes, or a folder"
        ) from None


class _TooMuch(ValueError):
    """More than is read of one download."""


@dataclass(frozen=True)
class _File:
    """A file that was not opened yet; None where it is a link or no plain file."""

    path: str
    time: float | None
    open: Callable[[], IO[bytes]] | None


def _members(file: _File, sidecars: Collection[str]) -> Iterator[Member]:
    """What a file of the download is; what is in it, where it is a zip of a student."""
    path, parts = file.path, PurePosixPath(file.path).parts
    time = file.time if file.time is not None and _TIMES[0] < file.time < _TIMES[1] else None
    if _DEBRIS.intersection(parts) or (parts and parts[-1].startswith("._")):
        return
    if file.open is None:
        yield Member(path or "?", problem="it is a link or no plain file", time=time)
        return
    # A backslash separates folders where the file may be opened next.
    if not parts or path.startswith("/") or ".." in parts or "\\" in path or "\0" in path:
        yield Member(path or "?", problem="its name leads elsewhere", time=time)
        return
    if _CHECKPOINTS in parts:
        yield Member(path, problem=COPY_OF_JUPYTER, time=time)
        return
    may_be_notebook = path.lower().endswith(_NOTEBOOKS)
    is_zip = path.lower().endswith(".zip")
    if not (may_be_notebook or is_zip or parts[-1] in sidecars):
        yield Member(path, problem=NO_NOTEBOOK, time=time)
        return
    try:
        with file.open() as source:
            data = source.read(MAX_NOTEBOOK_BYTES + 1)
    except _UNREADABLE as error:
        yield Member(path, problem=f"it cannot be read ({error})", time=time)
        return
    if len(data) > MAX_NOTEBOOK_BYTES:
        yield Member(path, problem="it is too large for a notebook", time=time)
    elif is_zip:
        yield from _zipped_by_a_student(path, time, data)
    elif may_be_notebook and not _is_notebook(path, data):
        yield Member(path, problem=NO_NOTEBOOK, time=time)
    else:
        yield Member(path, data, time=time)


def _is_notebook(name: str, data: bytes) -> bool:
    """Whether a file that is called like one is one; what says so itself is not looked at."""
    return name.lower().endswith(".ipynb") or b'"cells"' in data


def _zipped_by_a_student(path: str, time: float | None, data: bytes) -> Iterator[Member]:
    """The notebooks in it; where there is none, or it cannot be read, the zip itself, as none."""
    try:
        found, others = _inner(path, time, data, "")
    except _UNREADABLE as error:
        yield Member(path, problem=f"it cannot be read ({error})", time=time)
        return
    yield from found or (others[:1] or [Member(path, problem=NO_NOTEBOOK, time=time)])


def _inner(
    path: str, time: float | None, data: bytes, around: str
) -> tuple[list[Member], list[Member]]:
    """The notebooks of a student's zip and of the zips in it; the copies that Jupyter made."""
    found, copies = [], []
    with zipfile.ZipFile(io.BytesIO(data)) as inner:
        entries = [each for each in inner.infolist() if not each.is_dir()]
        fitting = [each for each in entries if _may_hold_notebook(each.filename, not around)]
        for entry in fitting[:MAX_INNER_MEMBERS]:
            name = f"{around}{entry.filename}"
            if _CHECKPOINTS in PurePosixPath(entry.filename).parts:
                copies.append(Member(path, b"", COPY_OF_JUPYTER, time, name))
                continue
            with inner.open(entry) as source:
                content = source.read(MAX_NOTEBOOK_BYTES + 1)
            if len(content) > MAX_NOTEBOOK_BYTES:
                found.append(Member(path, b"", "it is too large for a notebook", time, name))
            elif entry.filename.lower().endswith(".zip"):
                deeper = _inner(path, time, content, f"{name}/")
                found += deeper[0]
                copies += deeper[1]
            elif _is_notebook(entry.filename, content):
                found.append(Member(path, content, "", time, name))
    if len(fitting) > MAX_INNER_MEMBERS:
        many = f"of its {len(fitting)} notebooks only {MAX_INNER_MEMBERS} were read"
        found.append(Member(path, problem=many, time=time))
    return found, copies


def _may_hold_notebook(name: str, also_zip: bool) -> bool:
    parts = PurePosixPath(name).parts
    if not parts or _DEBRIS.intersection(parts) or parts[-1].startswith("._"):
        return False
    return name.lower().endswith((*_NOTEBOOKS, ".zip") if also_zip else _NOTEBOOKS)


def _folder(folder: Path) -> Iterator[_File]:
    for place, folders, files in os.walk(folder, followlinks=False):
        folders.sort()
        for name in sorted(files):
            file = Path(place, name)
            plain = file.is_file() and not file.is_symlink()
            time = file.stat().st_mtime if plain else None
            opened = partial(_open, file) if plain else None
            yield _File(file.relative_to(folder).as_posix(), time, opened)


def _open(file: Path) -> IO[bytes]:
    return file.open("rb")


def _archive(archive: Path) -> Iterator[_File]:
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as file:
            if min((entry.header_offset for entry in file.infolist()), default=0) > 0:
                # Of a download that was cut off, a student's zip in it can be read as the whole.
                raise zipfile.BadZipFile("it does not begin with its first file: was it cut off?")
            for entry in file.infolist():
                # The upper half of the attributes is a Unix mode; 0xA is a symbolic link.
                is_link = entry.external_attr >> 28 == 0xA
                if entry.filename and not entry.is_dir():
                    time = None
                    with suppress(ValueError, OverflowError):
                        time = datetime(*entry.date_time).timestamp()
                    opened = None if is_link else partial(file.open, entry)
                    yield _File(entry.filename, time, opened)
        return
    if not tarfile.is_tarfile(archive):
        with archive.open("rb") as file:
            cut_off = file.read(len(_ZIP)) == _ZIP
        why = "the zip ends too early: was it cut off?" if cut_off else "neither zip nor tar"
        raise tarfile.ReadError(why)
    skipped = 0
    with tarfile.open(archive) as tar:
        for member in tar:
            # What is passed over is unpacked too: here the size that the archive says decides.
            skipped += member.size
            if skipped > MAX_TOTAL_BYTES:
                raise _TooMuch(f"{archive.name} holds more than {MAX_TOTAL_BYTES >> 30} GiB")
            if not member.isdir():
                opened = partial(_extract, tar, member) if member.isfile() else None
                yield _File(member.name, float(member.mtime), opened)
        # What is packed is held against its checksum at its very end, behind that of the tar.
        rest = 0
        while tar.fileobj is not None and (read := len(tar.fileobj.read(1 << 20))):
            rest += read
            if rest > MAX_TOTAL_BYTES:
                raise _TooMuch(f"{archive.name} holds more than {MAX_TOTAL_BYTES >> 30} GiB")


def _extract(tar: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    source = tar.extractfile(member)
    if source is None:
        raise tarfile.ReadError("it is no plain file")
    return source
