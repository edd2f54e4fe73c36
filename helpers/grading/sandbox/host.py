"""The fork server: a process that has imported what notebooks import, and is forked for each.

It sees of the course a copy of what students have, `helpers` without its answers. How it is started
and confined is a `Launch`, made by a backend: `confined.py`, `unconfined.py`.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from helpers import parts
from helpers.grading.sandbox.backend import Files, Limits, SandboxError, ServerDied
from helpers.grading.sandbox.cgroup import divided
from helpers.grading.sandbox.inside import jail
from helpers.grading.sandbox.inside.fork_server import FILES

if TYPE_CHECKING:
    from helpers.grading.sandbox.process import StudentProcess

#: Imported before any fork where a unit imports nothing.
MODULES = ("numpy", "torch", "matplotlib.pyplot")

#: How a process ends that was killed, and how bubblewrap tells it of the one inside.
KILLED = ((os.CLD_KILLED, signal.SIGKILL), (os.CLD_EXITED, 128 + signal.SIGKILL))

#: Seconds that a fork server has to import what it imports: on a busy machine that takes a minute.
START = 300

#: Of the folders that are held by a lock. Those of earlier versions were called otherwise and had
#: none: such a grader may be at work beside this one.
_PREFIX = "course-server-"


@dataclass(frozen=True)
class Launch:
    """How a fork server is started.

    Attributes:
        command: what stands before Python's own command line.
        site: where, as it sees it, `helpers` and the code inside lie.
        home: the student's home, as it sees it.
        folder: where it is started.
        namespaces: whether each process that it forks gets namespaces of its own, and so ends with
            all that it started.
        problem: what to say where it cannot be started; {reason} is put in.
    """

    command: tuple[str, ...]
    site: str
    home: str
    folder: str
    namespaces: bool
    problem: str = "{reason}"


@dataclass(frozen=True)
class ForkBackend:
    """A backend of which the fork server is the server.

    Attributes:
        launch: given the folder in which `stage` has laid out what is shown, how it is started.
    """

    name: str
    launch: Callable[[Path], Launch]
    warning: str = ""

    def serve(
        self, modules: tuple[str, ...] = (), limits: Limits | None = None, files: Files = ()
    ) -> ForkServer:
        """Begin a fork server."""
        return ForkServer(self.launch, modules, limits or Limits(), files)


@dataclass(frozen=True)
class ForkClient:
    """Asks a fork server for processes. Can be handed to worker processes when they are started."""

    control: socket.socket
    limits: Limits
    namespaces: bool

    def start(self) -> StudentProcess:
        """A student's process of its own. Raises ServerDied when the fork server is gone."""
        # Here: the command line names the backends, and should not import NumPy for it.
        from helpers.grading.sandbox.process import StudentProcess

        ours, theirs = socket.socketpair()
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        told, tells = os.pipe()
        with theirs:
            try:
                socket.send_fds(self.control, [b"fork"], [theirs.fileno(), tells])
            except OSError as error:
                ours.close()
                os.close(told)
                raise ServerDied(f"the fork server is gone: {error}") from None
            finally:
                os.close(tells)
        return StudentProcess(ours, told, self.limits, self.namespaces)


class ForkServer:
    """A fork server, started at once and ready when `client` returns.

    Use it as a context manager, or call `close`: no process and no file of it is left behind.
    """

    def __init__(
        self,
        launch: Callable[[Path], Launch],
        modules: tuple[str, ...],
        limits: Limits,
        files: Files = (),
    ) -> None:
        self.limits = limits
        _sweep()
        divided()  # before any process is started: those are in the grader's own group
        self._folder, self._lock = _own_folder()
        self._ready = False
        self._control: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._pidfd = -1
        try:
            stage(self._folder, files)
            self._launch = launch(self._folder)
            self._start(tuple(dict.fromkeys(MODULES + modules)))
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> ForkServer:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    @property
    def pid(self) -> int:
        """Of the outermost process: with it all others end. ServerDied when it was closed."""
        if self._process is None:
            raise ServerDied("the fork server was ended")
        return self._process.pid

    def client(self, wait: bool = True) -> ForkClient:
        """What makes students' processes; waits until the server is ready, unless told not to.

        Raises SandboxError when it cannot be made, and ServerDied when it was closed.
        """
        if wait:
            self._wait()
        if self._control is None:
            raise ServerDied("the fork server was ended")
        return ForkClient(self._control, self.limits, self._launch.namespaces)

    def close(self) -> None:
        """End the fork server and every process forked from it."""
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._process is not None:
            # It ends when its socket is closed; a worker that is left may still hold that. While it
            # still imports, nobody has asked it for anything: a run that has nothing to grade.
            if self._ready:
                self._wait_for_end(2)
            # The whole group: where bubblewrap was killed early, a child of it waits for ever.
            with contextlib.suppress(OSError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None
        if self._pidfd >= 0:
            os.close(self._pidfd)
            self._pidfd = -1
        shutil.rmtree(self._folder, ignore_errors=True)
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def _start(self, modules: tuple[str, ...]) -> None:
        launch = self._launch
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control = ours
        options = {
            "modules": modules,
            "namespaces": launch.namespaces,
            "folder": launch.home,
            "limits": asdict(self.limits),
        }
        arguments = ("-m", "inside.fork_server", str(theirs.fileno()), json.dumps(options))
        with theirs, open(self._folder / "log", "wb") as log:
            self._process = subprocess.Popen(
                [*launch.command, sys.executable, *arguments],
                env=environment(launch.site, launch.home),
                cwd=launch.folder,
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=oom_first,
                start_new_session=True,
            )
        self._pidfd = os.pidfd_open(self._process.pid)

    def _wait(self) -> None:
        if self._ready or self._control is None:
            return
        # Until it speaks or ends: killed early, it may leave a child that holds the socket.
        spoke, *_ = select.select([self._control.fileno(), self._pidfd], [], [], START)
        try:
            answer = json.loads(self._control.recv(65536, socket.MSG_DONTWAIT) or b"{}")
        except (OSError, ValueError):
            answer = {}
        self._ready = "ready" in answer
        if not self._ready:
            if self._was_killed():
                self.close()
                raise ServerDied("the fork server was killed while it started")
            try:
                log_end = (self._folder / "log").read_bytes()[-300:].decode("utf-8", "replace")
            except FileNotFoundError:
                self.close()
                raise ServerDied(f"somebody removed {self._folder} while it was in use") from None
            silent = "no reason given" if spoke else f"it did not start in {START} s"
            reason = answer.get("error") or " ".join(log_end.split()) or silent
            self.close()
            raise SandboxError(self._launch.problem.format(reason=reason))

    def _was_killed(self) -> bool:
        if not self._wait_for_end(2):
            return False
        # It is not taken from the table of processes yet: `close` needs its number.
        end = os.waitid(os.P_PIDFD, self._pidfd, os.WEXITED | os.WNOWAIT)
        return end is not None and (end.si_code, end.si_status) in KILLED

    def _wait_for_end(self, seconds: float) -> bool:
        """Whether it ends in time."""
        return bool(select.select([self._pidfd], [], [], seconds)[0])


def _own_folder() -> tuple[Path, int]:
    """A new folder, and the lock on it, which ends with this process. It has its name only when
    it is locked, so nobody sweeps it before."""
    made = tempfile.mkdtemp(prefix=f".{_PREFIX}")
    lock = os.open(made, os.O_RDONLY | os.O_CLOEXEC)
    # Where a file system has no locks, nobody can sweep either.
    with contextlib.suppress(OSError):
        fcntl.flock(lock, fcntl.LOCK_EX)
    unique = made.rpartition(_PREFIX)[2]
    folder = Path(made).with_name(f"{_PREFIX}{os.getpid()}-{unique}")
    os.rename(made, folder)
    return folder, lock


def _sweep() -> None:
    """Remove the folders of graders that were killed: those that nobody holds. Of whom they are
    says no number, as another container that shares the folder has numbers of its own."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            lock = os.open(folder, os.O_RDONLY | os.O_CLOEXEC | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                if os.fstat(lock).st_uid == os.getuid():
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(lock)


def stage(folder: Path, files: Files = ()) -> None:
    """Put into `folder` what the sandbox shows of the course: what students have, with the `files`
    of the unit, and the code that runs in there."""
    course = folder / "course"
    visible = course / "helpers"
    for path in [Path("__init__.py"), *parts.files(students=True)]:
        (visible / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(parts.PACKAGE / path, visible / path)
    inside = Path(jail.__file__).parent
    shutil.copytree(inside, course / "inside", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.move(course / "inside" / "check_stub.py", visible / "check.py")
    for name, data in files:
        path = course / FILES / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    (folder / "home").mkdir()
    # An unprivileged user inside has to read it.
    for path in [folder, *folder.rglob("*")]:
        read_only = path.is_relative_to(course / FILES)
        path.chmod(0o755 if path.is_dir() else 0o444 if read_only else 0o644)


def environment(site: str, home: str) -> dict[str, str]:
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
