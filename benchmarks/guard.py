"""Runs a grader with attacks in its class where nothing that they do hurts this machine.

The whole run is in bubblewrap: processes, network and temporary folders of its own, every file but
those of its folder read-only, no root. A control group bounds its memory and its processes; only
root can make one here, and without one `bounded` is False.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

#: Of control groups of version 1, and what bounds what.
TREE = Path("/sys/fs/cgroup")
MEMORY, PROCESSES, SHARES = "memory.limit_in_bytes", "pids.max", "cpu.shares"
#: The share of the processors, where somebody else wants them, too: of so many processes.
SHARE = 4


@dataclass(frozen=True)
class Ended:
    """A run that is over.

    Attributes:
        in_time: whether it ended by itself.
    """

    output: str
    seconds: float
    in_time: bool
    status: int


@dataclass(frozen=True)
class Guard:
    """What a run may take.

    Attributes:
        user: who it runs as, where this is root.
        memory: bytes.
        processes: processes and threads.
        as_root: for a grader that makes users of its own, which keeps students from being root.
    """

    user: str = "nobody"
    memory: int = 3 * 2**30
    processes: int = 200
    as_root: bool = False

    @property
    def bounded(self) -> bool:
        """Whether memory and processes can be bounded here."""
        with contextlib.suppress(OSError), groups(self.memory, self.processes):
            return True
        return False

    def run(
        self, command: list[str], folder: Path, variables: dict[str, str], seconds: float
    ) -> Ended:
        """A command in a folder, the one place where it can write; ended after so many seconds."""
        who = pwd.getpwnam(self.user) if os.getuid() == 0 and not self.as_root else None
        if who is not None:
            for path in [folder, *folder.rglob("*")]:
                os.chown(path, who.pw_uid, who.pw_gid, follow_symlinks=False)
        with contextlib.ExitStack() as stack:
            entered: list[Path] = []
            with contextlib.suppress(OSError):
                entered = stack.enter_context(groups(self.memory, self.processes))

            def enter() -> None:
                for group in entered:
                    (group / "cgroup.procs").write_text(str(os.getpid()))
                if who is not None:
                    os.setgroups([])
                    os.setgid(who.pw_gid)
                    os.setuid(who.pw_uid)

            log = stack.enter_context(open(folder.with_name(f"{folder.name}.log"), "w+"))
            begun = time.monotonic()
            process = subprocess.Popen(
                [*_walls(folder, self.as_root), *command],
                env=variables,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                preexec_fn=enter,
                start_new_session=True,
            )
            try:
                process.wait(seconds)
                in_time = True
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                in_time = False
            took = time.monotonic() - begun
            log.seek(0)
            return Ended(log.read(), took, in_time, process.returncode)


def _walls(folder: Path, as_root: bool) -> list[str]:
    """The command line of bubblewrap."""
    program = shutil.which("bwrap")
    if program is None:
        raise SystemExit("bubblewrap is needed, so that attacks hurt nothing here")
    return [
        *(program, "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc"),
        *("--tmpfs", "/tmp", "--tmpfs", "/run", "--bind", str(folder), str(folder)),
        *(("--cap-add", "ALL") if as_root else ("--unshare-user",)),
        *("--unshare-pid", "--unshare-net", "--unshare-ipc"),
        *("--die-with-parent", "--new-session", "--chdir", str(folder), "--"),
    ]


@contextlib.contextmanager
def groups(memory: int, processes: int = 0) -> Iterator[list[Path]]:
    """Control groups with these bounds, below those that this process is in; they end with the
    block, and so does what is in them. OSError where none can be made."""
    made: list[Path] = []
    bounds = {"memory": (MEMORY, memory), "pids": (PROCESSES, processes)}
    if processes:
        bounds["cpu"] = (SHARES, 1024 * SHARE)
    try:
        for name, (file, bound) in bounds.items():
            if bound:
                group = _own(name) / f"course-benchmark-{os.getpid()}"
                group.mkdir()
                made.append(group)
                (group / file).write_text(str(bound))
        yield made
    finally:
        for group in made:
            _end(group)


def _own(controller: str) -> Path:
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, names, path = line.split(":", 2)
        if controller in names.split(","):
            return TREE / controller / path.lstrip("/")
    raise FileNotFoundError(f"no control group of {controller}")


def _end(group: Path) -> None:
    for _ in range(100):
        for number in (group / "cgroup.procs").read_text().split():
            with contextlib.suppress(OSError):
                os.kill(int(number), signal.SIGKILL)
        with contextlib.suppress(OSError):
            group.rmdir()
            return
        time.sleep(0.05)
