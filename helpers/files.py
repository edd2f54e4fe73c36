"""A file written whole or not at all: whoever reads it finds the old one or the new one."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

#: What is in a folder: each file's path below it, and its bytes.
Files = tuple[tuple[str, bytes], ...]


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Gives the path of a file to write, beside `path`; it takes the place of `path` when the
    block has succeeded, and is removed when it has not. Makes the folder where there is none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        yield unfinished
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def refuse_path(path: Path) -> None:
    """ValueError where `path` cannot be a new file: a folder, or in none that exists."""
    if path.is_dir() or not path.parent.is_dir():
        raise ValueError(f"{path} cannot be written: name a file in a folder that exists")


def remove_unfinished(path: Path) -> None:
    """Remove what killed processes left of `replacing(path)`. For the only one who writes it."""
    for stale in path.parent.glob(f".{path.name}.*"):
        stale.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a file of text, in UTF-8."""
    with replacing(path) as unfinished:
        unfinished.write_text(text, encoding="utf-8")


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file of anything."""
    with replacing(path) as unfinished:
        unfinished.write_bytes(data)


def create_secret(path: Path, text: str) -> None:
    """Make a file that its owner alone may read, and have it on the disk when this returns.

    Where two do it at once, or the file is there, the first one's stays.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    unfinished.unlink(missing_ok=True)
    try:
        number = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(number, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(number)
        with contextlib.suppress(FileExistsError):
            os.link(unfinished, path)
        _sync_folder(path.parent)
    finally:
        unfinished.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """Have a folder's list of names on the disk: a file without its name is lost."""
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
