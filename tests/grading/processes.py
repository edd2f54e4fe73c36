"""Processes that this one has started, by /proc, and no others of the machine."""

from __future__ import annotations

import contextlib
import ctypes
import time
from collections.abc import Iterable, Iterator
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


def is_running(process: int) -> bool:
    """Whether it is there and has not ended; what nobody has waited for stays in /proc."""
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def still_running(processes: Iterable[int], seconds: float = 30.0) -> set[int]:
    """Those that have not ended some time later: what was told to end needs a moment."""
    until = time.monotonic() + seconds
    left = set(filter(is_running, processes))
    while left and time.monotonic() < until:
        time.sleep(0.05)
        left = set(filter(is_running, left))
    return left


@contextlib.contextmanager
def adopting_orphans() -> Iterator[None]:
    """What is left of a process that ended becomes a child of this one, where it can be found."""
    libc = ctypes.CDLL(None)
    libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    try:
        yield
    finally:
        libc.prctl(_PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)
