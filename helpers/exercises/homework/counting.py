"""Homework, tasks 3, 4 and 5: BatchNorm, PReLU, softmax."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from helpers.exercises.exercise import Exercise, Misconception
from helpers.ledger import Alternative, Ledger, Term
from helpers.reference import batch_norm_flops, softmax_flops


def _batch_norm_dividing_per_element(batch: int, channels: int, height: int, width: int) -> Ledger:
    """One mean and variance a channel, but divided once for each (channel, row, column)."""
    right = batch_norm_flops(batch, channels, height, width)
    divisions = 2 * channels * height * width
    return Ledger(
        "FLOP",
        tuple(
            replace(term, count=divisions) if term.name.startswith("divisions of") else term
            for term in right.terms
        ),
    )


def _batch_norm_without_variance_sum(batch: int, channels: int, height: int, width: int) -> Ledger:
    """One of the two sums, of the elements and of the squares, is missing."""
    n = batch * channels * height * width
    terms = batch_norm_flops(batch, channels, height, width).terms
    from_zero = Alternative("the sum starts from zero", n)
    one_sum = Term("sum of the mean", n - channels, alternatives=(from_zero,))
    rest = tuple(term for term in terms if not term.name.startswith("sums of"))
    return Ledger("FLOP", (one_sum, *rest))


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
            _batch_norm_without_variance_sum,
        ),
        Misconception("divided per element", _PER_CHANNEL, _batch_norm_dividing_per_element),
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


def _nonpositive(x: list[list[float]]) -> Ledger:
    count = sum(value <= 0 for row in x for value in row)
    return Ledger("FLOP", (Term("multiplications where x ≤ 0", count),))


def _elements(rows: list[list[float]]) -> int:
    return sum(len(row) for row in rows)


PRELU_FLOPS = Exercise(
    points=1,
    topic="FLOP of PReLU, which depend on the data",
    examples=[([[1.0, -2.0, 0.5, 3.0]],), ([[0.0, -1.0], [-0.5, 2.0]],)],
    hidden=_draw_activations,
    reference=_nonpositive,
    misconceptions=(
        Misconception(
            "two operations for every element",
            "which elements are multiplied at all? A comparison is free, and x > 0 passes through",
            lambda x: 2 * _elements(x),
        ),
        Misconception(
            "two operations for every multiplied element",
            "one multiplication is one FLOP; the comparison costs 0",
            lambda x: 2 * _nonpositive(x).total,
        ),
        Misconception(
            "a multiplication for every element",
            "is every element multiplied? Look at what PReLU does where x > 0",
            _elements,
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
