"""Unit 07: the chain rule from the inputs on, from the outputs back, and in the best order."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from functools import cache
from itertools import pairwise
from typing import Any

from helpers.exercises.exercise import Exercise, Misconception


def _draw_pairs(draw: random.Random) -> Sequence[tuple[float, ...]]:
    def number() -> float:
        return draw.choice([-1, 1]) * round(draw.uniform(1.1, 4), 2)

    return [(number(), number(), number(), number()) for _ in range(4)]


def _product_slope(slope: Callable[[float, float, float, float], float]) -> Callable[..., Any]:
    return lambda x, dx, y, dy: {"slope": slope(x, dx, y, dy)}


FORWARD_PRODUCT = Exercise(
    points=1,
    topic="a product in forward mode",
    examples=[(2.0, 1.0, 5.0, 0.0), (2.0, 1.0, 2.0, 1.0), (3.0, -2.0, 4.0, 0.5)],
    hidden=_draw_pairs,
    reference=lambda x, dx, y, dy: {"value": x * y, "slope": dx * y + x * dy},
    gate="slope",
    misconceptions=(
        Misconception(
            "slopes multiplied",
            "x · x has the slope 2x, not 1 · 1: what does each factor do to the change?",
            _product_slope(lambda x, dx, y, dy: dx * dy),
        ),
        Misconception(
            "one factor at rest",
            "both factors may change with the input",
            _product_slope(lambda x, dx, y, dy: dx * y),
        ),
        Misconception(
            "the other factor at rest",
            "both factors may change with the input",
            _product_slope(lambda x, dx, y, dy: x * dy),
        ),
        Misconception(
            "slopes added",
            "this is the slope of x + y: what does a factor do to the other one's change?",
            _product_slope(lambda x, dx, y, dy: dx + dy),
        ),
        Misconception(
            "slope first",
            "which comes first, the value or its slope?",
            lambda x, dx, y, dy: {"value": dx * y + x * dy, "slope": x * y},
        ),
        Misconception(
            "its own factor",
            "if x changes by dx, by how much does x · y change?",
            _product_slope(lambda x, dx, y, dy: x * dx + y * dy),
        ),
    ),
)


def _forward(widths: Sequence[int], first: int = 1) -> int:
    return sum(widths[0] * widths[at] * widths[at + 1] for at in range(first, len(widths) - 1))


def _best_order(widths: Sequence[int]) -> int:
    """Multiplications of a chain of matrices at best, by which product comes last."""
    if len(widths) == 2:
        return 0
    return min(
        _best_order_of(tuple(widths[: cut + 1]))
        + _best_order_of(tuple(widths[cut:]))
        + widths[0] * widths[cut] * widths[-1]
        for cut in range(1, len(widths) - 1)
    )


_best_order_of = cache(_best_order)


def _jacobians(widths: Sequence[int]) -> dict[str, int]:
    return {
        "forward": _forward(widths),
        "reverse": _forward(widths[::-1]),
        "best": _best_order(widths),
    }


def _last_left_out(widths: Sequence[int]) -> int:
    cuts = range(1, len(widths) - 1)
    return min(
        (_best_order(widths[: cut + 1]) + _best_order(widths[cut:]) for cut in cuts), default=0
    )


def _cheapest_first(widths: Sequence[int]) -> int:
    """The cheapest product that there is, again and again: the first of equals."""
    left, total = list(widths), 0
    while len(left) > 2:
        costs = [left[at - 1] * left[at] * left[at + 1] for at in range(1, len(left) - 1)]
        total += min(costs)
        del left[costs.index(min(costs)) + 1]
    return total


def _narrowest_first(widths: Sequence[int]) -> int:
    """The widest number in the middle is summed away first, so the narrowest is left to the end."""
    left, total = list(widths), 0
    while len(left) > 2:
        at = max(range(1, len(left) - 1), key=lambda place: left[place])
        total += left[at - 1] * left[at] * left[at + 1]
        del left[at]
    return total


def _draw_widths(draw: random.Random) -> Sequence[tuple[list[int]]]:
    """Chains whose best order begins at neither end, and is not what one rule of thumb finds."""
    cases = []
    for rule in (_cheapest_first, _narrowest_first, _cheapest_first, _narrowest_first):
        while True:
            widths = [draw.randrange(2, 60) for _ in range(draw.randrange(5, 8))]
            costs = _jacobians(widths)
            if costs["best"] < min(costs["forward"], costs["reverse"], rule(widths)):
                cases.append((widths,))
                break
    return [*cases, ([draw.randrange(20, 90) for _ in range(4)] + [1],)]


def _each(change: Callable[[int], Any]) -> Callable[..., Any]:
    return lambda widths: {part: change(cost) for part, cost in _jacobians(widths).items()}


JACOBIAN_PRODUCTS = Exercise(
    points=1,
    topic="in which order the chain rule is cheapest",
    # One output; one input; few numbers in the middle; one step, which needs no product.
    examples=[
        ([1000, 100, 100, 1],),
        ([1, 20, 300, 40],),
        ([50, 40, 2, 60, 30],),
        ([7, 5],),
    ],
    hidden=_draw_widths,
    reference=_jacobians,
    misconceptions=(
        Misconception(
            "modes swapped",
            "forward mode begins with the table of the first step, at the inputs",
            lambda widths: {"forward": _forward(widths[::-1]), "reverse": _forward(widths)},
        ),
        Misconception(
            "the first table multiplied, too",
            "the first table is there: with what is it multiplied?",
            lambda widths: {
                "forward": _forward(widths, first=0),
                "reverse": _forward(widths[::-1], first=0),
            },
        ),
        Misconception(
            "the better of the two ends",
            "an order may begin in the middle, too",
            lambda widths: {"best": min(_forward(widths), _forward(widths[::-1]))},
        ),
        Misconception(
            "the cheapest product first",
            "a cheap product may leave dear ones: try every product as the last one",
            lambda widths: {"best": _cheapest_first(widths)},
        ),
        Misconception(
            "the widest sum first",
            "the widest middle need not go first: try every product as the last one",
            lambda widths: {"best": _narrowest_first(widths)},
        ),
        Misconception(
            "one sweep",
            "one sweep is for one input or one output: how many of them has the chain?",
            lambda widths: {
                part: sum(a * b for a, b in pairwise(widths)) for part in ("forward", "reverse")
            },
        ),
        Misconception(
            "additions counted, too",
            "multiplications are asked for: these are twice as many",
            _each(lambda cost: 2 * cost),
        ),
        Misconception(
            "the last product left out",
            "when both sides are done, one more product joins them",
            lambda widths: {"best": _last_left_out(widths)},
        ),
    ),
)
