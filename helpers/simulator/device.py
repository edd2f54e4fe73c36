"""What a kernel sees as `cuda`: where its thread is, memory, barriers, atomic updates."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from helpers.simulator.counting import Accesses, CountedArray
from helpers.simulator.races import Index, KernelError, Moment, Uses, WatchedArray

#: Bytes of shared memory that a block has unless a launch asks for more (CUDA C++ Programming
#: Guide, "Technical Specifications per Compute Capability").
SHARED_BYTES = 48 * 1024

#: What a kernel may ask for and gets nowhere here, so that an error can name what there is.
_KNOWN = (
    "threadIdx, blockIdx, blockDim, gridDim, grid, gridsize, syncthreads, threadfence, "
    "shared.array, local.array, atomic"
)


class Thread(Protocol):
    """What is asked of the thread that runs."""

    place: Index
    arrays_asked_for: int

    def wait(self) -> None:
        """Until every thread of the block has come here."""


class Cuda:
    """A launch, as its kernel sees it.

    Attributes:
        fault: the first error of the running block's kernel, though the kernel may have caught it.
    """

    def __init__(self, grid: Index, block: Index, find_races: bool) -> None:
        self.gridDim, self.blockDim = grid, block
        self.blockIdx = self.threadIdx = Index(0, 0, 0)
        self.warpsize = 32
        self.shared, self.local, self.atomic = _Shared(self), _Local(self), _Atomic()
        self.find_races = find_races
        self.shared_accesses = Accesses()
        self.barriers = self.epoch = 0
        self.fault: Exception | None = None
        self.thread: Thread | None = None

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"there is no cuda.{name} here, only {_KNOWN}")

    def enter_block(self, at: Index) -> None:
        self.blockIdx = at
        self.shared.begin()

    def enter_thread(self, thread: Thread) -> None:
        self.threadIdx, self.thread = thread.place, thread

    def pass_barrier(self, waited: bool) -> None:
        self.epoch += 1
        self.barriers += waited

    def watched(
        self,
        values: np.ndarray,
        name: str,
        accesses: Accesses,
        uses: Uses | None,
        starts_unwritten: bool = False,
        noted: Callable[[Moment, np.ndarray], None] | None = None,
    ) -> WatchedArray:
        """An array whose uses are watched; see `WatchedArray`."""
        now, fault = self._now, self._kept
        return WatchedArray(values, name, accesses, now, fault, uses, starts_unwritten, noted=noted)

    def _now(self) -> Moment:
        return Moment(self.blockIdx, self.threadIdx, self.epoch)

    def _kept(self, error: Exception) -> Exception:
        self.fault = self.fault or error
        return error

    def syncthreads(self) -> None:
        assert self.thread is not None
        self.thread.wait()

    def threadfence(self) -> None:
        """Orders a thread's own writes only: nobody waits, so it ends no race."""

    def grid(self, axes: int) -> int | tuple[int, ...]:
        """The thread's global index along the first `axes` axes."""
        places = zip(self.blockIdx, self.blockDim, self.threadIdx, strict=True)
        return _along(axes, [block * size + thread for block, size, thread in places])

    def gridsize(self, axes: int) -> int | tuple[int, ...]:
        """Threads of the whole grid along the first `axes` axes."""
        sizes = zip(self.gridDim, self.blockDim, strict=True)
        return _along(axes, [blocks * threads for blocks, threads in sizes])


def _along(axes: int, places: list[int]) -> int | tuple[int, ...]:
    return places[0] if axes == 1 else tuple(places[:axes])


def _empty(shape: int | tuple[int, ...], dtype: Any) -> np.ndarray:
    """Memory that nobody has written: not a number, or -1."""
    # A type of Numba's is known by its name, as numpy knows it.
    kind = np.dtype(getattr(dtype, "name", None) or dtype)
    return np.full(shape, np.nan if kind.kind == "f" else -1).astype(kind)


class _Shared:
    """`cuda.shared`."""

    def __init__(self, cuda: Cuda) -> None:
        self._cuda = cuda
        self._arrays: list[WatchedArray] = []

    def begin(self) -> None:
        """A block has memory of its own."""
        self._arrays = []

    def array(self, shape: int | tuple[int, ...], dtype: Any) -> WatchedArray:
        """The block's shared array: one for all threads that come to the same request."""
        thread = self._cuda.thread
        assert thread is not None
        request = thread.arrays_asked_for
        thread.arrays_asked_for += 1
        if request == len(self._arrays):
            values = _empty(shape, dtype)
            taken = values.nbytes + sum(each.values.nbytes for each in self._arrays)
            if taken > SHARED_BYTES:
                raise KernelError(
                    f"its shared arrays take {taken:,} B, and a block has 48 KiB: "
                    f"{SHARED_BYTES:,} B"
                )
            uses = Uses() if self._cuda.find_races else None
            name, accesses = f"shared array {request + 1}", self._cuda.shared_accesses
            self._arrays.append(
                self._cuda.watched(values, name, accesses, uses, starts_unwritten=True)
            )
        return self._arrays[request]


class _Local:
    """`cuda.local`: arrays of one thread, whose reads and writes nobody counts."""

    def __init__(self, cuda: Cuda) -> None:
        self._cuda = cuda

    def array(self, shape: int | tuple[int, ...], dtype: Any) -> CountedArray:
        return CountedArray(_empty(shape, dtype), "local array")


def _of_two(change: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    """An atomic update of an element, by what is there and a value."""

    def update(self: _Atomic, array: WatchedArray, index: Any, value: Any) -> Any:
        return array.update(index, lambda before: change(before, value))

    return update


class _Atomic:
    """`cuda.atomic`: each returns what was there before."""

    add = _of_two(lambda before, value: before + value)
    sub = _of_two(lambda before, value: before - value)
    max = _of_two(lambda before, value: max(before, value))
    min = _of_two(lambda before, value: min(before, value))
    nanmax = _of_two(lambda before, value: np.fmax(before, value))
    nanmin = _of_two(lambda before, value: np.fmin(before, value))
    and_ = _of_two(lambda before, value: before & value)
    or_ = _of_two(lambda before, value: before | value)
    xor = _of_two(lambda before, value: before ^ value)
    exch = _of_two(lambda before, value: value)
    inc = _of_two(lambda before, value: 0 if before >= value else before + 1)
    dec = _of_two(lambda before, value: value if before == 0 or before > value else before - 1)

    def cas(self, array: WatchedArray, index: Any, old: Any, value: Any) -> Any:
        """Puts a value where `old` is."""
        return array.update(index, lambda before: value if before == old else before)

    def compare_and_swap(self, array: WatchedArray, old: Any, value: Any) -> Any:
        """The same for an array's first element."""
        return self.cas(array, (0,) * array.ndim, old, value)
