"""Arrays that count how often their elements are read and written."""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Lock
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Counts:
    """What a launch moved, in elements.

    Attributes:
        global_reads, global_writes: of the arrays that the kernel was given.
        shared_reads, shared_writes: of the blocks' shared arrays.
        barriers: how often a block of threads waited for each other, over all blocks.
        sectors: of 32 B, moved between global memory and warps; see `sectors.py`. Numba's simulator
            does not count them.
    """

    global_reads: int
    global_writes: int
    shared_reads: int = 0
    shared_writes: int = 0
    barriers: int = 0
    sectors: int = 0


@dataclass
class Accesses:
    """Reads and writes so far, of one array and every row taken from it."""

    reads: int = 0
    writes: int = 0
    # Numba's simulator runs threads at the same time.
    lock: Lock = field(default_factory=Lock, repr=False)


class CountedArray:
    """A numpy array that goes element by element and counts each.

    `a[i, j]` and `a[i][j]` are one read of a matrix. An index below zero or beyond the end raises
    IndexError: on a GPU it would silently touch another array's memory.
    """

    def __init__(self, values: Any, name: str = "array", accesses: Accesses | None = None) -> None:
        self.values = np.asarray(values)
        self.name = name
        self.accesses = accesses or Accesses()

    @property
    def reads(self) -> int:
        return self.accesses.reads

    @property
    def writes(self) -> int:
        return self.accesses.writes

    @property
    def shape(self) -> tuple[int, ...]:
        return self.values.shape

    @property
    def size(self) -> int:
        return self.values.size

    @property
    def ndim(self) -> int:
        return self.values.ndim

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.values.dtype

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, index: Any) -> Any:
        place = self._place(index)
        if len(place) < self.ndim:
            shown = ", ".join(map(str, place))
            return self._part(place, f"{self.name}[{shown}]")
        with self.accesses.lock:
            self.accesses.reads += 1
        return self._read(place)

    def __setitem__(self, index: Any, value: Any) -> None:
        place = self._place(index)
        if len(place) < self.ndim:
            raise TypeError(f"{self.name} is written element by element here, not row by row")
        with self.accesses.lock:
            self.accesses.writes += 1
        self._write(place, value)

    def _part(self, place: tuple[int, ...], name: str) -> CountedArray:
        return CountedArray(self.values[place], name, self.accesses)

    def _read(self, place: tuple[int, ...]) -> Any:
        return self.values[place]

    def _write(self, place: tuple[int, ...], value: Any) -> None:
        self.values[place] = value

    def _place(self, index: Any) -> tuple[int, ...]:
        """The index as whole numbers, each inside the array."""
        place = index if isinstance(index, tuple) else (index,)
        if not all(isinstance(each, int | np.integer) for each in place):
            raise TypeError(f"{self.name} is taken element by element here: index it with integers")
        if len(place) > self.ndim:
            raise IndexError(f"{self.name} has {self.ndim} axes, not {len(place)}")
        sizes = self.shape[: len(place)]
        if not all(0 <= at < size for at, size in zip(place, sizes, strict=True)):
            asked, there = (", ".join(map(str, each)) for each in (place, self.shape))
            raise IndexError(f"{self.name}[{asked}] is outside of its size, {there}")
        return tuple(int(each) for each in place)
