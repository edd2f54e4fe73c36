"""Processes that this one has started, by /proc, and no others of the machine."""

from __future__ import annotations

import contextlib
import ctypes
from collections.abc import Iterator
from pathlib import Path

_PR_SET_CHILD_SUBREAPER = 36


def children_of(process: int) -> list[int]:
    """Those that a process, any thread of it, has started itself."""
    return [
        int(child)
        for task in Path(f"/proc/{process}/task").iterdir()
        for child in (task / "children").read_text().split()
    ]


def descendants_of(process: int) -> set[int]:
    """Those, and what they have started. What ends meanwhile may be missing."""
    found: set[int] = set()
    todo = [process]
    while todo:
        with contextlib.suppress(OSError):
            children = children_of(todo.pop())
            found.update(children)
            todo += children
    return found


@contextlib.contextmanager
def adopting_orphans() -> Iterator[None]:
    """What is left of a process that ended becomes a child of this one, where it can be found."""
    libc = ctypes.CDLL(None)
    libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    try:
        yield
    finally:
        libc.prctl(_PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)
