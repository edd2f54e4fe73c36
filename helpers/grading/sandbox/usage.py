"""What a process of this machine takes, as /proc says, and how long it may still take."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from pathlib import Path

#: Seconds that a request may take beyond its limit, where the process had to wait for a processor:
#: what others keep the processors busy with must not cost it an answer.
MOST_WAITING = 60.0


class OutOfTime(Exception):
    """A deadline is over."""


class Deadline:
    """An end to a wait, put off by as long as the process could have run and had no processor."""

    def __init__(
        self,
        seconds: float,
        waited: Callable[[], float],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`waited` gives how many seconds the process has waited since it began."""
        self._waited, self._clock = waited, clock
        self._before = waited()
        self._end = clock() + seconds

    @property
    def lacked_processor(self) -> bool:
        """Whether the process waited longer than the end can be put off."""
        return self._waited() - self._before >= MOST_WAITING

    def left(self) -> float:
        """Seconds until then. Raises OutOfTime behind it."""
        left = self._end - self._clock()
        if left <= 0:
            left += min(self._waited() - self._before, MOST_WAITING)
        if left <= 0:
            raise OutOfTime
        return left


def family(pid: int) -> tuple[list[Path], int]:
    """A process and its descendants, by their folders in /proc, and how many threads they have."""
    folders, threads, todo = [], 0, [Path(f"/proc/{pid}")]
    while todo:
        folder = todo.pop()
        with contextlib.suppress(OSError):
            tasks = list((folder / "task").iterdir())
            for task in tasks:
                children = (task / "children").read_text().split()
                todo += [Path(f"/proc/{child}") for child in children]
            threads += len(tasks)
            folders.append(folder)
    return folders, threads


def resident(folder: Path) -> int:
    """Bytes in memory, and those put out to swap; 0 when the process is gone."""
    with contextlib.suppress(OSError):
        lines = (folder / "status").read_text().splitlines()
        sizes = [line.split()[1] for line in lines if line.startswith(("VmRSS:", "VmSwap:"))]
        return sum(map(int, sizes)) * 1024
    return 0


def proportional(folder: Path) -> int:
    """The same, but of what it shares with others its share only. Takes milliseconds."""
    with contextlib.suppress(OSError):
        lines = (folder / "smaps_rollup").read_text().splitlines()
        sizes = [line.split()[1] for line in lines if line.startswith(("Pss:", "SwapPss:"))]
        return sum(map(int, sizes)) * 1024
    return resident(folder)
