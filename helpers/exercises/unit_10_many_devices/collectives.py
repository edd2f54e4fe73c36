"""Unit 10: what a collective sends, the ring that does it, and how long it takes."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from helpers.exercises.exercise import Exercise, Misconception
from helpers.reference.many_devices import (
    collective_bytes,
)

_COLLECTIVES = ("all-reduce", "reduce-scatter", "all-gather")


def _sent(collective: str, amount: int, devices: int) -> int:
    return round(collective_bytes(collective, amount, devices).total)


def _draw_sent(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    cases = []
    for collective in _COLLECTIVES:
        for _ in range(2):
            devices = draw.choice([3, 4, 6, 8, 16, 32])
            cases.append((collective, devices * draw.randrange(10**4, 10**9), devices))
    return cases


SENT_BYTES = Exercise(
    points=1,
    topic="bytes that a device sends in each collective",
    examples=[
        ("reduce-scatter", 8_000_000, 4),
        ("all-gather", 8_000_000, 4),
        ("all-reduce", 8_000_000, 4),
        ("all-reduce", 14_000_000_000, 8),
        ("all-gather", 600, 2),
    ],
    hidden=_draw_sent,
    reference=_sent,
    known_slips={
        "rounds * (devices - 1) * amount // devices → rounds * (devices - 1) * amount / devices": (
            "equivalent: devices divides amount"
        )
    },
    misconceptions=(
        Misconception(
            "the whole to everyone",
            "that would be whole tensors, or what all devices send together: one device sends one "
            "chunk a step",
            lambda collective, amount, devices: (
                (2 if collective == "all-reduce" else 1) * (devices - 1) * amount
            ),
        ),
        Misconception(
            "as many steps as devices",
            "of all chunks a device has one already: how many steps are left?",
            lambda collective, amount, devices: (2 if collective == "all-reduce" else 1) * amount,
        ),
        Misconception(
            "once round for all of them",
            "an all-reduce first adds up, then hands round: that is twice round",
            lambda collective, amount, devices: amount * (devices - 1) // devices,
        ),
        Misconception(
            "twice round for all of them",
            "only one of the three goes round twice: which of them ends with sums, everywhere?",
            lambda collective, amount, devices: 2 * amount * (devices - 1) // devices,
        ),
        Misconception(
            "one chunk",
            "this is one step: how many are there?",
            lambda collective, amount, devices: (
                (2 if collective == "all-reduce" else 1) * amount // devices
            ),
        ),
    ),
)

Lists = list[list[float]]


def _numbers(ranks: int, length: int, seed: int) -> Lists:
    draw = random.Random(seed)
    return [[draw.randrange(1, 100) for _ in range(length)] for _ in range(ranks)]


def _rounds(data: Lists, first: int, steps: int, adds: bool, back: int = 1) -> None:
    """Rank r passes on chunk r + first, then the one before it; what comes is added or put in.

    `back`: how many chunks before it, as it is often taken to be.
    """
    ranks = len(data)
    size = len(data[0]) // ranks
    for step in range(steps):
        chunks = [(rank + first - back * step) % ranks for rank in range(ranks)]
        sent = [
            mine[chunk * size : (chunk + 1) * size]
            for mine, chunk in zip(data, chunks, strict=True)
        ]
        for rank in range(ranks):
            at = chunks[rank - 1] * size
            for place, number in enumerate(sent[rank - 1], at):
                data[rank][place] = number + (data[rank][place] if adds else 0)


def _played(
    ranks: int, length: int, seed: int, rounds: Sequence[tuple[int, int, bool]], back: int = 1
) -> Any:
    """What a run gives that goes round so: (first chunk, steps, whether it adds) each time."""
    data = _numbers(ranks, length, seed)
    for first, steps, adds in rounds:
        _rounds(data, first, steps, adds, back)
    steps = sum(steps for _, steps, _ in rounds)
    return {
        "sums": [number for mine in data for number in mine],
        "busiest link": steps * length // ranks,
        "steps": steps,
    }


def _ring(ranks: int, length: int, seed: int, back: int = 1) -> dict[str, Any]:
    return _played(ranks, length, seed, [(0, ranks - 1, True), (1, ranks - 1, False)], back)


def _one_exchange(ranks: int, length: int, seed: int) -> dict[str, Any]:
    """Each rank passes its list on once, and adds what comes."""
    data = _numbers(ranks, length, seed)
    pairs = [(data[rank], data[rank - 1]) for rank in range(ranks)]
    sums = [a + b for own, other in pairs for a, b in zip(own, other, strict=True)]
    return {"sums": sums, "busiest link": length, "steps": 1}


def _draw_rings(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    return [
        (ranks, ranks * draw.randrange(2, 6), draw.randrange(10**6))
        for ranks in (2, 3, draw.randrange(4, 7), 8)
    ]


RING_ALL_REDUCE = Exercise(
    points=3,
    topic="a ring all-reduce, its links counted",
    examples=[(2, 4, 1), (3, 6, 2), (4, 12, 3)],
    hidden=_draw_rings,
    reference=_ring,
    gate="sums",
    known_slips={"zip(mine[here], got) → zip(got, mine[here])": "a sum has no order"},
    misconceptions=(
        Misconception(
            "whole lists go round",
            "the sums are right, but every link carries whole lists: pass on one chunk a step",
            lambda ranks, length, seed: {
                "busiest link": (ranks - 1) * length,
                "steps": ranks - 1,
            },
        ),
        Misconception(
            "sums collected, then handed round whole",
            "the sums are right, but whole lists travel: pass on one chunk a step",
            lambda ranks, length, seed: {"busiest link": 2 * (ranks - 1) * length},
        ),
        Misconception(
            "one exchange",
            "one step brings the numbers of the rank before: how do those of all others come?",
            _one_exchange,
        ),
        Misconception(
            "no second time round",
            "every rank ends with one finished chunk: how does it get the others?",
            lambda ranks, length, seed: _played(ranks, length, seed, [(0, ranks - 1, True)]),
        ),
        Misconception(
            "added the second time, too",
            "the second time finished sums come: are they added to something once more?",
            lambda ranks, length, seed: _played(
                ranks, length, seed, [(0, ranks - 1, True), (1, ranks - 1, True)]
            ),
        ),
        Misconception(
            "no sums in the end",
            "a chunk ends as one rank's numbers: is what comes the first time added, and which "
            "chunk is finished on rank r when the second time begins?",
            lambda ranks, length, seed: _played(
                ranks, length, seed, [(0, ranks - 1, True), (0, ranks - 1, False)]
            ),
        ),
        Misconception(
            "the same chunk in every step",
            "a rank passes on the same chunk in every step: what has just come to it?",
            lambda ranks, length, seed: _ring(ranks, length, seed, back=0),
        ),
        Misconception(
            "chunks in the wrong order",
            "what has just come is what is passed on next: which chunk is that, the next or the "
            "one before?",
            lambda ranks, length, seed: _ring(ranks, length, seed, back=-1),
        ),
        Misconception(
            "a step too many each time",
            "the last step of a round brings what is there already: how many are needed?",
            lambda ranks, length, seed: {"busiest link": 2 * length, "steps": 2 * ranks},
        ),
        Misconception(
            "a step too few the first time",
            "after the first time one chunk should hold all ranks' numbers: count the steps",
            lambda ranks, length, seed: _played(
                ranks, length, seed, [(0, ranks - 2, True), (2, ranks - 1, False)]
            ),
        ),
    ),
)


def _seconds(
    amount: int, devices: int, bandwidth: int, latency: float, steps: int | None = None
) -> dict[str, float]:
    """`steps`: as they are often counted."""
    count = 2 * (devices - 1) if steps is None else steps
    return {"latency": count * latency, "bandwidth": count * amount / devices / bandwidth}


def _draw_seconds(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    return [
        (
            8 * draw.randrange(100, 10**most) + 1,
            draw.choice([4, 8, 16, 64]),
            10**9 * draw.choice([25, 50, 300, 450]),
            draw.choice([2e-6, 5e-6, 2e-5]),
        )
        for most in (3, 3, 7, 9)
    ]


ALL_REDUCE_SECONDS = Exercise(
    points=1,
    topic="seconds of an all-reduce: latency and bandwidth",
    examples=[
        (14_000_000_000, 8, 450_000_000_000, 5e-6),
        (16_384, 8, 450_000_000_000, 5e-6),
        (14_000_000_000, 64, 50_000_000_000, 1e-5),
        (1001, 8, 450_000_000_000, 5e-6),
    ],
    hidden=_draw_seconds,
    reference=lambda amount, devices, bandwidth, latency: _seconds(
        amount, devices, bandwidth, latency
    ),
    misconceptions=(
        Misconception(
            "one latency",
            "a step cannot begin before the one before it has arrived: how many steps are there?",
            lambda amount, devices, bandwidth, latency: {"latency": latency},
        ),
        Misconception(
            "once round",
            "an all-reduce goes round twice",
            lambda amount, devices, bandwidth, latency: _seconds(
                amount, devices, bandwidth, latency, devices - 1
            ),
        ),
        Misconception(
            "a step for each device",
            "of all chunks a device has one already: how many steps does each round take?",
            lambda amount, devices, bandwidth, latency: _seconds(
                amount, devices, bandwidth, latency, 2 * devices
            ),
        ),
        Misconception(
            "the whole in each step",
            "a step carries one chunk, and all links work at once",
            lambda amount, devices, bandwidth, latency: {
                "bandwidth": 2 * (devices - 1) * amount / bandwidth
            },
        ),
        Misconception(
            "sent once, whole",
            "a device sends more than the tensor: how much, in both rounds?",
            lambda amount, devices, bandwidth, latency: {"bandwidth": amount / bandwidth},
        ),
    ),
)
