"""A ring of devices in this process: runs one program on each and counts what every link carries.

A program is a generator, called as `program(rank, ranks, mine)`. `got = yield numbers` sends a list
to the next rank and waits for what the one before sends; what it returns is the rank's result. All
ranks go step by step, always in the same order, so a run gives the same whenever it is repeated.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

#: Steps after which a program is taken to have no end, for each rank of the ring.
MOST_STEPS = 100

Program = Callable[[int, int, list[float]], Generator[list[float], list[float], list[float]]]


class RingError(Exception):
    """A program that real devices would hang or fail on. Says what and where, in one line."""


@dataclass(frozen=True)
class RingRun:
    """What came of a run.

    Attributes:
        results: what each rank returned.
        carried: numbers that each link carried; link r leads from rank r to the next.
        steps: how often all ranks sent.
        longest: of each step, the numbers on the busiest link: the others wait for it.
    """

    results: tuple[list[float], ...]
    carried: tuple[int, ...]
    steps: int
    longest: tuple[int, ...]

    def seconds(self, latency: float, bandwidth: float, width: int = 4) -> float:
        """Time on links of `bandwidth` bytes/s, with `latency` s a step and `width` B a number."""
        return sum(latency + width * numbers / bandwidth for numbers in self.longest)


def run_ring(program: Program, numbers: Sequence[Sequence[float]]) -> RingRun:
    """Runs a program on as many ranks as there are lists of numbers, each on a copy of its own.

    Raises RingError where the program is no generator, sends what is no list of numbers, where some
    ranks have ended while others still wait, or none ever ends.
    """
    ranks = len(numbers)
    if not inspect.isgeneratorfunction(program):
        # One that is still to be written says so itself.
        program(0, ranks, list(numbers[0]))
        name = getattr(program, "__name__", "the program")
        raise RingError(f"{name} sends nothing: `got = yield numbers` sends a list and waits")
    running = [program(rank, ranks, list(mine)) for rank, mine in enumerate(numbers)]
    got: list[Any] = [None] * ranks
    carried, longest = [0] * ranks, list[int]()
    while True:
        sent, ended = _step(running, got)
        if len(ended) == ranks:
            results = tuple(_listed(ended[rank], rank, "returns") for rank in range(ranks))
            return RingRun(results, tuple(carried), len(longest), tuple(longest))
        if ended:
            done, waiting = min(ended), min(sent)
            raise RingError(
                f"rank {done} has ended after {len(longest)} steps and rank {waiting} still sends: "
                "on real devices it waits for ever"
            )
        messages = [_listed(sent[rank], rank, "sends") for rank in range(ranks)]
        for rank, message in enumerate(messages):
            carried[rank] += len(message)
        longest.append(max(map(len, messages)))
        if len(longest) > MOST_STEPS * ranks:
            raise RingError(f"after {len(longest)} steps no rank has ended: does its loop end?")
        got = [messages[rank - 1] for rank in range(ranks)]


def _step(
    running: Sequence[Generator[Any, Any, Any]], got: Sequence[Any]
) -> tuple[dict[int, Any], dict[int, Any]]:
    """Each rank up to what it sends next, by rank; and what those that end return."""
    sent, ended = dict[int, Any](), dict[int, Any]()
    for rank, (program, message) in enumerate(zip(running, got, strict=True)):
        try:
            sent[rank] = program.send(message)
        except StopIteration as end:
            ended[rank] = end.value
    return sent, ended


def _listed(value: Any, rank: int, does: str) -> list[float]:
    """A copy of a list of numbers."""
    value = value.tolist() if hasattr(value, "tolist") else value
    if not isinstance(value, list | tuple) or not all(isinstance(each, Real) for each in value):
        raise RingError(f"rank {rank} {does} {_kind(value)}, where a list of numbers is needed")
    return list(value)


def _kind(value: Any) -> str:
    """What a value is, and for a list what is in it that is no number."""
    kind = type(value).__name__
    if not isinstance(value, list | tuple):
        return kind
    inside = next(type(each).__name__ for each in value if not isinstance(each, Real))
    return f"a {kind} with {inside} in it"
