"""A time limit for work of the grader's own that a student's data can make long.

A signal ends the work, whatever it waits for or computes in Python; signals are for a process's
main thread, so that is where such work is done (`worker_state.py` sees to it).
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any


class TooLong(BaseException):
    """Judging takes too long. No `except Exception` on the way may take it for an answer's."""


def holds_here() -> bool:
    """Whether a time limit can be set on this thread: on the main thread."""
    return threading.current_thread() is threading.main_thread()


@contextlib.contextmanager
def time_limit(seconds: float, what: str = "the test") -> Iterator[None]:
    """Raises TooLong in the block after some seconds.

    RuntimeError where no limit can be set: work without one would be a trap.
    """
    if not holds_here():
        raise RuntimeError("a time limit can be set on the main thread only")

    def stop(*_: Any) -> None:
        raise TooLong(f"{what} took longer than {seconds:g} s")

    before: Callable[..., Any] | int | None = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
