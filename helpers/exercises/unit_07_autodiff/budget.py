"""Unit 07: the sweep back with room for few values: which to keep, and what it costs to forget."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from helpers.exercises.exercise import Exercise, Misconception, OneOf

#: From a chain's length, the slots and a function of both, what a first slot in the middle costs.
Split = Callable[[int, int, Callable[[int, int], int]], int]


def _best(length: int, slots: int, cost: Callable[[int, int], int]) -> int:
    """A. Griewank, A. Walther: Algorithm 799: revolve, 2000."""
    return min(
        place + cost(length - place, slots - 1) + cost(place, slots) for place in range(1, length)
    )


def _curve(steps: int, split: Split = _best, first: int = 0, more: int = 0) -> list[int]:
    """Steps computed with room for `first`, `first` + 1, … `steps` - 1 values; `more`: without any
    room, as if every sweep began so many steps further on."""

    @cache
    def cost(length: int, slots: int) -> int:
        if length <= 1:
            return 0
        if slots <= 0:
            return length * (length - 1) // 2 + more * length
        return split(length, slots, cost)

    return [cost(steps, slots) for slots in range(first, steps)]


def _free_middle(length: int, slots: int, cost: Callable[[int, int], int]) -> int:
    return min(
        place + (cost(length - place, slots) if place > 1 else 0) + cost(place, slots)
        for place in range(1, length)
    )


def _free_places(length: int, slots: int, cost: Callable[[int, int], int]) -> int:
    return min(
        place + cost(length - place, slots) + cost(place, slots) for place in range(1, length)
    )


def _by(split: Split, **how: Any) -> Callable[[int], list[int]]:
    return lambda steps: _curve(steps, split, **how)


BUDGET_CURVE = Exercise(
    points=2,
    topic="steps computed again, against values kept",
    examples=[(2,), (4,), (10,)],
    hidden=lambda draw: [(steps,) for steps in draw.sample(range(8, 19), 4)],
    # Few, as there are few to draw.
    spare=[(9,), (14,)],
    reference=lambda steps: _curve(steps),
    known_slips={
        "length * (length - 1) // 2 → length * (length - 1) / 2": "equivalent: the product is even"
    },
    misconceptions=(
        Misconception(
            "the slot stays taken",
            "when the right part is swept, its kept value is used up: who has the slot then?",
            _by(
                lambda length, slots, cost: min(
                    place + cost(length - place, slots - 1) + cost(place, slots - 1)
                    for place in range(1, length)
                )
            ),
        ),
        Misconception(
            "the middle value takes no slot",
            "while the right part is swept, the value in the middle is kept: how many slots are "
            "left for that part?",
            lambda steps: OneOf((_curve(steps, _free_middle), _curve(steps, _free_places))),
        ),
        Misconception(
            "always in the middle",
            "is the middle always the best place? Try them all",
            _by(
                lambda length, slots, cost: (
                    length // 2 + cost(length - length // 2, slots - 1) + cost(length // 2, slots)
                )
            ),
        ),
        Misconception(
            "the way to the middle is free",
            "to have the value in the middle, the steps up to it are computed once",
            _by(
                lambda length, slots, cost: min(
                    cost(length - place, slots - 1) + cost(place, slots)
                    for place in range(1, length)
                )
            ),
        ),
        Misconception(
            "a step more without a slot",
            "without a slot: how many steps lead to the value that the last rule looks at?",
            lambda steps: _curve(steps, more=1),
        ),
        Misconception(
            "no entry for no slot",
            "the first entry is for no slot at all",
            lambda steps: [*_curve(steps, first=1), steps - 1],
        ),
    ),
)
