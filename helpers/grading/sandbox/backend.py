"""What the engine needs of a place where students' code runs, and what it may raise.

A backend is a file beside this one and a line in `registry.py`. Its server is started once for a
run; a client of it, which can be handed to worker processes, starts a process for each notebook.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from helpers.files import Files

MiB = 1024 * 1024

Outputs = list[dict[str, Any]]


class SandboxError(ValueError):
    """The sandbox cannot be made; the message says what to install or allow."""


class ServerDied(SandboxError):
    """What starts the processes was there and is gone; another can be made."""


#: The kind of a StudentError where the code raised nothing, and what it returned cannot be read.
UNREADABLE = "UnreadableAnswer"


class StudentError(Exception):
    """The student's code raised.

    Attributes:
        kind: the name of the exception's type.
        base: the name of Python's own type that this is, or comes from; empty where it is not said.
    """

    def __init__(self, kind: str, message: str, base: str = "") -> None:
        super().__init__(f"{kind}: {message}" if message else kind)
        self.kind, self.message, self.base = kind, message, base


class ProcessDied(Exception):
    """The student's process ended, or was ended; the message says why.

    Attributes:
        timed_out: whether it was ended because it took too long.
        disturbed: what the machine did to it, so that its end says nothing of the answer; empty
            where it did nothing.
        outputs: of the cell that it ran, so far.
    """

    #: A student has no word in the message.
    said_by_grader = True

    def __init__(self, reason: str, timed_out: bool = False, disturbed: str = "") -> None:
        super().__init__(reason)
        self.timed_out, self.disturbed = timed_out, disturbed
        self.outputs: Outputs = []


class CallTimeout(TimeoutError):
    """A cell or call took longer than it may, but the process came back when interrupted.

    Attributes:
        disturbed: as of `ProcessDied`.
        outputs: of the cell that it ran, so far.
    """

    said_by_grader = True

    def __init__(self, reason: str, disturbed: str = "") -> None:
        super().__init__(reason)
        self.disturbed = disturbed
        self.outputs: Outputs = []


@dataclass(frozen=True)
class Limits:
    """What one student's process may take, children included: bytes, and a number of processes
    and threads."""

    memory: int = 4096 * MiB
    file: int = 64 * MiB
    scratch: int = 128 * MiB
    processes: int = 64


@dataclass(frozen=True)
class CellRun:
    """What came of a code cell."""

    outputs: Outputs
    execution_count: int | None
    error: str | None


class Process(Protocol):
    """One student's process: runs cells, and answers for what they define.

    Of bubblewrap's sandbox it is `process.StudentProcess`, started by way of `host.py`.
    """

    def run(self, code: str, timeout: float, muted: bool = False, brief: bool = False) -> CellRun:
        """Run a code cell. Its own exceptions are in its outputs, where it is `brief` without their
        tracebacks, which take longer than most cells; where it is `muted` it has none.

        Raises ProcessDied and CallTimeout, with the outputs so far.
        """

    def get(self, name: str, timeout: float) -> Any:
        """The value of a global name as plain data, or a `Function`. KeyError where there is
        none."""

    def call(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], timeout: float) -> Any:
        """What the student's function returns, as plain data. Raises StudentError."""

    def close(self) -> None:
        """End it and all that it started, and wait until that is gone."""


class Client(Protocol):
    """Starts students' processes. Can be given to a worker process when that is started."""

    def start(self) -> Process:
        """A new process. Raises ServerDied when none can be made any more."""


class Server(Protocol):
    """What has to run for processes to be started; as a context manager it ends with the block."""

    def client(self, wait: bool = True) -> Client:
        """What starts processes; waits until the server is ready, unless told not to.

        Raises SandboxError when it cannot be made, and ServerDied when it has ended.
        """

    def close(self) -> None:
        """End it and every process that it started."""

    def __enter__(self) -> Server: ...

    def __exit__(self, *exception: object) -> None: ...


class Backend(Protocol):
    """One way to run students' code.

    Attributes:
        name: what `--sandbox` and nbgrader's `Grade.sandbox` call it.
        warning: what students' code can do, where it is not confined: "runs students' code with
            …". Empty where it is.
    """

    @property
    def name(self) -> str: ...

    @property
    def warning(self) -> str: ...

    def serve(self, modules: tuple[str, ...], limits: Limits, files: Files = ()) -> Server:
        """Begin a server, which may not be ready yet; each process has `modules` imported, and
        finds `files` in the folder that it runs in, which is its own: what it writes there, no
        other process sees."""
