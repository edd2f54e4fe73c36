"""Judging ends in time, whatever an answer is, and on whatever thread it is asked for."""

from __future__ import annotations

import signal

import pytest

from helpers.grading.engine.grade_submission import Graded
from helpers.grading.engine.job import Task
from helpers.grading.engine.run_cells import Times
from helpers.grading.engine.time_limit import TooLong, time_limit
from helpers.grading.engine.worker_state import WorkerState
from tests.grading.engine.test_workers import on_another_thread
from tests.grading.in_process_backend import ANSWERED, make_job

#: A test that an answer keeps busy for ever, and that takes no exception for an answer's.
ENDLESS = """
while True:
    try:
        sheets + 1
    except Exception:
        pass
"""
JOB = make_job({"check_sheets": ENDLESS}, Times(judging=1.0))


def grade() -> Graded:
    state = WorkerState()
    try:
        return state.grade(JOB, Task("ada", ANSWERED))
    finally:
        state.close()


def check(graded: Graded) -> None:
    """The question waits for a person, who is told why; the other one is judged."""
    scores = {score.grade_id: score for score in graded.scores}
    assert graded.status == "for a person"
    assert (scores["check_sheets"].score, scores["check_sheets"].needs_manual) == (0.0, True)
    assert scores["check_mean"].score == 3.0
    assert "check_sheets: the test took longer than 1 s" in graded.remarks
    assert "TimeoutError" in str(graded.notebook)


def test_judging_on_the_main_thread_ends() -> None:
    check(grade())


def test_judging_on_another_thread_ends() -> None:
    check(on_another_thread(grade))


def test_work_without_a_limit_is_refused() -> None:
    def limited() -> str:
        try:
            with time_limit(1.0):
                return "done"
        except RuntimeError as error:
            return str(error)

    assert on_another_thread(limited) == "a time limit can be set on the main thread only"


def test_a_limit_ends_with_its_block() -> None:
    def endless() -> None:
        with time_limit(0.05, "the page"):
            while True:
                pass

    with pytest.raises(TooLong, match=r"the page took longer than 0\.05 s"):
        endless()
    with time_limit(0.05):
        pass
    # Else it would strike here.
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
