"""Homework, tasks 3, 4 and 5: BatchNorm, PReLU, softmax."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from helpers.exercises.exercise import Exercise, Misconception
from helpers.exercises.wrong_batch_norm import divided_per_element, without_variance_sum
from helpers.ledger import Alternative, Ledger, Term
from helpers.reference import batch_norm_flops, softmax_flops
from helpers.reference.elementwise import PReLU


def _batch_norm_without_variance(batch: int, channels: int, height: int, width: int) -> Ledger:
    """Only the mean is taken; whatever stands under the square root costs nothing."""
    n = batch * channels * height * width
    return Ledger(
        "FLOP",
        (
            Term("sum", n - channels, alternatives=(Alternative("from zero", n),)),
            Term("division by the count", channels, 4),
            Term("ε", channels, alternatives=(Alternative("left out, too", 0),)),
            Term("square root", channels, 4, (Alternative("left out, too", 0),)),
            Term("subtract, divide, scale and shift", n, 1 + 4 + 1 + 1),
        ),
    )


def _draw_images(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    return [
        (draw.randrange(2, 33), draw.randrange(2, 65), draw.randrange(3, 57), draw.randrange(3, 57))
        for _ in range(5)
    ]


_PER_CHANNEL = (
    "how many means are there? BatchNorm has one mean and one variance for each channel, "
    "and divides once for each of them"
)

BATCH_NORM_FLOPS = Exercise(
    points=2,
    topic="FLOP of BatchNorm in training",
    examples=[(4, 3, 220, 220), (2, 8, 5, 5)],
    hidden=_draw_images,
    reference=batch_norm_flops,
    misconceptions=(
        Misconception(
            "statistics per element",
            _PER_CHANNEL,
            lambda b, c, h, w: batch_norm_flops(b, c * h * w, 1, 1),
        ),
        Misconception(
            "variance missing",
            "you left out the variance: the mean alone does not say by what to divide",
            _batch_norm_without_variance,
        ),
        Misconception(
            "counted as at inference",
            "in training, mean and variance are not known beforehand: what do they cost?",
            lambda b, c, h, w: batch_norm_flops(b, c, h, w, training=False),
        ),
        Misconception(
            "statistics for each image",
            "BatchNorm takes one mean and one variance for a channel over the whole batch, "
            "not for each image",
            lambda b, c, h, w: batch_norm_flops(1, b * c, h, w),
        ),
        Misconception(
            "one channel",
            "this is one channel: how many are there?",
            lambda b, c, h, w: batch_norm_flops(b, 1, h, w),
        ),
        Misconception(
            "variance sum missing",
            "mean and variance are averages: you left out one of the two sums",
            without_variance_sum,
        ),
        Misconception("divided per element", _PER_CHANNEL, divided_per_element),
        Misconception(
            "9N: only the normalisation",
            "this counts what is done to each element once mean and variance are known: "
            "what do they cost?",
            lambda b, c, h, w: 9 * b * c * h * w,
        ),
    ),
)


def _draw_activations(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    def row() -> list[float]:
        # Zeros among them: PReLU multiplies for x ≤ 0.
        return [draw.choice([0.0, round(draw.uniform(-2, 2), 2)]) for _ in range(8)]

    return [([row() for _ in range(draw.randrange(1, 6))],) for _ in range(5)]


PRELU_FLOPS = Exercise(
    points=1,
    topic="FLOP of PReLU, which depend on the data",
    examples=[([[1.0, -2.0, 0.5, 3.0]],), ([[0.0, -1.0], [-0.5, 2.0]],)],
    hidden=_draw_activations,
    reference=lambda x: PReLU(x).flops(),
    misconceptions=(
        Misconception(
            "two operations for every element",
            "which elements are multiplied at all? A comparison is free, and x > 0 passes through",
            lambda x: 2 * PReLU(x).elements,
        ),
        Misconception(
            "two operations for every multiplied element",
            "one multiplication is one FLOP; the comparison costs 0",
            lambda x: 2 * PReLU(x).count,
        ),
        Misconception(
            "a multiplication for every element",
            "is every element multiplied? Look at what PReLU does where x > 0",
            lambda x: PReLU(x).elements,
        ),
        Misconception(
            "zero left out",
            "what happens at x = 0 exactly? Read the definition once more",
            lambda x: sum(value < 0 for row in x for value in row),
        ),
        Misconception(
            "counted where x > 0",
            "on which side of zero does PReLU multiply?",
            lambda x: sum(value > 0 for row in x for value in row),
        ),
    ),
)


SOFTMAX_FLOPS = Exercise(
    points=2,
    topic="FLOP of softmax",
    examples=[(4, 32), (1, 10)],
    hidden=lambda draw: [(draw.randrange(2, 65), draw.randrange(3, 2000)) for _ in range(5)],
    reference=softmax_flops,
    misconceptions=(
        Misconception(
            "two operations for every element",
            "an exponential and a division are not one FLOP each: look at the price list, "
            "and do not forget the sum",
            lambda batch, n: 2 * batch * n,
        ),
    ),
)
