"""What students' processes take, watched from the fork server, which nothing keeps busy: not what
a grader does meanwhile with what they print.

Processes are counted with all that descend from them. Open files are, too: what waits in a socket
is memory of the kernel's, which belongs to no process.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

#: Seconds between looks.
EVERY = 0.05
#: Files that a student's processes may have open, together.
MAX_FILES = 1024
#: What was too much, as the grader is told.
MEMORY, PROCESSES, FILES = b"\0M", b"\0P", b"\0F"


class Watched:
    """One student's process.

    Attributes:
        excess: what it took too much of; empty while it took nothing.
    """

    def __init__(self, pid: int, limits: dict[str, int]) -> None:
        """`pid` as it stands in this process's /proc."""
        self.pid, self._limits = pid, limits
        # What it shares with the fork server, from which it comes.
        self._memory = limits["memory"] + resident(Path(f"/proc/{pid}"))
        self.excess = b""

    def look(self) -> bytes:
        """What it takes too much of, if it does."""
        members, threads = family(self.pid)
        # Forks fail at the limit, so nobody gets beyond it.
        if threads >= self._limits["processes"]:
            self.excess = PROCESSES
        # What is shared counts in full at first, which is quick and never too little.
        elif sum(map(resident, members)) > self._memory < sum(map(proportional, members)):
            self.excess = MEMORY
        elif sum(map(open_files, members)) > MAX_FILES:
            self.excess = FILES
        return self.excess


def open_files(folder: Path) -> int:
    """How many files a process has open; 0 where it does not let anybody see."""
    with contextlib.suppress(OSError):
        return len(os.listdir(folder / "fd"))
    return 0


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
