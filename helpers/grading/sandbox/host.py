"""Starts the warm process that student processes are forked from, inside bubblewrap.

It sees the system and the Python environment read-only, and of the course a copy of what students
have: `helpers` without its answers. No network, no home, no course folder.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from helpers import parts
from helpers.grading.sandbox import bubblewrap
from helpers.grading.sandbox.bubblewrap import SandboxError
from helpers.grading.sandbox.inside import jail

Mode = Literal["bwrap", "none"]

#: Imported before any fork where a unit imports nothing.
MODULES = ("numpy", "torch", "matplotlib.pyplot")

NOT_MADE = "the sandbox could not be made ({reason}): `course doctor` says what this machine lacks"

#: How a process ends that was killed, and how bubblewrap tells it of the one inside.
KILLED = (-signal.SIGKILL, 128 + signal.SIGKILL)

MiB = 1024 * 1024
_PREFIX = "course-sandbox-"


class WarmDied(SandboxError):
    """The warm process was there and is gone; another can be made."""


@dataclass(frozen=True)
class Limits:
    """What one student's process may take, children included: bytes, and a number of processes
    and threads."""

    memory: int = 4096 * MiB
    file: int = 64 * MiB
    scratch: int = 128 * MiB
    processes: int = 64


@dataclass(frozen=True)
class Forks:
    """Asks a warm process for forks. Can be handed to worker processes when they are started."""

    control: socket.socket
    limits: Limits
    mode: Mode

    def fork(self) -> socket.socket:
        """A connected socket whose other end is served by a process of its own.

        Raises WarmDied when the warm process is gone.
        """
        ours, theirs = socket.socketpair()
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        with theirs:
            try:
                socket.send_fds(self.control, [b"fork"], [theirs.fileno()])
            except OSError as error:
                ours.close()
                raise WarmDied(f"the warm process is gone: {error}") from None
        return ours


class Warm:
    """A warm process, started at once and ready when `forks` returns.

    Use it as a context manager, or call `close`: no process and no file of it is left behind.
    """

    def __init__(
        self,
        modules: tuple[str, ...] = (),
        mode: Mode = "bwrap",
        limits: Limits | None = None,
    ) -> None:
        self.limits = limits or Limits()
        self.mode = mode
        _sweep()
        self._folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-"))
        self._ready = False
        self._control: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        try:
            self._start(tuple(dict.fromkeys(MODULES + modules)))
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Warm:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def forks(self, wait: bool = True) -> Forks:
        """What makes student processes; waits until the warm process is ready, unless told not to.

        Raises SandboxError when it cannot be made, and WarmDied when it was closed.
        """
        if wait:
            self._wait()
        if self._control is None:
            raise WarmDied("the warm process was ended")
        return Forks(self._control, self.limits, self.mode)

    def close(self) -> None:
        """End the warm process and every process forked from it."""
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._process is not None:
            # It ends when its socket is closed; a worker that is left may still hold that.
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(2)
            self._process.kill()
            self._process.wait()
            self._process = None
        shutil.rmtree(self._folder, ignore_errors=True)

    def _start(self, modules: tuple[str, ...]) -> None:
        stage(self._folder)
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control = ours
        confined = self.mode == "bwrap"
        site = "/course" if confined else str(self._folder / "course")
        home = "/home/student" if confined else str(self._folder / "home")
        options = {
            "modules": modules,
            "namespaces": confined,
            "folder": home,
            "limits": asdict(self.limits),
        }
        python = [
            sys.executable,
            "-m",
            "inside.fork_server",
            str(theirs.fileno()),
            json.dumps(options),
        ]
        with theirs, open(self._folder / "log", "wb") as log:
            self._process = subprocess.Popen(
                [*(bwrap(self._folder, _environment(site, home)) if confined else []), *python],
                env=_environment(site, home),
                cwd="/" if confined else home,
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=oom_first,
            )

    def _wait(self) -> None:
        if self._ready or self._control is None:
            return
        self._control.settimeout(120)
        try:
            answer = json.loads(self._control.recv(65536) or b"{}")
        except (OSError, ValueError):
            answer = {}
        self._control.settimeout(None)
        self._ready = "ready" in answer
        if not self._ready:
            if self._was_killed():
                self.close()
                raise WarmDied("the warm process was killed while it started")
            log_end = (self._folder / "log").read_bytes()[-300:].decode("utf-8", "replace")
            reason = answer.get("error") or " ".join(log_end.split()) or "no reason given"
            self.close()
            raise SandboxError(NOT_MADE.format(reason=reason) if self.mode == "bwrap" else reason)

    def _was_killed(self) -> bool:
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self._process is not None and self._process.wait(2) in KILLED
        return False


def _sweep() -> None:
    """Remove the folders of graders that were killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError, ValueError):
            owner = int(folder.name.removeprefix(_PREFIX).split("-")[0])
            if folder.lstat().st_uid == os.getuid() and not Path(f"/proc/{owner}").exists():
                shutil.rmtree(folder, ignore_errors=True)


def stage(folder: Path) -> None:
    """Put into `folder` what the sandbox shows of the course: what students have, and the code
    that runs in there."""
    course = folder / "course"
    visible = course / "helpers"
    for path in [Path("__init__.py"), *parts.files(students=True)]:
        (visible / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(parts.PACKAGE / path, visible / path)
    inside = Path(jail.__file__).parent
    shutil.copytree(inside, course / "inside", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.move(course / "inside" / "check_stub.py", visible / "check.py")
    (folder / "home").mkdir()
    # An unprivileged user inside has to read it.
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)


def bwrap(folder: Path, environment: dict[str, str]) -> list[str]:
    """The bubblewrap command line. Raises SandboxError where none works."""
    command = [bubblewrap.find().program, *bubblewrap.separation()]
    for path in _system_folders():
        # bubblewrap makes missing parents readable by root alone.
        for parent in reversed(Path(path).parents[:-1]):
            command += ["--dir", str(parent)]
        command += ["--ro-bind", path, path]
    for name in ("bin", "sbin", "lib", "lib32", "lib64", "libx32"):
        if os.path.islink(f"/{name}"):
            command += ["--symlink", os.readlink(f"/{name}"), f"/{name}"]
        elif os.path.isdir(f"/{name}"):
            command += ["--ro-bind", f"/{name}", f"/{name}"]
    for path in ("/etc/ld.so.cache", "/etc/ld.so.conf.d", "/etc/alternatives", "/etc/fonts"):
        command += ["--ro-bind-try", path, path]
    # A shared mapping of /dev/zero is memory that no limit counts.
    command += ["--dev", "/dev", "--dev-bind", "/dev/null", "/dev/zero"]
    for path in _installed_helpers():
        command += ["--tmpfs", path]
    command += ["--ro-bind", str(folder / "course"), "/course"]
    command += ["--dir", "/home"]
    for path in jail.SCRATCH:
        command += ["--tmpfs", path]
    for name, value in environment.items():
        command += ["--setenv", name, value]
    return [*command, "--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/", "--"]


def _system_folders() -> list[str]:
    """The system, the Python installation and its environment; none of them inside another."""
    paths = [Path("/usr"), Path(sys.base_prefix), Path(sys.prefix)]
    paths += [Path(sysconfig.get_path(name)) for name in ("stdlib", "purelib", "platlib")]
    paths += [Path(sys.executable).resolve().parent.parent]
    paths = [Path(os.path.abspath(path)) for path in paths]
    keep: list[Path] = []
    for path in sorted(set(paths), key=lambda path: len(path.parts)):
        if not any(path.is_relative_to(other) for other in keep):
            keep.append(path)
    return [str(path) for path in keep]


def _installed_helpers() -> list[str]:
    """Where `helpers` lies inside what the sandbox shows, so that it can be covered."""
    candidates = {parts.PACKAGE}
    candidates |= {Path(sysconfig.get_path(name)) / "helpers" for name in ("purelib", "platlib")}
    shown = [Path(path) for path in _system_folders()]
    return sorted(
        str(path)
        for path in candidates
        if path.is_dir() and any(path.is_relative_to(folder) for folder in shown)
    )


def _environment(site: str, home: str) -> dict[str, str]:
    """What the student's process finds in its environment, and nothing of the grader's."""
    threads = {
        f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "NUMBA")
    }
    return {
        "PATH": f"{sys.prefix}/bin:/usr/local/bin:/usr/bin:/bin",
        "HOME": home,
        "TMPDIR": "/tmp" if "/tmp" in jail.SCRATCH else home,
        "LANG": "C.UTF-8",
        "PYTHONPATH": site,
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONNOUSERSITE": "1",
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "MPLCONFIGDIR": f"{home}/.matplotlib",
        "IPYTHONDIR": f"{home}/.ipython",
        "JPY_PARENT_PID": "1",
        "NBGRADER_EXECUTION": "autograde",
        "CUDA_VISIBLE_DEVICES": "",
        "NUMBA_CACHE_DIR": f"{home}/.numba",
        **threads,
    }


def oom_first() -> None:
    """Where the machine runs out of memory, it is a student's process that has to end."""
    die_with_parent()
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")


def die_with_parent() -> None:
    """Have this process killed when the one that started it ends, however that ends."""
    with contextlib.suppress(Exception):
        ctypes.CDLL(None).prctl(1, 9, 0, 0, 0)
