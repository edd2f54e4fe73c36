"""What the machine does to a student's process is no verdict on the answer."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import pytest

from helpers.grading import class_run
from helpers.grading.class_run import Options, grade_class
from helpers.grading.engine.grade_submission import grade_submission
from helpers.grading.engine.run_cells import AGAIN, MOST_ENDLESS, Times
from helpers.grading.sandbox import host
from helpers.grading.sandbox.backend import (
    CallTimeout,
    CellRun,
    Limits,
    ProcessDied,
    SandboxError,
    ServerDied,
)
from helpers.grading.sandbox.confined import CONFINED
from helpers.grading.sandbox.deadline import MOST_WAITING, Deadline
from helpers.grading.sandbox.host import ForkClient
from helpers.grading.sandbox.process import KILLED_BY_SYSTEM
from tests.grading import in_process_backend, sample


@pytest.fixture(scope="module")
def client() -> Iterator[ForkClient]:
    with CONFINED.serve() as server:
        yield server.client()


def test_a_kill_that_the_grader_did_not_send_is_told_from_an_end(client: ForkClient) -> None:
    with client.start() as process:
        killer = threading.Timer(0.3, os.kill, (process.pid, signal.SIGKILL))
        killer.start()
        with pytest.raises(ProcessDied, match="killed by the system") as died:
            process.run("import time; time.sleep(60)", 60)
        assert died.value.disturbed == KILLED_BY_SYSTEM


@pytest.mark.parametrize(
    "code",
    [
        "import os; os._exit(9)",
        "import os; os.abort()",
        # Nobody in there can kill its first process, nor have it killed.
        "import os; os.kill(1, 9); os.kill(os.getpid(), 9); os._exit(137)",
    ],
)
def test_an_end_of_its_own_making_is_none_of_the_systems(client: ForkClient, code: str) -> None:
    with client.start() as process, pytest.raises(ProcessDied) as died:
        process.run(code, 30)
    assert died.value.disturbed == ""


def test_whoever_waited_longer_than_is_given_back_lacked_a_processor() -> None:
    now, waited = [0.0], [0.0]
    deadline = Deadline(10.0, lambda: waited[0], lambda: now[0])
    assert not deadline.lacked_processor
    waited[0] = MOST_WAITING
    assert deadline.lacked_processor


class Killed(in_process_backend.FakeProcess):
    """One that the system ends as soon as the function is called."""

    def call(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], timeout: float) -> Any:
        raise ProcessDied("it was killed", disturbed=KILLED_BY_SYSTEM)


def test_what_the_system_ended_is_for_a_person() -> None:
    job = in_process_backend.make_job()
    graded = grade_submission(job.unit, "ada", in_process_backend.ANSWERED, Killed)
    assert graded.status == "for a person"
    assert graded.disturbed == KILLED_BY_SYSTEM
    waiting = {score.grade_id for score in graded.scores if score.needs_manual}
    assert "check_mean" in waiting
    # Nothing was called for this one, and it earned its points.
    assert "check_sheets" not in waiting


@dataclass(frozen=True)
class FirstKilled(in_process_backend.FakeBackend):
    """The first processes are killed, as where neighbours take the memory."""

    left: list[int] = field(default_factory=lambda: [2])

    def serve(self, *arguments: Any) -> Any:
        return self

    def __enter__(self) -> FirstKilled:
        return self

    def __exit__(self, *exception: object) -> None:
        pass

    close = __exit__

    def client(self, wait: bool = True) -> FirstKilled:
        return self

    def start(self) -> in_process_backend.FakeProcess:
        self.left[0] -= 1
        return Killed() if self.left[0] >= 0 else in_process_backend.FakeProcess()


def test_it_is_graded_again_alone_and_earns_what_it_is_worth(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    course = sample.make_course(tmp_path / "course")
    for student in ("ada", "ben"):
        sample.hand_in(course, student, in_process_backend.ANSWERED)
    backend = FirstKilled()
    monkeypatch.setattr(class_run, "trust", lambda course, job, *_: job)
    # In this process: the workers of a pool would have a backend of their own.
    grade_all = class_run.grade_all
    monkeypatch.setattr(class_run, "grade_all", lambda job, tasks, *_: grade_all(job, tasks))
    result = grade_class(course, sample.UNIT, Options(jobs=2, sandbox=backend))
    assert [(each.status, each.total) for each in result.results] == [("graded", 4.0)] * 2


class Endless(in_process_backend.FakeProcess):
    """One in which a cell called endless takes whatever time it has."""

    given: ClassVar[list[float]] = []

    def run(self, code: str, timeout: float, muted: bool = False, brief: bool = False) -> CellRun:
        if "endless" in code:
            self.given.append(timeout)
            raise CallTimeout("took longer")
        return super().run(code, timeout, muted, brief)


def test_an_endless_cell_has_its_time_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A notebook with hidden tests is gone through twice, and again where a process ends."""
    Endless.given.clear()
    times = Times(cell=40.0)
    answers = in_process_backend.ANSWERS | {"softmax_flops": "endless = 1"}
    notebook = json.dumps(sample.answered(answers)).encode()
    job = in_process_backend.make_job(times=times)
    graded = grade_submission(job.unit, "ada", notebook, Endless, times)
    assert graded.total == 4.0
    assert [pytest.approx(seconds) for seconds in Endless.given] == [40.0, AGAIN * 40.0]


def test_a_notebook_full_of_endless_cells_has_all_the_time_for_two() -> None:
    Endless.given.clear()
    times = Times(cell=40.0)
    names = list(sample.RIGHT)
    answers = {name: f"endless = {number}" for number, name in enumerate(names)}
    notebook = json.dumps(sample.answered(answers)).encode()
    job = in_process_backend.make_job(times=times)
    grade_submission(job.unit, "ada", notebook, Endless, times)
    once = Endless.given[: len(names)]
    assert len(names) > MOST_ENDLESS
    assert once[:MOST_ENDLESS] == [pytest.approx(40.0)] * MOST_ENDLESS
    assert once[MOST_ENDLESS:] == [pytest.approx(AGAIN * 40.0)] * (len(names) - MOST_ENDLESS)


def test_who_ran_out_of_time_is_not_graded_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    course = sample.make_course(tmp_path / "course")
    answers = in_process_backend.ANSWERS | {"softmax_flops": "endless = 1"}
    for student in ("ada", "ben"):
        sample.hand_in(course, student, sample.answered(answers))
    given: list[int] = []

    def grade_all(job: Any, tasks: Any, *_: Any) -> Any:
        tasks = list(tasks)
        given.append(len(tasks))
        return [(each, each.grade(job, Endless)) for each in tasks]

    monkeypatch.setattr(class_run, "trust", lambda course, job, *_: job)
    monkeypatch.setattr(class_run, "grade_all", grade_all)
    grade_class(course, sample.UNIT, Options(jobs=2, sandbox=in_process_backend.FakeBackend()))
    assert given == [2, 0]


def test_a_folder_that_somebody_holds_is_not_swept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The number in its name may be of another container: it says nothing."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    folder, lock = host._own_folder()
    held = folder.with_name("course-server-4194999-held")
    folder.rename(held)
    left = tmp_path / f"course-server-{os.getpid()}-left"
    left.mkdir()
    host._sweep()
    assert [path.name for path in tmp_path.iterdir()] == [held.name]
    fcntl.flock(lock, fcntl.LOCK_UN)
    host._sweep()
    os.close(lock)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_an_earlier_version_is_not_swept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It held none of its folders, and may be at work: a `course` of another environment."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    live = tmp_path / f"course-sandbox-{os.getpid()}-live"
    live.mkdir()
    host._sweep()
    assert live.is_dir()


@pytest.mark.parametrize(
    ("removed", "error", "said"),
    [(False, SandboxError, "no reason given"), (True, ServerDied, "somebody removed .*server-")],
)
def test_a_server_that_does_not_start_is_told_in_one_line(
    removed: bool, error: type[SandboxError], said: str
) -> None:
    """One whose folder is gone is made anew; one that nothing was done to is not."""
    launch = host.Launch(("false",), "/", "/", "/", namespaces=False)
    server = host.ForkServer(lambda folder: launch, (), Limits())
    if removed:
        shutil.rmtree(server._folder)
    with pytest.raises(SandboxError, match=said) as raised:
        server.client()
    assert type(raised.value) is error


def test_a_server_that_is_too_slow_is_said_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "START", 0.2)
    launch = host.Launch(("sh", "-c", "sleep 60"), "/", "/", "/", namespaces=False)
    server = host.ForkServer(lambda folder: launch, (), Limits())
    with pytest.raises(SandboxError, match=r"did not start in 0\.2 s"):
        server.client()
