"""Reads what a course platform gives: a zip, a tar, or a folder, file by file.

No name in it decides where something is written: a name that could lead elsewhere, a link or a
device is a member with a problem, and its bytes are never read. Sizes are bounded by what is read,
not by what the archive says.
"""

from __future__ import annotations

import lzma
import os
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import IO

from helpers.grading.handin.ipynb import MAX_NOTEBOOK_BYTES

MAX_MEMBERS = 100_000
MAX_TOTAL_BYTES = 2 * 1024**3
#: What systems and editors leave beside the files that a person sees.
_DEBRIS = {"__MACOSX", ".ipynb_checkpoints", ".DS_Store", "Thumbs.db"}


@dataclass(frozen=True)
class Member:
    """A file of a download.

    Attributes:
        path: inside the download, as it is written there.
        data: a notebook's bytes; none of other files.
        problem: why there are no bytes; empty where there are.
        time: seconds since 1970 when it was last changed, as the download has it.
    """

    path: str
    data: bytes = b""
    problem: str = ""
    time: float | None = None

    @property
    def parts(self) -> tuple[str, ...]:
        return PurePosixPath(self.path).parts or ("?",)


def read_members(download: Path) -> Iterator[Member]:
    """Every file of a zip, tar or folder; the bytes of notebooks only.

    Raises ValueError, in one line, for what is none of them or holds too much.
    """
    if not download.exists():
        raise ValueError(f"{download}: there is no such file or folder")
    total = 0
    try:
        members = _folder(download) if download.is_dir() else _archive(download)
        for number, member in enumerate(members):
            if number >= MAX_MEMBERS:
                raise ValueError(f"{download.name} holds more than {MAX_MEMBERS} files")
            total += len(member.data)
            if total > MAX_TOTAL_BYTES:
                raise ValueError(f"{download.name} holds more than {MAX_TOTAL_BYTES >> 30} GiB")
            if not _DEBRIS.intersection(member.parts) and not member.parts[-1].startswith("._"):
                yield member
    except (
        zipfile.BadZipFile,
        tarfile.TarError,
        zlib.error,
        lzma.LZMAError,
        EOFError,
        RuntimeError,  # encrypted, or packed in a way that is not known
        OSError,
    ) as error:
        raise ValueError(
            f"{download.name} cannot be read as an archive ({error}): "
            "give the zip as it was downloaded, or a folder"
        ) from None


def _member(path: str, time: float | None, source: IO[bytes] | None) -> Member:
    """A plain file; `source` is closed."""
    if source is None:
        return Member(path or "?", problem="it is a link or no plain file", time=time)
    with source:
        parts = PurePosixPath(path).parts
        # A backslash separates folders where the file may be opened next.
        if not parts or path.startswith("/") or ".." in parts or "\\" in path or "\0" in path:
            return Member(path or "?", problem="its name leads elsewhere", time=time)
        if not path.lower().endswith(".ipynb"):
            return Member(path, problem="it is no notebook", time=time)
        data = source.read(MAX_NOTEBOOK_BYTES + 1)
        if len(data) > MAX_NOTEBOOK_BYTES:
            return Member(path, problem="it is too large for a notebook", time=time)
        return Member(path, data, time=time)


def _folder(folder: Path) -> Iterator[Member]:
    for place, folders, files in os.walk(folder, followlinks=False):
        folders.sort()
        for name in sorted(files):
            file = Path(place, name)
            plain = file.is_file() and not file.is_symlink()
            time = file.stat().st_mtime if plain else None
            inside = file.relative_to(folder).as_posix()
            yield _member(inside, time, file.open("rb") if plain else None)


def _archive(archive: Path) -> Iterator[Member]:
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as file:
            for entry in file.infolist():
                # The upper half of the attributes is a Unix mode; 0xA is a symbolic link.
                is_link = entry.external_attr >> 28 == 0xA
                if entry.filename and not entry.is_dir():
                    time = None
                    with suppress(ValueError):
                        time = datetime(*entry.date_time).timestamp()
                    yield _member(entry.filename, time, None if is_link else file.open(entry))
        return
    if not tarfile.is_tarfile(archive):
        raise tarfile.ReadError("neither zip nor tar")
    skipped = 0
    with tarfile.open(archive) as tar:
        for member in tar:
            # What is passed over is unpacked too: here the size that the archive says decides.
            skipped += member.size
            if skipped > MAX_TOTAL_BYTES:
                raise ValueError(f"{archive.name} holds more than {MAX_TOTAL_BYTES >> 30} GiB")
            if not member.isdir():
                plain = tar.extractfile(member) if member.isfile() else None
                yield _member(member.name, float(member.mtime), plain)
