"""What a process takes is read from /proc, and what it waits for others is not counted."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.grading.sandbox.deadline import MOST_WAITING, Deadline, OutOfTime
from helpers.grading.sandbox.inside.watch import family, proportional, resident


class Clock:
    """A time and a wait that stand still until they are set."""

    def __init__(self) -> None:
        self.now, self.waited = 100.0, 7.0

    def deadline(self, seconds: float) -> Deadline:
        return Deadline(seconds, lambda: self.waited, lambda: self.now)


@given(seconds=st.floats(0.1, 100), passed=st.floats(0, 100), waited=st.floats(0, 200))
def test_a_wait_for_a_processor_puts_a_deadline_off(
    seconds: float, passed: float, waited: float
) -> None:
    """By as long as it was, up to a bound. `left` is positive, or there is nothing left."""
    clock = Clock()
    deadline = clock.deadline(seconds)
    clock.now, clock.waited = clock.now + passed, clock.waited + waited
    left = seconds - passed + min(waited, MOST_WAITING)
    if left > 1e-9:
        assert 0 < deadline.left() <= left + 1e-9
    elif left < -1e-9:
        with pytest.raises(OutOfTime):
            deadline.left()


def test_what_was_waited_before_does_not_count() -> None:
    clock = Clock()
    deadline = clock.deadline(1.0)
    clock.now += 2.0
    with pytest.raises(OutOfTime):
        deadline.left()


def test_a_process_and_its_memory_are_found() -> None:
    members, threads = family(os.getpid())
    own = Path(f"/proc/{os.getpid()}")
    assert own in members
    assert threads >= 1
    assert 0 < proportional(own) <= resident(own)


def test_a_process_that_is_gone_takes_nothing() -> None:
    gone = Path("/proc/0")
    assert (family(0), resident(gone), proportional(gone)) == (([], 0), 0, 0)
