"""Unit 03: what an MLP moves, and how half of it is saved."""

from __future__ import annotations

import random

from helpers.exercises.exercise import Exercise, Misconception, OneOf
from helpers.exercises.mistakes import (
    ELEMENTS_FOR_BYTES,
    HALF_THE_WIDTH,
    WEIGHTS_FOR_EVERY_SAMPLE,
)
from helpers.exercises.unit_03_memory.traffic import FP32, draw_linear


def _mlp(batch: int, features: int, hidden: int, between: int = 4, weights_read: int = 1):
    between_bytes = between * batch * hidden * FP32
    ends = 2 * batch * features * FP32
    return {
        "between": between_bytes,
        "total": between_bytes + ends + 2 * weights_read * features * hidden * FP32,
    }


MLP_TRAFFIC = Exercise(
    points=1,
    topic="bytes between the layers of an MLP",
    examples=[(1, 768, 3072), (128, 768, 3072), (2, 64, 100)],
    hidden=draw_linear,
    reference=_mlp,
    misconceptions=(
        Misconception(
            *ELEMENTS_FOR_BYTES,
            lambda *sizes: {part: value // FP32 for part, value in _mlp(*sizes).items()},
        ),
        Misconception(
            *HALF_THE_WIDTH,
            lambda *sizes: {part: value // 2 for part, value in _mlp(*sizes).items()},
        ),
        Misconception(
            "one way only",
            "what lies between two layers is written by one and read by the next: both move it",
            lambda batch, features, hidden: _mlp(batch, features, hidden, between=2),
        ),
        Misconception(
            "one tensor, moved once",
            "there are two tensors between the three layers, and each moves twice",
            lambda batch, features, hidden: _mlp(batch, features, hidden, between=1),
        ),
        Misconception(
            *WEIGHTS_FOR_EVERY_SAMPLE,
            lambda batch, features, hidden: {
                "total": _mlp(batch, features, hidden, weights_read=batch)["total"]
            },
        ),
    ),
)


def _half(
    batch: int, features: int, hidden: int, *, exactly: bool = True, **how: int
) -> int | None:
    """The widest hidden layer with which the MLP moves at most half as much; `exactly`: half of it
    is allowed; how bytes are counted, as by `_mlp`."""

    def moved(width: int) -> int:
        return int(_mlp(batch, features, width, **how)["total"])

    room = moved(hidden) // 2 - moved(0) - (not exactly)
    width = room // (moved(1) - moved(0))
    return width if width > 0 else None


def _draw_mlps(draw: random.Random) -> list[tuple[int, int, int]]:
    """Of each kind: mostly weights, mostly what lies between, exactly half, and no way."""
    many = 4 * draw.randrange(3, 60)
    return [
        (draw.randrange(1, 5), draw.randrange(256, 1025), draw.randrange(1024, 4097)),
        (draw.randrange(500, 3000), draw.randrange(256, 1025), draw.randrange(1024, 4097)),
        (draw.randrange(20, 300), draw.randrange(100, 800), draw.randrange(500, 3000)),
        # Half of the hidden width, less a quarter of the batch.
        (many, 2 * many, 2 * draw.randrange(many, 5 * many)),
        (draw.randrange(500, 3000), draw.randrange(700, 1025), draw.randrange(20, 200)),
    ]


HALF_TRAFFIC = Exercise(
    points=1,
    topic="half the traffic of an MLP, in its shape",
    examples=[
        (1, 768, 3072),
        (128, 768, 3072),
        # Exactly half is left with 5 of 11.
        (2, 4, 11),
        # A width of 1, and none: what goes in and out is more than half, or nearly.
        (64, 768, 58),
        (64, 768, 56),
        (2048, 768, 100),
    ],
    hidden=_draw_mlps,
    reference=_half,
    misconceptions=(
        Misconception(
            "half the width",
            "half the width halves what lies between, and the weights: and what goes in and out?",
            lambda batch, features, hidden: OneOf((hidden // 2, hidden / 2)),
        ),
        Misconception(
            "less than half",
            "at most half: what if it is exactly half?",
            lambda *sizes: _half(*sizes, exactly=False),
        ),
        Misconception(
            "0, or a width of 1, where there is none",
            "where even a width of 1 moves more than half, no width will do: what is asked for "
            "then?",
            lambda *sizes: OneOf((_half(*sizes) or 0, _half(*sizes) or 1)),
        ),
        Misconception(
            "a broken width",
            "a width is a whole number: which way is it to be rounded, for half at most?",
            lambda batch, features, hidden: (
                hidden / 2 - batch * features / (4 * batch + 2 * features)
            ),
        ),
        Misconception(
            "what lies between moved once",
            "what lies between two layers is written by one and read by the next: both move it",
            lambda *sizes: _half(*sizes, between=2),
        ),
        Misconception(
            "one tensor between the layers",
            "there are two tensors between the three layers, and each moves twice",
            lambda *sizes: _half(*sizes, between=1),
        ),
        Misconception(
            *WEIGHTS_FOR_EVERY_SAMPLE,
            lambda batch, *sizes: _half(batch, *sizes, weights_read=batch),
        ),
        Misconception(
            "what is saved",
            "this is how much narrower it gets: how wide is it then?",
            lambda batch, features, hidden: (
                None if (left := _half(batch, features, hidden)) is None else hidden - left
            ),
        ),
        Misconception(
            "the bytes, not the width",
            "these are bytes: how wide may the hidden layer be?",
            lambda *sizes: _mlp(*sizes)["total"] / 2,
        ),
    ),
)
