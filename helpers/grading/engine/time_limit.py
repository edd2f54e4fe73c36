"""A time limit for work of the grader's own that a student's data can make long."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any


class TooLong(BaseException):
    """Judging takes too long. No `except Exception` on the way may take it for an answer's."""


@contextlib.contextmanager
def time_limit(seconds: float, what: str = "the test") -> Iterator[None]:
    """Stops what a strange value keeps busy, where signals can: on the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(*_: Any) -> None:
        raise TooLong(f"{what} took longer than {seconds:g} s")

    before: Callable[..., Any] | int | None = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
