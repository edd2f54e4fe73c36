"""What memory there is to run students' code in, and how many may run at once."""

from __future__ import annotations

import contextlib
import os
from dataclasses import replace
from pathlib import Path

from helpers.grading.sandbox.backend import Limits, MiB
from helpers.grading.sandbox.cgroup import own_group

#: What the grader's own processes take.
OWN = 1024 * MiB
#: What a student's process mostly stays below; one that takes more ends none but itself, or is
#: graded again alone.
EACH = 1024 * MiB
#: No limit is lower: importing torch takes that much.
LEAST = 512 * MiB


def memory() -> tuple[int, int]:
    """Bytes that this machine, or the container around this process, has in all and free."""
    lines = Path("/proc/meminfo").read_text().splitlines()
    kib = {name: int(rest.split()[0]) for name, rest in (line.split(":") for line in lines)}
    total, free = kib["MemTotal"] * 1024, kib["MemAvailable"] * 1024
    for most, used in _groups():
        total, free = min(total, most), min(free, most - used)
    return total, max(0, free)


def _groups() -> list[tuple[int, int]]:
    """The limit and the use of each control group around this process that has a limit."""
    found = []
    files = []
    for controller, limited, in_use in (
        ("", "memory.max", "memory.current"),
        ("memory", "memory.limit_in_bytes", "memory.usage_in_bytes"),
    ):
        own = own_group(controller=controller)
        around = [own, *own.parents] if own is not None else []
        files += [(each / limited, each / in_use) for each in around]
    for limit, use in files:
        with contextlib.suppress(OSError, ValueError):  # no such file, or "max"
            used = int(use.read_text()) - _given_back(limit.with_name("memory.stat"))
            found.append((int(limit.read_text()), used))
    return found


def _given_back(stat: Path) -> int:
    """Bytes of files that a group keeps in memory while nobody needs that."""
    values = dict(line.split() for line in stat.read_text().splitlines())
    return int(values.get("total_inactive_file", values.get("inactive_file", 0)))


def workers_that_fit(free: int) -> int:
    """How many students' processes may run at once: one for each core, if there is memory."""
    return max(1, min(len(os.sched_getaffinity(0)), (free - OWN) // EACH))


def that_fits(limits: Limits, total: int) -> Limits:
    """The limits, of memory not more than the machine has beside the grader."""
    return replace(limits, memory=min(limits.memory, max(LEAST, total - OWN)))
