"""Homework, tasks 3, 4 and 5: BatchNorm, PReLU, softmax."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from itertools import combinations
from typing import Any

from helpers.exercises.exercise import Exercise, Misconception, OneOf
from helpers.exercises.wrong_batch_norm import divided_per_element, without_variance_sum
from helpers.ledger import Alternative, Ledger, Term
from helpers.reference import batch_norm_flops, softmax_flops
from helpers.reference.elementwise import PReLU


def _batch_norm(
    batch: int,
    channels: int,
    height: int,
    width: int,
    counted: Callable[[int, int, int, int], Ledger] = batch_norm_flops,
) -> Ledger:
    """Mean and variance by any of three formulas: they differ in how often μ is subtracted."""
    n = batch * channels * height * width
    subtractions = Term(
        "subtract the mean",
        2 * n,
        alternatives=(
            Alternative("x − μ is kept from the variance: no second subtraction", n),
            Alternative(
                "variance as E[x²] − μ²: a square and a subtraction a channel", n + 2 * channels
            ),
            # 9 FLOP an element and a division a channel in place of two sums, their divisions, a
            # subtraction and a square: x − μ, ÷ count, added to μ, x − new μ, product, added.
            Alternative("Welford's running mean and variance", 7 * n - 4 * channels),
        ),
    )
    terms = counted(batch, channels, height, width).terms
    others = (term for term in terms if "subtract mean" not in term.name)
    return Ledger("FLOP", (*others, subtractions))


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


def _plus(extra: Callable[[int, int], Sequence[float]]) -> Callable[..., OneOf]:
    """Every right derivation and something more: `extra(elements, channels)`, in one of several
    amounts."""

    def gives(batch: int, channels: int, height: int, width: int) -> OneOf:
        n = batch * channels * height * width
        rights = _batch_norm(batch, channels, height, width).accepted_totals()
        return OneOf(tuple(total + more for total in rights for more in extra(n, channels)))

    return gives


def _divided_per_element_and_less(batch: int, channels: int, height: int, width: int) -> OneOf:
    """Divided once for each (channel, row, column), and up to four other terms left out."""
    terms = _batch_norm(batch, channels, height, width, divided_per_element).terms
    divided = [term for term in terms if term.name.startswith("divisions of")]
    others = [term for term in terms if not term.name.startswith("divisions of")]
    totals: set[float] = set()
    for size in range(1, 5):
        for missing in combinations(others, size):
            left = tuple(term for term in others if term not in missing)
            totals |= Ledger("FLOP", (*divided, *left)).accepted_totals()
    return OneOf(tuple(totals))


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
    reference=lambda batch, channels, height, width: _batch_norm(batch, channels, height, width),
    misconceptions=(
        Misconception(
            "statistics per element",
            _PER_CHANNEL,
            lambda b, c, h, w: _batch_norm(b, c * h * w, 1, 1),
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
            lambda b, c, h, w: _batch_norm(1, b * c, h, w),
        ),
        Misconception(
            "one channel",
            "this is one channel: how many are there?",
            lambda b, c, h, w: _batch_norm(b, 1, h, w),
        ),
        Misconception(
            "one mean for all channels",
            "how many means are there: one in all, or one for each channel?",
            lambda b, c, h, w: _batch_norm(b * c, 1, h, w),
        ),
        Misconception(
            "variance sum missing",
            "mean and variance are averages: you left out one of the two sums",
            lambda b, c, h, w: _batch_norm(b, c, h, w, without_variance_sum),
        ),
        Misconception(
            "divided per element",
            _PER_CHANNEL,
            lambda b, c, h, w: _batch_norm(b, c, h, w, divided_per_element),
        ),
        Misconception(
            "running averages counted",
            "some operations too many for each channel: are the running averages among them? The "
            "task leaves them out",
            _plus(lambda n, channels: [channels * each for each in (4, 6, 7, 8)]),
        ),
        Misconception(
            "n − 1 for the variance",
            "one operation too many for each channel: is it the − 1 of n − 1? Normalising divides "
            "by n",
            _plus(lambda n, channels: [channels, 1]),
        ),
        Misconception(
            "root not priced",
            "four FLOP are missing for each channel: the root, or one of the two divisions?",
            _plus(lambda n, channels: [-4 * channels]),
        ),
        Misconception(
            "root priced 1",
            "the root of each channel has a price of its own: what does the list say?",
            _plus(lambda n, channels: [-3 * channels]),
        ),
        Misconception(
            "ε and root for each element",
            "√(σ² + ε) is one number a channel: for how many elements does it serve?",
            _plus(lambda n, channels: [5 * n - 5 * channels, 4 * n - 4 * channels]),
        ),
        Misconception(
            "one reciprocal a channel",
            "one reciprocal a channel would be cheaper, but the task divides every element",
            _plus(lambda n, channels: [4 * channels - 3 * n]),
        ),
        Misconception(
            "divided per element, and more left out",
            _PER_CHANNEL,
            _divided_per_element_and_less,
        ),
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

    return [([row() for _ in range(draw.randrange(2, 6))],) for _ in range(5)]


PRELU_FLOPS = Exercise(
    points=1,
    topic="FLOP of PReLU, which depend on the data",
    examples=[
        ([[1.0, -2.0, 0.5, 3.0]],),
        ([[0.0, -1.0, 2.0], [-0.5, -4.0, -1.0], [3.0, 0.0, 0.0]],),
    ],
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
        Misconception(
            "first row only",
            "x has several rows: do you look at all of them?",
            lambda x: sum(value <= 0 for value in x[0]),
        ),
        Misconception(
            "rows counted",
            "this is the number of rows: what does PReLU do with the numbers in them?",
            lambda x: OneOf((len(x), 2 * len(x))),
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
            "batch and n exchanged",
            "a row has n elements, and there are batch rows: which is which in your count?",
            lambda batch, n: softmax_flops(n, batch),
        ),
        Misconception(
            "one reciprocal a row",
            "one reciprocal a row, then products, would be cheaper: the task divides every element",
            lambda batch, n: OneOf((batch * (42 * n + 3), batch * (42 * n + 4))),
        ),
        Misconception(
            "maximum subtracted",
            "the task leaves the maximum out: is it in your count?",
            lambda batch, n: OneOf(
                tuple(batch * (k * n - less) for k in (46, 47) for less in (0, 1, 2))
            ),
        ),
        Misconception(
            "one division a row",
            "one division an element: how many elements has a row?",
            lambda batch, n: OneOf((batch * (41 * n + 3), batch * (41 * n + 4))),
        ),
        Misconception(
            "sum over all rows",
            "each row has a sum of its own: how many additions does one take?",
            lambda batch, n: batch * 44 * n + batch * n - 1,
        ),
        Misconception(
            "two operations for every element",
            "an exponential and a division are not one FLOP each: look at the price list, "
            "and do not forget the sum",
            lambda batch, n: 2 * batch * n,
        ),
    ),
)
