"""Students' code in bubblewrap: the system and the Python environment read-only, of the course a
copy of what students have. No network, no home, no course folder.
"""

from __future__ import annotations

import os
import sys
import sysconfig
from pathlib import Path

from helpers import parts
from helpers.grading.sandbox import bubblewrap
from helpers.grading.sandbox.host import ForkBackend, Launch, environment
from helpers.grading.sandbox.inside import jail

NOT_MADE = "the sandbox could not be made ({reason}): `course doctor` says what this machine lacks"

#: Of a Python installation or environment.
IN_AN_ENVIRONMENT = ("bin", "lib", "lib32", "lib64", "libexec", "pyvenv.cfg")
#: Where, inside, the course and the student's home are.
COURSE, HOME = "/course", "/home/student"


def launch(folder: Path) -> Launch:
    """A fork server in bubblewrap. Raises SandboxError where none works."""
    program, course = bubblewrap.find().program, folder / "course"
    command = (program, *bubblewrap.separation(), *_mounted(course), *_variables(), "--")
    return Launch(command, COURSE, HOME, "/", namespaces=True, problem=NOT_MADE)


def _mounted(course: Path) -> list[str]:
    """What it sees: in this order, as a later mount covers an earlier one."""
    options: list[str] = []
    for path in shown():
        # bubblewrap makes missing parents readable by root alone.
        for parent in reversed(Path(path).parents[:-1]):
            options += ["--dir", str(parent)]
        options += ["--ro-bind", path, path]
    for name in ("bin", "sbin", "lib", "lib32", "lib64", "libx32"):
        if os.path.islink(f"/{name}"):
            options += ["--symlink", os.readlink(f"/{name}"), f"/{name}"]
        elif os.path.isdir(f"/{name}"):
            options += ["--ro-bind", f"/{name}", f"/{name}"]
    for path in ("/etc/ld.so.cache", "/etc/ld.so.conf.d", "/etc/alternatives", "/etc/fonts"):
        options += ["--ro-bind-try", path, path]
    # A shared mapping of /dev/zero is memory that no limit counts.
    options += ["--dev", "/dev", "--dev-bind", "/dev/null", "/dev/zero"]
    for path in _installed_helpers():
        options += ["--tmpfs", path]
    options += ["--ro-bind", str(course), COURSE]
    options += ["--dir", "/home"]
    for path in jail.SCRATCH:
        options += ["--tmpfs", path]
    return [*options, "--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/"]


def _variables() -> list[str]:
    options: list[str] = []
    for name, value in environment(COURSE, HOME).items():
        options += ["--setenv", name, value]
    return options


def shown() -> list[str]:
    """The system, and of the Python installation and its environment what a program needs of them:
    beside that may lie a course. None of them inside another."""
    paths = [Path("/usr")]
    for place in (sys.base_prefix, sys.prefix, Path(sys.executable).resolve().parent.parent):
        paths += [Path(place, name) for name in IN_AN_ENVIRONMENT]
    paths += [Path(sysconfig.get_path(name)) for name in ("stdlib", "purelib", "platlib")]
    paths = [Path(os.path.abspath(path)) for path in paths if Path(path).exists()]
    keep: list[Path] = []
    for path in sorted(set(paths), key=lambda path: len(path.parts)):
        if not any(path.is_relative_to(other) for other in keep):
            keep.append(path)
    return [str(path) for path in keep]


def refuse_shown(course: Path) -> None:
    """ValueError where students' code would see a course's solutions and gradebook."""
    course = course.resolve()
    for folder in shown():
        if course.is_relative_to(Path(folder).resolve()):
            raise ValueError(
                f"the course lies in {folder}, which students' code sees as part of Python or of "
                "the system: move it to a folder of its own"
            )


def _installed_helpers() -> list[str]:
    """Where `helpers` lies inside what the sandbox shows, so that it can be covered."""
    candidates = {parts.PACKAGE}
    candidates |= {Path(sysconfig.get_path(name)) / "helpers" for name in ("purelib", "platlib")}
    places = [Path(path) for path in shown()]
    return sorted(
        str(path)
        for path in candidates
        if path.is_dir() and any(path.is_relative_to(folder) for folder in places)
    )


CONFINED = ForkBackend("bwrap", launch)
