"""One run at a time: two would write and remove each other's files."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def only_run(folder: Path, what: str) -> Iterator[None]:
    """Hold the lock of a folder, in which nothing is written for it; it ends with the process,
    however that ends. ValueError, in one line that says `what` goes on, where it is held.

    A file system that knows no locks on folders (NFS) has none.
    """
    number = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        with contextlib.suppress(OSError):
            try:
                fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise ValueError(
                    f"{what} already, by another process: run this again when that is done"
                ) from None
        yield
    finally:
        os.close(number)
