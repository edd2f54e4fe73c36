"""Arrays that know which thread used which element, and find two whom nothing puts in order.

A barrier orders the threads of one block. Threads of two blocks are never in order: there is no
barrier for both. Atomic updates may meet each other, and nothing else.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from enum import StrEnum
from typing import Any, NamedTuple

import numpy as np

from helpers.simulator.counting import Accesses, CountedArray

Place = tuple[int, ...]


class KernelError(Exception):
    """A kernel did what a GPU would not survive, or not notice; the message says which thread."""


class Index(NamedTuple):
    """Where a thread or a block is, or how many there are."""

    x: int
    y: int = 1
    z: int = 1

    def __str__(self) -> str:
        return f"({self.x}, {self.y}, {self.z})" if self.z else f"({self.x}, {self.y})"


class Moment(NamedTuple):
    """A thread between two barriers; `epoch` counts them over the whole launch."""

    block: Index
    thread: Index
    epoch: int

    def is_unordered_with(self, other: Moment) -> bool:
        if self.block != other.block:
            return True
        return self.epoch == other.epoch and self.thread != other.thread


class Use(StrEnum):
    """How a thread uses an element; the words stand in messages."""

    READ = "read"
    WRITE = "written"
    ATOMIC = "updated"


#: Of each use, the uses by another thread that it must not meet.
_CLASHES = {
    Use.READ: (Use.WRITE, Use.ATOMIC),
    Use.WRITE: (Use.READ, Use.WRITE, Use.ATOMIC),
    Use.ATOMIC: (Use.READ, Use.WRITE),
}


class Uses:
    """Who used the elements of one array, and how."""

    def __init__(self) -> None:
        self._seen: defaultdict[tuple[Place, Use], list[Moment]] = defaultdict(list)

    def is_written(self, place: Place) -> bool:
        return bool(self._seen[place, Use.WRITE] or self._seen[place, Use.ATOMIC])

    def clash(self, place: Place, use: Use, now: Moment) -> tuple[Moment, Use] | None:
        """Who used the element before in a way that this use must not meet."""
        for earlier in _CLASHES[use]:
            for moment in self._seen.get((place, earlier), ()):
                if moment.is_unordered_with(now):
                    return moment, earlier
        return None

    def remember(self, place: Place, use: Use, now: Moment) -> None:
        seen = self._seen[place, use]
        if len({moment.block for moment in seen}) > 1:
            return  # of two blocks one is another than whoever comes next
        # A block's later use stands for its earlier ones.
        seen[:] = [m for m in seen if m.block != now.block or m.epoch == now.epoch]
        if now not in seen and (len(seen) < 2 or seen[0].block != now.block):
            seen.append(now)


class WatchedArray(CountedArray):
    """A counted array of a launch: finds races, and remembers an error that the kernel catches.

    Args:
        now: who runs.
        fault: is told every error and returns it.
        uses: of a launch that does not look for races, None.
        noted: is told who uses which element, for global memory.
        starts_unwritten: shared memory holds nothing until someone has written it.
    """

    def __init__(
        self,
        values: Any,
        name: str,
        accesses: Accesses,
        now: Callable[[], Moment],
        fault: Callable[[Exception], Exception],
        uses: Uses | None = None,
        starts_unwritten: bool = False,
        within: Place = (),
        noted: Callable[[Moment, np.ndarray], None] | None = None,
    ) -> None:
        super().__init__(values, name, accesses)
        self._now, self._fault, self._uses = now, fault, uses
        self._starts_unwritten, self._within, self._noted = starts_unwritten, within, noted

    def _part(self, place: Place, name: str) -> CountedArray:
        return WatchedArray(
            self.values[place],
            name,
            self.accesses,
            self._now,
            self._fault,
            self._uses,
            self._starts_unwritten,
            (*self._within, *place),
            self._noted,
        )

    def _place(self, index: Any) -> Place:
        try:
            return super()._place(index)
        except (IndexError, TypeError) as error:
            raise self._fault(error) from None

    def _read(self, place: Place) -> Any:
        if self._uses is not None:
            if self._starts_unwritten and not self._uses.is_written((*self._within, *place)):
                message = f"reads {self._at(place)}, which no thread has written yet"
                raise self._fault(KernelError(message))
            self._watch("reads", Use.READ, place)
        self._note(place)
        return self.values[place]

    def _write(self, place: Place, value: Any) -> None:
        self._note(place)
        before = self.values[place]
        self.values[place] = value
        # Two threads that write the same number leave it there, whoever is last.
        self._watch("writes", Use.WRITE, place, same=bool(self.values[place] == before))

    def update(self, index: Any, change: Callable[[Any], Any]) -> Any:
        """An atomic read and write of one element; returns what was there."""
        place = self._place(index)
        if len(place) < self.ndim:
            message = f"{self.name} is updated element by element: give an index for each axis"
            raise self._fault(TypeError(message))
        with self.accesses.lock:
            self.accesses.reads += 1
            self.accesses.writes += 1
        self._watch("updates", Use.ATOMIC, place)
        self._note(place)
        before = self.values[place]
        self.values[place] = change(before)
        return before

    def _note(self, place: Place) -> None:
        if self._noted is not None:
            self._noted(self._now(), self.values[(*place, np.newaxis)])

    def _watch(self, does: str, use: Use, place: Place, same: bool = False) -> None:
        if self._uses is None:
            return
        now, whole = self._now(), (*self._within, *place)
        met = self._uses.clash(whole, use, now)
        if met is not None and not (same and met[1] == Use.WRITE):
            raise self._fault(KernelError(f"{does} {self._at(place)}, {_reason(now, *met)}"))
        self._uses.remember(whole, use, now)

    def _at(self, place: Place) -> str:
        return f"{self.name}[{', '.join(map(str, place))}]"


def _reason(now: Moment, earlier: Moment, use: Use) -> str:
    if earlier.block == now.block:
        return f"which thread {earlier.thread} has just {use.value}: there is no barrier between"
    return (
        f"which thread {earlier.thread} of block {earlier.block} has {use.value}: "
        "no barrier orders the threads of two blocks"
    )
