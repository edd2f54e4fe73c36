"""A class on a machine of 3 GB, with greedy submissions: writes benchmarks/results/pressure.md.

    python benchmarks/pressure.py

Thirty sheets of the homework are graded three times on two workers: as they are, with ten of them
greedy within a control group (version 1; root can make one) that has 3 GiB for the whole
run, and once more as they are. What the others earn has to be the same, question by question.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import accounting
import graders
import guard

RESULTS = graders.ROOT / "benchmarks" / "results" / "pressure.md"
GIB = 2**30
#: Ways to take memory. Each holds what it has for a second or two, so that others have less.
GREEDY = {
    "a list that grows until nothing more is to be had": """
hoard = []
try:
    while True: hoard.append(bytearray(b"x" * (1 << 25)))
except MemoryError: pass
time.sleep(1)""",
    "an array as large as can be": """
import numpy
for size in range(40, 20, -1):
    try:
        hoard = numpy.ones(2**size, "u1")
        break
    except MemoryError: pass
time.sleep(1)""",
    "eight processes that grow": """
for _ in range(8):
    if os.fork() == 0:
        hoard = []
        while True:
            hoard.append(bytearray(b"x" * (1 << 24)))
            time.sleep(0.02)
time.sleep(2)""",
    "files in memory": """
for folder in ("/tmp", "/dev/shm", os.path.expanduser("~")):
    try:
        with open(f"{folder}/hoard", "wb") as file:
            while True: file.write(b"x" * (1 << 20))
    except OSError: pass
time.sleep(1)""",
    "sockets filled by many processes": """
import socket
for _ in range(10):
    if os.fork() == 0:
        kept = []
        while True:
            try:
                one, other = socket.socketpair()
                one.setblocking(False)
                kept.append((one, other))
                while one.send(b"x" * 65536): pass
            except BlockingIOError: continue
            except OSError: time.sleep(100)
time.sleep(2)""",
}


@dataclass(frozen=True)
class Graded:
    """One run.

    Attributes:
        scores: by student and question.
        own: seconds that each one's own code took.
        peak: bytes at most, where a control group has counted them.
        kills: processes that the kernel ended for want of memory.
    """

    what: str
    seconds: float
    scores: dict[str, dict[str, float]]
    remarks: dict[str, list[str]]
    statuses: dict[str, str]
    own: dict[str, float]
    peak: int = 0
    kills: int = 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--students", type=int, default=30)
    parser.add_argument("--greedy", type=int, default=10)
    parser.add_argument("--memory", type=float, default=3.0, help="GiB for the whole run")
    options = parser.parse_args()
    secret = os.urandom(32).hex()
    greedy = [f"s{number:04d}" for number in range(1, options.students, 3)][: options.greedy]
    runs = []
    with tempfile.TemporaryDirectory(prefix="course-pressure-") as folder:
        for what, memory, some in (
            ("undisturbed", 0, []),
            ("greedy", int(options.memory * GIB), greedy),
            ("undisturbed, again", 0, []),
        ):
            course = graders.make_course(Path(folder, what[-5:]), options.students, secret)
            for number, student in enumerate(some):
                _make_greedy(course / "submitted" / student, list(GREEDY.values())[number % 5])
            runs.append(_grade(what, course, memory))
            print(f"{what}: {runs[-1].seconds:.1f} s", flush=True)
    RESULTS.write_text(report(options.students, greedy, options.memory, runs))


def _make_greedy(folder: Path, cell: str) -> None:
    """A cell before a sheet's first answer."""
    path = folder / graders.UNIT / f"{graders.UNIT}.ipynb"
    notebook = json.loads(path.read_text())
    cells = notebook["cells"]
    marks = [each["metadata"].get("nbgrader", {}) for each in cells]
    first = next(at for at, each in enumerate(marks) if each.get("solution"))
    code = {"cell_type": "code", "id": "greedy", "metadata": {}, "outputs": []}
    cells.insert(first, {**code, "execution_count": None, "source": f"import os, time\n{cell}"})
    path.write_text(json.dumps(notebook))


def _grade(what: str, course: Path, memory: int) -> Graded:
    command = [sys.executable, "-m", "helpers.cli", "grade", graders.UNIT, "--json"]
    command += ["--jobs", "2", "--course", str(course)]
    begun = time.monotonic()
    if not memory:
        done = subprocess.run(command, env=graders.ENVIRONMENT, capture_output=True, text=True)
        return _graded(what, time.monotonic() - begun, done.stdout + done.stderr)
    with guard.groups(memory) as (group,):

        def enter() -> None:
            (group / "cgroup.procs").write_text(str(os.getpid()))

        done = subprocess.run(
            command, env=graders.ENVIRONMENT, capture_output=True, text=True, preexec_fn=enter
        )
        seconds = time.monotonic() - begun
        peak = int((group / "memory.max_usage_in_bytes").read_text())
        said = (group / "memory.oom_control").read_text()
        kills = re.search(r"^oom_kill (\d+)", said, re.MULTILINE)
        return _graded(what, seconds, done.stdout, peak, int(kills[1]) if kills else 0)


def _graded(what: str, seconds: float, said: str, peak: int = 0, kills: int = 0) -> Graded:
    if "{" not in said:
        raise SystemExit(f"{what}: {said[-2000:]}")
    submissions = json.loads(said[said.index("{") :])["submissions"]
    return Graded(
        what,
        seconds,
        {each["student"]: _scores(each) for each in submissions},
        {each["student"]: each["remarks"] for each in submissions},
        {each["student"]: each["status"] for each in submissions},
        {each["student"]: each["student_seconds"] for each in submissions},
        peak,
        kills,
    )


def _scores(submission: dict[str, list[dict[str, float]]]) -> dict[str, float]:
    return {str(each["grade_id"]): each["score"] for each in submission["scores"]}


def report(students: int, greedy: list[str], memory: float, runs: list[Graded]) -> str:
    """The results as Markdown."""
    before, under, after = runs
    honest = [student for student in before.scores if student not in greedy]
    same = [student for student in honest if under.scores.get(student) == before.scores[student]]
    usual = (before.seconds + after.seconds) / 2
    greed = sum(under.own.get(student, 0.0) for student in greedy) / 2
    lines = [
        "# A class under pressure",
        "",
        f"{accounting.machine()}, {date.today().isoformat()}; written by `benchmarks/pressure.py`. "
        f"{students} sheets of the homework on two workers, {len(greedy)} of them greedy, in "
        f"{memory:g} GiB for the whole run. Load of the machine when this was written: "
        f"{os.getloadavg()[1]:.1f} (5 minutes).",
        "",
        f"**{len(same)} of {len(honest)}** others have the marks of an undisturbed run, question "
        f"by question. The run took **{under.seconds / usual:.2f} times** as long; without what "
        f"the greedy ones' own code took on two workers, {greed:.0f} s, "
        f"{(under.seconds - greed) / usual:.2f} times.",
        "",
        "| run | s | peak GiB | ended by the kernel | for a person |",
        "|---|---|---|---|---|",
    ]
    for run in runs:
        waiting = [who for who, status in run.statuses.items() if status != "graded"]
        others = [who for who in waiting if who in honest]
        peak = f"{run.peak / GIB:.2f}" if run.peak else "not counted"
        lines.append(
            f"| {run.what} | {run.seconds:.1f} | {peak} | {run.kills if run.peak else ''} "
            f"| {len(waiting)}, of whom {len(others)} are not greedy |"
        )
    lines += ["", "## What the greedy got", ""]
    for number, student in enumerate(greedy):
        kind = list(GREEDY)[number % len(GREEDY)]
        said = "; ".join(under.remarks.get(student, ["not graded"])) or "nothing said"
        lines.append(f"- {kind}: {said}")
    for student in honest:
        if student not in same:
            lines.append(f"- {student} differs: {under.remarks.get(student)}")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
