"""A control group (cgroup v2) for each student's process, where this grader may make some.

What a group holds is all memory, that of sockets, pipes and temporary files included, which no
resource limit counts. Groups can be made where this process is alone in a group that is its own to
divide: in a container with a writable tree, or after

    systemd-run --user --scope -p Delegate=yes course grade …

A group that is divided holds no process itself, so the grader moves into one below it.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from helpers.grading.sandbox.backend import Limits

#: What the grader's own group is called, below the one that it divides.
GRADER = "course-grader"
CONTROLLERS = ("memory", "pids")
_numbers = itertools.count()


@functools.cache
def divided() -> Path | None:
    """The group in which students' groups are made; None where that cannot be."""
    own = own_group()
    return divide(own, os.getpid()) if own is not None else None


def own_group(mounts: str = "", groups: str = "", controller: str = "") -> Path | None:
    """This process's group, by what /proc says: in the version 2 tree, or in the one of version 1
    that a controller has. None where it has none."""
    with contextlib.suppress(OSError):
        mounts = mounts or Path("/proc/self/mountinfo").read_text()
        groups = groups or Path("/proc/self/cgroup").read_text()
    own = [path for names, path in _of(groups) if controller in names]
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        kind, _, options = after.partition(" ")
        is_it = kind == "cgroup" and controller in re.split("[ ,]", options)
        if is_it if controller else kind == "cgroup2":
            root, place = before.split(" ")[3:5]
            if own and (root == "/" or Path(own[0]).is_relative_to(root)):
                return Path(place, os.path.relpath(own[0], root))
    return None


def _of(groups: str) -> Iterator[tuple[list[str], str]]:
    """The controllers and the path of each line of /proc/self/cgroup; version 2 has none."""
    for line in groups.splitlines():
        _, names, path = line.split(":", 2)
        yield names.split(","), path


def divide(own: Path, pid: int) -> Path | None:
    """Divide a group in which a process is, alone; None, and as before, where that cannot be."""
    try:
        if own.name == GRADER:
            # A worker: its coordinator has done it.
            return own.parent if _has(own.parent / "cgroup.subtree_control") else None
        if not _has(own / "cgroup.controllers"):
            return None
        inner = own / GRADER
        inner.mkdir(exist_ok=True)
    except OSError:
        return None
    try:
        (inner / "cgroup.procs").write_text(str(pid))
        (own / "cgroup.subtree_control").write_text(" ".join(f"+{name}" for name in CONTROLLERS))
    except OSError:
        # Somebody else is in it, or it is not ours.
        with contextlib.suppress(OSError):
            (own / "cgroup.procs").write_text(str(pid))
            inner.rmdir()
        return None
    return own


def _has(file: Path) -> bool:
    return set(CONTROLLERS) <= set(file.read_text().split())


@dataclass(frozen=True)
class StudentGroup:
    """The group of one student's process and of all that it starts."""

    folder: Path

    @classmethod
    def make(cls, parent: Path, pid: int, limits: Limits) -> StudentGroup | None:
        """A group with a process in it; None where the system does not let it be made."""
        group = cls(parent / f"student-{os.getpid()}-{next(_numbers)}")
        settings = {
            "memory.max": str(limits.memory),
            "memory.oom.group": "1",
            "pids.max": str(limits.processes),
            "cgroup.procs": str(pid),
        }
        try:
            group.folder.mkdir()
            with contextlib.suppress(OSError):  # where nothing is put out to swap
                (group.folder / "memory.swap.max").write_text("0")
            for name, value in settings.items():
                (group.folder / name).write_text(value)
        except OSError:
            group.close()
            return None
        return group

    @property
    def ran_out(self) -> bool:
        """Whether it reached its own limit of memory, so that the kernel ended it."""
        with contextlib.suppress(OSError):
            lines = (self.folder / "memory.events.local").read_text().splitlines()
            return any(line.startswith("oom ") and line != "oom 0" for line in lines)
        return False

    def close(self) -> None:
        """End what is left in it, and remove it."""
        with contextlib.suppress(OSError):
            (self.folder / "cgroup.kill").write_text("1")
        for _ in range(20):
            try:
                self.folder.rmdir()
            except FileNotFoundError:
                return
            except OSError:  # something in it has not ended yet
                time.sleep(0.05)
            else:
                return


def protection() -> str:
    """How memory is counted here, for people."""
    return "a control group for each student" if divided() else "watched process by process"
