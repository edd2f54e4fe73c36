"""Runs a kernel's grid in this process: a stand-in for a GPU, small enough to be read.

Each CUDA thread is a Python thread, and one of them runs at a time: each goes on to the next
barrier or to its end, then the next one does. So a run gives the same result whenever it is
repeated, and every race on shared memory is found, because two threads that touch one element
between the same two barriers race whichever came first.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from itertools import product
from math import prod
from types import FunctionType
from typing import Any, NamedTuple

import numpy as np

from helpers.simulator.counting import Accesses, CountedArray, Counts

#: What a GPU allows in one block.
MOST_THREADS = 1024


class KernelError(Exception):
    """A kernel did what a GPU would not survive, or not notice; the message says which thread."""


class Index(NamedTuple):
    """Where a thread or a block is, or how many there are."""

    x: int
    y: int = 1
    z: int = 1

    def __str__(self) -> str:
        return f"({self.x}, {self.y}, {self.z})" if self.z else f"({self.x}, {self.y})"


def launch(
    kernel: Callable[..., None],
    blocks: int | tuple[int, ...],
    threads: int | tuple[int, ...],
    *args: Any,
    find_races: bool = True,
) -> Counts:
    """Runs a kernel on a grid of blocks and says what it read and wrote.

    Args:
        kernel: uses the global name `cuda`: threadIdx, blockIdx, blockDim, gridDim, grid,
            syncthreads, shared.array. Functions that it calls do not see this `cuda`.
        blocks, threads: blocks in the grid and threads in a block: x, or (x, y), or (x, y, z).
        args: numpy arrays, which the kernel changes in place, and numbers.
        find_races: without it, a race gives what it gives, and shared memory that was never
            written reads as NaN.

    Raises:
        KernelError: an index outside of an array, a race on shared memory, a barrier that only
            some of a block's threads reach, or whatever else went wrong in one thread.
        ValueError: a block of more threads than a GPU allows.
    """
    grid, block = _dimensions(blocks), _dimensions(threads)
    if not 1 <= prod(block) <= MOST_THREADS or prod(grid) < 1:
        raise ValueError(f"a block has 1 to {MOST_THREADS} threads, a grid at least one block")
    plain = getattr(kernel, "py_func", kernel)
    names = plain.__code__.co_varnames[: plain.__code__.co_argcount]
    arrays = [
        CountedArray(arg, name) if isinstance(arg, np.ndarray) else arg
        for name, arg in zip(names, args, strict=True)
    ]
    cuda = _Cuda(grid, block, find_races)
    seen = {**plain.__globals__, "cuda": cuda}
    body = FunctionType(plain.__code__, seen, plain.__name__, plain.__defaults__, plain.__closure__)
    for at in _places(grid):
        _run_block(cuda, at, lambda: body(*arrays))
    counted = [array for array in arrays if isinstance(array, CountedArray)]
    return Counts(
        global_reads=sum(array.reads for array in counted),
        global_writes=sum(array.writes for array in counted),
        shared_reads=cuda.shared_accesses.reads,
        shared_writes=cuda.shared_accesses.writes,
        barriers=cuda.barriers,
    )


def _dimensions(sizes: int | tuple[int, ...]) -> Index:
    return Index(sizes) if isinstance(sizes, int) else Index(*sizes)


def _places(sizes: Index) -> Iterator[Index]:
    """Every place in a grid or block, x fastest."""
    for z, y, x in product(*map(range, reversed(sizes))):
        yield Index(x, y, z)


def _run_block(cuda: _Cuda, at: Index, work: Callable[[], None]) -> None:
    """All threads of a block, from barrier to barrier. Leaves no thread behind."""
    cuda.enter_block(at)
    living = [_Thread(place, work) for place in _places(cuda.blockDim)]
    try:
        while living:
            for thread in living:
                cuda.enter_thread(thread)
                thread.step()
                if thread.error is not None:
                    raise _named(thread, at)
            waiting = [thread for thread in living if thread.is_alive()]
            if waiting and len(waiting) < len(living):
                ended = len(living) - len(waiting)
                raise KernelError(
                    f"block {at}: {len(waiting)} threads wait at a barrier that {ended} never reach"
                )
            cuda.pass_barrier(bool(waiting))
            living = waiting
    finally:
        for thread in living:
            thread.cancel()


def _named(thread: _Thread, block: Index) -> BaseException:
    """A thread's error with the thread's name; that there is no kernel yet, as it is."""
    error = thread.error
    assert error is not None
    if isinstance(error, NotImplementedError):
        return error
    kind = "" if isinstance(error, KernelError) else f"{type(error).__name__}: "
    named = KernelError(f"thread {thread.place} of block {block}: {kind}{error}")
    named.__cause__ = error
    return named


class _Cancelled(BaseException):
    """Ends a thread whose block has failed."""


class _Thread:
    """One CUDA thread, which runs only while `step` waits for it."""

    def __init__(self, place: Index, work: Callable[[], None]) -> None:
        self.place = place
        self.error: BaseException | None = None
        self.uses_of_shared = 0
        self._work, self._cancelled = work, False
        self._may_run, self._has_stopped = threading.Semaphore(0), threading.Semaphore(0)
        self._done = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def is_alive(self) -> bool:
        return not self._done

    def step(self) -> None:
        """Goes on to the next barrier or to the end."""
        self._may_run.release()
        self._has_stopped.acquire()

    def wait(self) -> None:
        """Called in the thread itself: it has come to a barrier."""
        self._has_stopped.release()
        self._may_run.acquire()
        if self._cancelled:
            raise _Cancelled

    def cancel(self) -> None:
        self._cancelled = True
        self._may_run.release()
        self._thread.join(timeout=1)

    def _run(self) -> None:
        self._may_run.acquire()
        try:
            if not self._cancelled:
                self._work()
        except BaseException as error:
            self.error = error
        finally:
            self._done = True
            self._has_stopped.release()


class _Cuda:
    """What a kernel sees as `cuda`."""

    def __init__(self, grid: Index, block: Index, find_races: bool) -> None:
        self.gridDim, self.blockDim = grid, block
        self.blockIdx = self.threadIdx = Index(0, 0, 0)
        self.shared = self
        self.find_races = find_races
        self.shared_accesses = Accesses()
        self.barriers = self.epoch = 0
        self._allocated: list[_SharedArray] = []
        self._thread: _Thread | None = None

    def enter_block(self, at: Index) -> None:
        self.blockIdx, self._allocated = at, []

    def enter_thread(self, thread: _Thread) -> None:
        self.threadIdx, self._thread = thread.place, thread

    def pass_barrier(self, waited: bool) -> None:
        self.epoch += 1
        self.barriers += waited

    def syncthreads(self) -> None:
        assert self._thread is not None
        self._thread.wait()

    def grid(self, axes: int) -> int | tuple[int, ...]:
        """The thread's global index along the first `axes` axes."""
        places = [
            block * size + thread
            for block, size, thread in zip(
                self.blockIdx, self.blockDim, self.threadIdx, strict=True
            )
        ]
        return places[0] if axes == 1 else tuple(places[:axes])

    def array(self, shape: int | tuple[int, ...], dtype: Any) -> _SharedArray:
        """The block's shared array: one for all threads that come to the same request."""
        assert self._thread is not None
        request = self._thread.uses_of_shared
        self._thread.uses_of_shared += 1
        if request == len(self._allocated):
            # A type of Numba's is known by its name, as numpy knows it.
            kind = np.dtype(getattr(dtype, "name", None) or dtype)
            unwritten = np.full(shape, np.nan if kind.kind == "f" else -1).astype(kind)
            self._allocated.append(_SharedArray(unwritten, f"shared array {request + 1}", self))
        return self._allocated[request]


class _SharedArray(CountedArray):
    """A block's shared array: remembers which threads used what since the last barrier."""

    def __init__(self, values: np.ndarray, name: str, cuda: _Cuda) -> None:
        super().__init__(values, name, cuda.shared_accesses)
        self._cuda, self._epoch = cuda, cuda.epoch
        self._written = np.zeros(values.shape, bool)
        self._readers: defaultdict[tuple[int, ...], set[Index]] = defaultdict(set)
        self._writers: defaultdict[tuple[int, ...], set[Index]] = defaultdict(set)

    def _part(self, place: tuple[int, ...], name: str) -> CountedArray:
        raise TypeError(f"take {self.name} with one index for each axis: s[i, j], not s[i][j]")

    def _read(self, place: tuple[int, ...]) -> Any:
        if self._cuda.find_races:
            self._forget_before_barrier()
            if not self._written[place]:
                raise KernelError(f"reads {self._at(place)}, which no thread has written yet")
            self._no_race("reads", place, self._writers[place], "written")
            self._readers[place].add(self._cuda.threadIdx)
        return self.values[place]

    def _write(self, place: tuple[int, ...], value: Any) -> None:
        if self._cuda.find_races:
            self._forget_before_barrier()
            self._no_race("writes", place, self._readers[place] | self._writers[place], "used")
            self._writers[place].add(self._cuda.threadIdx)
            self._written[place] = True
        self.values[place] = value

    def _forget_before_barrier(self) -> None:
        if self._epoch != self._cuda.epoch:
            self._epoch = self._cuda.epoch
            self._readers.clear()
            self._writers.clear()

    def _no_race(self, does: str, place: tuple[int, ...], users: set[Index], did: str) -> None:
        others = users - {self._cuda.threadIdx}
        if others:
            raise KernelError(
                f"{does} {self._at(place)}, which thread {min(others)} has just {did}: "
                "there is no barrier between"
            )

    def _at(self, place: tuple[int, ...]) -> str:
        return f"{self.name}[{', '.join(map(str, place))}]"
