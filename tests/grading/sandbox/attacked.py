"""The cases of tests/attacks as a class that is graded, with right submissions among them.

All answers of a submission but the attack are left as released. It takes minutes, of which most are
waiting for time limits: once in a test run, begun by the run itself where it has several workers.
"""

from __future__ import annotations

import hashlib
import os
import socket
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import resource_tracker
from pathlib import Path
from uuid import uuid4

import pytest

from helpers.grading.class_run import ClassResult, Options, SubmissionResult, grade_class
from helpers.grading.engine.worker_state import close_worker
from helpers.grading.sandbox import bubblewrap, host
from helpers.grading.sandbox.backend import Limits, MiB
from tests.attacks import Case, read_cases
from tests.executed import once
from tests.grading import sample
from tests.grading.processes import adopting_orphans, descendants_of, still_running

CASES = read_cases()
#: The system's, the one that comes with the package, and the one of them that grading has here.
BUBBLEWRAPS = {
    "system": bubblewrap.systems,
    "package": bubblewrap.packaged,
    "in use": lambda: bubblewrap.find().program,
}
#: A right submission before the first attack, after every tenth, and after the last.
EVERY = 10
#: Where an attack may try to leave something.
SHARED = (Path("/tmp"), Path("/dev/shm"), Path("/var/tmp"), Path.home())


@dataclass(frozen=True)
class Traces:
    """What there is of this machine that a grading could leave something in."""

    course: dict[str, str]
    files: set[Path]
    processes: set[int]

    @classmethod
    def found(cls, course: Path, token: str) -> Traces:
        files = {path for folder in SHARED for path in folder.glob(f"*{token}*")}
        files |= set(Path(tempfile.gettempdir()).glob(f"{host._PREFIX}{os.getpid()}-*"))
        return cls(_digests(course), files, descendants_of(os.getpid()))


@dataclass(frozen=True)
class Graded:
    course: Path
    result: ClassResult
    before: Traces
    after: Traces
    left_over: dict[int, bytes]
    connections: list[bytes]

    def of(self, student: str) -> SubmissionResult:
        return next(each for each in self.result.results if each.student == student)

    def notebook(self, student: str) -> str:
        path = self.course / "autograded" / student / sample.UNIT / f"{sample.UNIT}.ipynb"
        return path.read_text()


def cases_of(name: str) -> tuple[Case, ...]:
    """The attacks on the sandbox of that name; where the system's meets all of them, the package's
    meets those that a sandbox's program confines."""
    return tuple(case for case in CASES if case.confined) if name == "package" else CASES


def graded_once(shared: Path, name: str) -> Graded:
    """The class graded in the sandbox of that name.

    Args:
        shared: a folder of the test run, for all its workers.
        name: of BUBBLEWRAPS.
    """

    def graded(folder: Path) -> Graded:
        with first_on_the_path(name, folder):
            return _graded(folder / "course", cases_of(name))

    return once(shared / "attacked" / name.replace(" ", "_"), graded)


@contextmanager
def first_on_the_path(name: str, folder: Path) -> Iterator[None]:
    """Has that bubblewrap used by this process and by those that it starts."""
    program = BUBBLEWRAPS[name]()
    assert program is not None
    (folder / "bwrap").symlink_to(program)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", str(folder), prepend=":")
        yield


def _graded(folder: Path, cases: Sequence[Case]) -> Graded:
    course = sample.make_course(folder)
    listener, connections = _listen()
    token, port = uuid4().hex, str(listener.getsockname()[1])
    for number, case in enumerate(cases):
        if number % EVERY == 0:
            sample.hand_in(course, f"{CASES.index(case):03d}-0-right", sample.right_notebook())
        cell = case.cell.replace("TOKEN", token).replace("PORT", port)
        sample.hand_in(course, student_of(case), _attack(cell))
    sample.hand_in(course, "999-0-right", sample.right_notebook())
    close_worker()
    # What is left of a process that ended would be nobody's, and could not be found.
    with adopting_orphans():
        # Of Python's own, it stays for the next pool.
        resource_tracker.ensure_running()
        before = Traces.found(course, token)
        options = Options(jobs=2, timeout=2.0, limits=Limits(memory=1024 * MiB))
        result = grade_class(course, sample.UNIT, options)
        close_worker()
        # Looked at now: later the number of one that has ended may be another's.
        left = still_running(descendants_of(os.getpid()) - before.processes)
        left_over = {pid: Path(f"/proc/{pid}/cmdline").read_bytes() for pid in left}
        after = Traces.found(course, token)
    listener.close()
    return Graded(course, result, before, after, left_over, connections)


def _attack(code: str) -> sample.Notebook:
    """The attack stands in the first answer cell, and once more at the end."""
    notebook = sample.answered({"softmax_flops": code})
    notebook["cells"].append(sample.added_cell("print('after')"))
    return notebook


def student_of(case: Case) -> str:
    return f"{CASES.index(case):03d}-1-{case.name}"


def _listen() -> tuple[socket.socket, list[bytes]]:
    """A service on this machine's loopback that the sandbox must not reach."""
    listener = socket.create_server(("127.0.0.1", 0))
    connections: list[bytes] = []

    def accept() -> None:
        while True:
            try:
                connections.append(listener.accept()[0].recv(10))
            except OSError:
                return

    threading.Thread(target=accept, daemon=True).start()
    return listener, connections


def _digests(course: Path) -> dict[str, str]:
    """Of everything that no submission may change."""
    files = [*(course / "source").rglob("*"), *(course / "submitted").rglob("*")]
    return {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files if path.is_file()
    }
