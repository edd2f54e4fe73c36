"""How long a request to a student's process may still take."""

from __future__ import annotations

import time
from collections.abc import Callable

#: Seconds that a request may take beyond its limit, where the process had to wait for a processor:
#: what others keep the processors busy with must not cost it an answer.
MOST_WAITING = 60.0


class OutOfTime(Exception):
    """A deadline is over."""


class Deadline:
    """An end to a wait, put off by as long as the process could have run and had no processor."""

    def __init__(
        self,
        seconds: float,
        waited: Callable[[], float],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`waited` gives how many seconds the process has waited since it began."""
        self._waited, self._clock = waited, clock
        self._before = waited()
        self._end = clock() + seconds

    @property
    def lacked_processor(self) -> bool:
        """Whether the process waited longer than the end can be put off."""
        return self._waited() - self._before >= MOST_WAITING

    def left(self) -> float:
        """Seconds until then. Raises OutOfTime behind it."""
        left = self._end - self._clock()
        if left <= 0:
            left += min(self._waited() - self._before, MOST_WAITING)
        if left <= 0:
            raise OutOfTime
        return left
