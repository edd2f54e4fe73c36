"""Runs a kernel's grid in this process: a stand-in for a GPU, small enough to be read.

Each CUDA thread is a Python thread, and one of them runs at a time: each goes on to the next
barrier or to its end, then the next one does. So a run gives the same result whenever it is
repeated, and every race is found, on shared memory and on global memory, because two threads that
nothing puts in order race whichever came first.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from itertools import product
from math import prod
from typing import Any

import numpy as np

from helpers.simulator.counting import Accesses, CountedArray, Counts
from helpers.simulator.device import Cuda
from helpers.simulator.races import Index, KernelError, Uses
from helpers.simulator.sectors import Sectors

#: What a GPU allows in one block.
MOST_THREADS = 1024


def launch(
    kernel: Callable[..., None],
    blocks: int | tuple[int, ...],
    threads: int | tuple[int, ...],
    *args: Any,
    find_races: bool = True,
) -> Counts:
    """Runs a kernel on a grid of blocks and says what it read and wrote.

    Args:
        kernel: uses the global name `cuda`, which is a `Cuda` for as long as the launch takes; so
            do the functions beside it that it calls.
        blocks, threads: blocks in the grid and threads in a block: x, or (x, y), or (x, y, z).
        args: numpy arrays, which the kernel changes in place, and numbers.
        find_races: without it, a race gives what it gives, and shared memory that was never
            written reads as NaN.

    Raises:
        KernelError: an index outside of an array, a race, more shared memory than a block has, a
            barrier that only some of a block's threads reach, or whatever else went wrong in one
            thread; whether or not the kernel catches it.
        ValueError: a block of more threads than a GPU allows.
    """
    grid, block = _dimensions(blocks), _dimensions(threads)
    if not 1 <= prod(block) <= MOST_THREADS or prod(grid) < 1:
        raise ValueError(f"a block has 1 to {MOST_THREADS} threads, a grid at least one block")
    plain: Any = getattr(kernel, "py_func", kernel)
    names = plain.__code__.co_varnames[: plain.__code__.co_argcount]
    cuda = Cuda(grid, block, find_races)
    # An array that is given twice is one memory: whoever uses it is watched together.
    uses = {id(arg): Uses() for arg in args} if find_races else {}
    moved = [Sectors(arg, block) if isinstance(arg, np.ndarray) else None for arg in args]
    arrays = [
        cuda.watched(arg, name, Accesses(), uses.get(id(arg)), noted=sectors.note)
        if sectors is not None
        else arg
        for name, arg, sectors in zip(names, args, moved, strict=True)
    ]
    with _seen_by(plain, cuda):
        for at in _places(grid):
            _run_block(cuda, at, lambda: plain(*arrays))
    counted = [array for array in arrays if isinstance(array, CountedArray)]
    return Counts(
        global_reads=sum(array.reads for array in counted),
        global_writes=sum(array.writes for array in counted),
        shared_reads=cuda.shared_accesses.reads,
        shared_writes=cuda.shared_accesses.writes,
        barriers=cuda.barriers,
        sectors=sum(sectors.count for sectors in moved if sectors is not None),
    )


@contextlib.contextmanager
def _seen_by(kernel: Any, cuda: Cuda) -> Iterator[None]:
    """While it lasts, `cuda` is this launch for the kernel and for the functions beside it."""
    names = kernel.__globals__
    before = {"cuda": names["cuda"]} if "cuda" in names else {}
    names["cuda"] = cuda
    try:
        yield
    finally:
        del names["cuda"]
        names.update(before)


def _dimensions(sizes: int | tuple[int, ...]) -> Index:
    return Index(sizes) if isinstance(sizes, int) else Index(*sizes)


def _places(sizes: Index) -> Iterator[Index]:
    """Every place in a grid or block, x fastest."""
    for z, y, x in product(*map(range, reversed(sizes))):
        yield Index(x, y, z)


def _run_block(cuda: Cuda, at: Index, work: Callable[[], None]) -> None:
    """All threads of a block, from barrier to barrier. Leaves no thread behind."""
    cuda.enter_block(at)
    living = [_Thread(place, work) for place in _places(cuda.blockDim)]
    try:
        while living:
            for thread in living:
                cuda.enter_thread(thread)
                thread.step()
                # What a GPU would not survive is not mended by a kernel that catches it here.
                if error := cuda.fault or thread.error:
                    raise _named(error, thread, at)
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


def _named(error: BaseException, thread: _Thread, block: Index) -> BaseException:
    """A thread's error with the thread's name; that there is no kernel yet, as it is."""
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
        self.arrays_asked_for = 0
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
