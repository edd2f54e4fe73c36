"""Unit 08: softmax in one pass, as tiled attention takes it."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from math import exp
from typing import Any

from helpers.exercises.exercise import Exercise, Misconception

Row = list[float]


def _taken_in(
    largest: float,
    total: float,
    weighted: Row,
    scores: Row,
    values: list[Row],
    new: Callable[[float, Row], float] = lambda largest, scores: max(largest, *scores),
    scale_total: Callable[[float], float] = exp,
    scale_weighted: Callable[[float], float] = exp,
) -> dict[str, Any]:
    """The sums after a tile: those so far times a scale, a function of old minus new largest.

    M. Milakov, N. Gimelshein: Online normalizer calculation for softmax, 2018; T. Dao et al.:
    FlashAttention, 2022.
    """
    to = new(largest, scores)
    shares = [exp(score - to) for score in scores]
    kept, kept_weighted = scale_total(largest - to), scale_weighted(largest - to)
    return {
        "largest": to,
        "total": kept * total + sum(shares),
        "weighted": [
            kept_weighted * before
            + sum(share * row[j] for share, row in zip(shares, values, strict=True))
            for j, before in enumerate(weighted)
        ],
    }


def _online_softmax(
    largest: float, total: float, weighted: Row, scores: Row, values: list[Row]
) -> dict[str, Any]:
    return _taken_in(largest, total, weighted, scores, values)


def _one(_: float) -> float:
    return 1.0


def _only(part: str, *parts: str, **how: Any) -> Callable[..., dict[str, Any]]:
    """What `_taken_in` gives with a mistake, in the parts that it is seen in."""

    def gives(
        largest: float, total: float, weighted: Row, scores: Row, values: list[Row]
    ) -> dict[str, Any]:
        taken = _taken_in(largest, total, weighted, scores, values, **how)
        return {name: taken[name] for name in (part, *parts)}

    return gives


def _not_subtracted(
    largest: float, total: float, weighted: Row, scores: Row, values: list[Row]
) -> dict[str, Any]:
    shares = [exp(score) for score in scores]
    return {
        "total": total + sum(shares),
        "weighted": [
            before + sum(share * row[j] for share, row in zip(shares, values, strict=True))
            for j, before in enumerate(weighted)
        ],
    }


def _divided(
    largest: float, total: float, weighted: Row, scores: Row, values: list[Row]
) -> dict[str, Any]:
    taken = _taken_in(largest, total, weighted, scores, values)
    return {"weighted": [number / taken["total"] for number in taken["weighted"]]}


def _whole_values(
    largest: float, total: float, weighted: Row, scores: Row, values: list[Row]
) -> dict[str, Any]:
    kept = exp(largest - max(largest, *scores))
    columns = zip(*values, strict=True)
    return {
        "weighted": [
            kept * before + sum(column) for before, column in zip(weighted, columns, strict=True)
        ]
    }


def _draw(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    def numbers(count: int) -> Row:
        return [draw.randrange(-8, 9) / 2 for _ in range(count)]

    cases: list[tuple[Any, ...]] = []
    for width, tile in ((1, 2), (2, 3), (3, 2), (2, 4)):
        scores = numbers(tile)
        # Now above all scores of the tile, now below the largest of them.
        above = max(scores) + (1 if len(cases) % 2 else -1) * draw.randrange(1, 5) / 2
        total = 1 + draw.randrange(1, 12) / 4
        values = [numbers(width) for _ in range(tile)]
        cases.append((above, total, numbers(width), scores, values))
    return cases


ONLINE_SOFTMAX = Exercise(
    points=2,
    topic="softmax and its weighted sum, a tile at a time",
    examples=[
        (0.0, 1.0, [2.0], [1.0], [[4.0]]),
        (1.0, 2.5, [3.0, -1.0], [3.0, 2.0], [[1.0, 0.5], [2.0, 4.0]]),
        (2.0, 1.5, [2.0, 1.0], [0.5, -1.0, 1.0], [[1.0, 3.0], [-2.0, 2.0], [0.5, 1.0]]),
    ],
    hidden=_draw,
    reference=_online_softmax,
    misconceptions=(
        Misconception(
            "the sums so far not rescaled",
            "what was summed so far was taken with the old largest: by which factor does it shrink "
            "when a larger score comes?",
            _only("total", "weighted", scale_total=_one, scale_weighted=_one),
        ),
        Misconception(
            "rescaled the wrong way",
            "your factor grows where it should shrink: old minus new, or new minus old?",
            _only(
                "total", "weighted", scale_total=lambda x: exp(-x), scale_weighted=lambda x: exp(-x)
            ),
        ),
        Misconception(
            "the tile's largest",
            "the largest of this tile only: may an earlier one have been larger?",
            _only("largest", "total", "weighted", new=lambda largest, scores: max(scores)),
        ),
        Misconception(
            "the largest so far kept",
            "a score of this tile may be larger than all before it: what is m then?",
            _only("largest", "total", "weighted", new=lambda largest, scores: largest),
        ),
        Misconception(
            "values not weighted",
            "each row of values counts by the share of its score: yours counts whole",
            _whole_values,
        ),
        Misconception(
            "nothing subtracted",
            "eˣ of the score itself: subtract the largest first, or it overflows",
            _not_subtracted,
        ),
        Misconception(
            "divided already",
            "the weighted sum is divided by the total once, when all tiles are done",
            _divided,
        ),
    ),
)
