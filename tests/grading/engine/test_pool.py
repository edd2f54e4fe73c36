"""Whatever dies when: each submission comes back once, and takes no other one with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.grading.engine.grade_submission import Graded
from helpers.grading.engine.job import Task
from helpers.grading.engine.pool import Pool
from helpers.grading.engine.worker_state import ATTEMPTS
from helpers.grading.sandbox.backend import Files, Limits, SandboxError, ServerDied
from tests.grading.in_process_backend import FakeBackend, FakeServer, make_job

JOB = make_job()


class Breakable(Executor):
    """One worker, in a thread. A submission breaks it as often as `deaths` says; then all that is
    given out is lost, as when a process dies."""

    def __init__(self, deaths: Counter[str]) -> None:
        self._deaths, self._broken = deaths, False
        self._inner = ThreadPoolExecutor(1)

    def submit(self, work: Callable[..., Any], /, *tasks: Any, **_: Any) -> Future[Any]:
        if self._broken:
            raise BrokenProcessPool("a worker died")
        return self._inner.submit(self._work, *tasks)

    def _work(self, task: Task | None = None) -> Graded | None:
        if task is None:
            return None
        if self._deaths[task.student]:
            self._deaths[task.student] -= 1
            self._broken = True
        if self._broken:
            raise BrokenProcessPool("a worker died")
        if task.data == b"raises":
            raise ZeroDivisionError
        return Graded("graded")

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self._inner.shutdown(wait=True)


def graded(deaths: dict[str, int], jobs: int = 2, data: bytes = b"") -> list[tuple[str, Graded]]:
    """What comes back of these students, whose submissions kill so many processes."""
    left = Counter(deaths)
    pool = Pool(JOB, jobs, make_executor=lambda *_: Breakable(left))
    tasks = [Task(student, data) for student in deaths]
    return [(task.student, result) for task, result in pool.run(tasks)]


@given(
    deaths=st.dictionaries(st.text("abcdef", min_size=1, max_size=2), st.integers(0, ATTEMPTS + 2)),
    jobs=st.integers(1, 3),
)
def test_each_comes_back_once_and_only_what_kills_is_given_up(
    deaths: dict[str, int], jobs: int
) -> None:
    # One that is graded first: where none ever is, the run ends with an error.
    deaths = {"first": 0} | deaths
    results = graded(deaths, jobs)
    assert sorted(student for student, _ in results) == sorted(deaths)
    for student, result in results:
        # The first time it may have been another's fault, so that one death more is forgiven.
        if deaths[student] < ATTEMPTS:
            assert result.status == "graded"
        elif deaths[student] > ATTEMPTS:
            assert result.status == "unreadable"
            assert "the grader's process ended 3 times" in result.remarks[0]


def test_where_none_can_be_graded_the_run_ends() -> None:
    with pytest.raises(ValueError, match=r"end again and again .* run with --jobs 1 to see why"):
        graded(dict.fromkeys("abcd", 99))


def test_a_fault_of_the_graders_own_costs_its_own_submission_only() -> None:
    ((_, result),) = graded({"ada": 0}, data=b"raises")
    assert (result.status, len(result.remarks)) == ("unreadable", 1)
    assert "stumbled over it (ZeroDivisionError)" in result.remarks[0]


def test_what_is_not_asked_for_is_not_given_out() -> None:
    """A class is larger than memory."""
    asked: list[str] = []

    def tasks() -> Any:
        for number in range(1000):
            asked.append(str(number))
            yield Task(str(number), b"")

    pool = Pool(JOB, 2, make_executor=lambda *_: Breakable(Counter()))
    results = pool.run(tasks())
    next(results)
    assert len(asked) == 3 * 2
    results.close()


class Mortal(FakeServer):
    """A server that is not there when it is asked for a client."""

    def __init__(self, error: SandboxError) -> None:
        object.__setattr__(self, "error", error)

    def client(self, wait: bool = True) -> FakeServer:
        if wait:
            raise self.error  # type: ignore[attr-defined]
        return self


class Flaky(FakeBackend):
    """Its first servers die while they start."""

    def __init__(self, errors: list[SandboxError]) -> None:
        super().__init__()
        object.__setattr__(self, "errors", errors)

    def serve(self, modules: tuple[str, ...], limits: Limits, files: Files = ()) -> FakeServer:
        errors: list[SandboxError] = self.errors  # type: ignore[attr-defined]
        return Mortal(errors.pop()) if errors else FakeServer()


def results_with(errors: list[SandboxError]) -> list[str]:
    job = replace(JOB, sandbox=Flaky(errors))
    pool = Pool(job, 1, make_executor=lambda *_: Breakable(Counter()))
    return [result.status for _, result in pool.run([Task("ada", b"")])]


def test_a_server_that_dies_while_it_starts_is_made_again() -> None:
    assert results_with([ServerDied("gone")] * (ATTEMPTS - 1)) == ["graded"]


def test_servers_that_all_die_end_the_run() -> None:
    with pytest.raises(ValueError, match=r"end again and again \(gone\)"):
        results_with([ServerDied("gone")] * ATTEMPTS)


def test_a_sandbox_that_cannot_be_made_is_said_at_once() -> None:
    with pytest.raises(SandboxError, match="install it"):
        results_with([SandboxError("install it")])
