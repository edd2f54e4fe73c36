"""A submission that ends the process that grades it takes no other one with it."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from typing import TypeVar

import pytest

from helpers.grading.engine import worker_state
from helpers.grading.engine.grade_submission import Graded
from helpers.grading.engine.grader_process import GraderProcess
from helpers.grading.engine.job import Task
from helpers.grading.engine.worker_state import WorkerState
from helpers.grading.engine.workers import grade_all
from helpers.grading.sandbox.backend import ServerDied
from helpers.grading.sandbox.confined import CONFINED
from tests.grading.in_process_backend import ANSWERED, DEADLY, deadly_job, make_job
from tests.grading.sandbox.test_hardening import kill

POINTS = 4.0
Result = TypeVar("Result")


def on_another_thread(work: Callable[[], Result]) -> Result:
    done: list[Result] = []
    thread = threading.Thread(target=lambda: done.append(work()))
    thread.start()
    thread.join()
    return done[0]


def test_the_others_are_graded() -> None:
    """Also where nobody was before it; `test_pool.py` has it wherever it stands."""
    tasks = [Task("0", DEADLY), *(Task(str(n), ANSWERED) for n in range(1, 9))]
    graded = {task.student: result for task, result in grade_all(deadly_job(), tasks, 2)}
    assert sorted(graded) == [task.student for task in tasks]
    ended = graded.pop("0")
    assert (ended.status, len(ended.remarks)) == ("unreadable", 1)
    assert "the grader's process ended 3 times" in ended.remarks[0]
    assert {result.total for result in graded.values()} == {POINTS}


def test_a_fork_server_that_is_killed_while_it_starts_is_made_again() -> None:
    job = make_job()
    server = CONFINED.serve()
    kill(server.pid)
    results = grade_all(job, [Task("ada", ANSWERED)], 2, None, server)
    assert [graded.total for _, graded in results] == [POINTS]


def test_off_the_main_thread_a_deadly_submission_ends_a_process_made_for_it() -> None:
    """As on a Dask worker, which goes on."""
    state, job = WorkerState(), deadly_job()

    def grade() -> tuple[Graded, Graded]:
        return state.grade(job, Task("ada", DEADLY)), state.grade(job, Task("ben", ANSWERED))

    try:
        ada, ben = on_another_thread(grade)
    finally:
        state.close()
    assert "the grader's process ended 3 times" in ada.remarks[0]
    assert ben.total == POINTS


def test_a_grader_process_that_is_killed_is_told_from_one_that_answers() -> None:
    process, job = GraderProcess(worker_state.__name__), make_job()
    try:
        assert process.grade(job, Task("ada", ANSWERED)).total == POINTS
        os.kill(process.pid, signal.SIGKILL)
        with pytest.raises(ServerDied, match="the process that grades is gone"):
            process.grade(job, Task("ada", ANSWERED))
    finally:
        process.close()
