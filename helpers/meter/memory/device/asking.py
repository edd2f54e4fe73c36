"""Asks a CPU's kernel itself what it takes beside its results: one call, alone, on this machine.

Formulas say what the usual kernels take. Of others (rare convolutions, Fourier transforms,
decompositions, losses, what others have registered) it follows from a library's inner rules, by
processor, version and number of threads. Those that can be at the peak are called with tensors of
the same shapes, once the step is known, and the allocator's events are read. Nothing is asked that
takes long or much; then the prediction says by how much it is uncertain.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import torch

from helpers.meter.memory.request import Request
from helpers.meter.memory.storages import Operation, StorageLog, Taken
from helpers.meter.profiled import profiled_peak

#: Bytes of arguments and results up to which a kernel is asked.
LARGEST = 1 << 30

#: Operations on numbers that the kernels asked for one step may take, together: some seconds.
MOST_WORK = 5 * 10**10

#: From so many on a call is made once: beside it, what the first call sets up is little.
_ONCE = 10**9

#: The share of a peak below which not knowing it is not worth a question or a word.
NEGLIGIBLE = 0.002

#: What kernels answered on this machine, by call, number of threads, and whether oneDNN runs.
_answers: dict[Any, tuple[int, int] | None] = {}


def settle(log: StorageLog) -> tuple[tuple[str, ...], int]:
    """Asks the kernels that can be at the peak, the highest first.

    In `log`, what an operation takes becomes what its kernel took. Where it cannot be asked, it is
    the least that the kernel may take. Returns the names of those asked, and the bytes that may be
    held at the peak with what is still not known.
    """
    held = [sum(bytes_) for bytes_ in zip(*log.live_bytes().values(), strict=True)]
    highest = list(map(_with_most, held, log.operations))
    asked: dict[str, None] = {}
    unasked, left = set(range(len(held))), MOST_WORK
    while True:
        at = max(range(len(held)), key=highest.__getitem__)
        operation = log.operations[at]
        taken = operation.taken
        if at not in unasked or taken.most - taken.least <= NEGLIGIBLE * highest[at]:
            return tuple(asked), max(map(_with_most, held, log.operations))
        request, answers = operation.request, None
        if request is not None and request.work <= left and request.bytes <= LARGEST:
            answers = _answers_of(request, taken.asked == "twice")
            left -= request.work
        for i in _alike(log, unasked, at):
            unasked.discard(i)
            log.operations[i] = _settled(log.operations[i], answers)
            highest[i] = held[i] + log.operations[i].taken.known
        if answers:
            asked[operation.name] = None


def _alike(log: StorageLog, numbers: set[int], at: int) -> Iterator[int]:
    """The operation with this number, and those that make the same call."""
    yield at
    request = log.operations[at].request
    if request is None or request.key is None:
        return
    for i in list(numbers):
        other = log.operations[i].request
        if i != at and other and other.func is request.func and other.key == request.key:
            yield i


def _settled(operation: Operation, answers: tuple[int, int] | None) -> Operation:
    if answers is None or operation.request is None:
        least = operation.taken.least
        return replace(operation, taken=Taken(least, least, operation.taken.most))
    least, most = (max(answer - operation.request.made, 0) for answer in answers)
    return replace(operation, taken=Taken(least, least, most))


def _with_most(held: int, operation: Operation) -> int:
    return held + operation.taken.most


def _answers_of(request: Request, twice: bool) -> tuple[int, int] | None:
    """Bytes at the highest moment of a call, its results included, at least and at most; None where
    it fails."""
    where = torch.get_num_threads(), torch.backends.mkldnn.enabled
    key = (request.key, *where) if request.key else None
    if key in _answers:
        return _answers[key]
    usual = _called(request, scale=1)
    zeros = _called(request, scale=0) if twice else usual
    found = None
    if usual is not None and zeros is not None:
        found = min(zeros, usual), max(zeros, usual)
    if key:
        _answers[key] = found
    return found


def _called(request: Request, scale: float) -> int | None:
    for whole in (0, 1):  # positions are counted from one or the other
        try:
            args, kwargs = request.arguments(whole, scale)
            run = partial(_without_gradients, request.func, args, kwargs)
            if request.work < _ONCE:
                run()  # the first call may set something up that is kept
            return profiled_peak(run)
        except Exception:  # whatever it wants, these tensors are not it
            continue
    return None


@torch.no_grad()
def _without_gradients(func: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    return func(*args, **kwargs)
