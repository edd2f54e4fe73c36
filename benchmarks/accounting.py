"""Runs a command and accounts for it and all of its processes: time, processor time, memory."""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
import resource
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Done:
    """A command that has ended."""

    output: str
    seconds: float
    cpu: float
    memory: float


def run(command: list[str], folder: Path, environment: dict[str, str]) -> Done:
    """Run a command and account for it and all of its processes."""
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        before, start = _children_cpu(), time.monotonic()
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=output, stderr=errors
        )
        peak, over = [0.0], threading.Event()
        watcher = threading.Thread(target=_watch, args=(process.pid, peak, over))
        watcher.start()
        _, status = os.waitpid(process.pid, 0)
        seconds = time.monotonic() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        _wait_for_orphans()
        cpu = _children_cpu() - before
        over.set()
        watcher.join()
        output.seek(0)
        errors.seek(0)
        if process.returncode not in (0, 3):
            print(errors.read()[-3000:], file=sys.stderr)
            raise SystemExit(f"{' '.join(command[:5])} ended with {process.returncode}")
        return Done(output.read(), seconds, cpu, peak[0])


def _children_cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _wait_for_orphans() -> None:
    with contextlib.suppress(ChildProcessError):
        while True:
            os.wait()


def _watch(process: int, peak: list[float], over: threading.Event) -> None:
    while not over.wait(1.0):
        peak[0] = max(peak[0], _memory(process))


def _memory(process: int) -> float:
    """MiB of a process and its descendants."""
    total, todo = 0, [process]
    while todo:
        folder = Path(f"/proc/{todo.pop()}")
        try:
            for line in (folder / "smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1])
            for task in (folder / "task").iterdir():
                todo += [int(child) for child in (task / "children").read_text().split()]
        except OSError:
            continue
    return total / 1024


def adopt_orphans() -> None:
    """Have what a run leaves behind counted here."""
    adopt = 36  # PR_SET_CHILD_SUBREAPER
    ctypes.CDLL(None).prctl(adopt, 1, 0, 0, 0)


def machine() -> str:
    model = next(
        (
            line.split(":")[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    return f"{model}, {os.cpu_count()} cores"
