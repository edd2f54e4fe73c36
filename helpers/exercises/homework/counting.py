"""Homework, tasks 3, 4 and 5: BatchNorm, PReLU, softmax."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

from helpers.exercises.exercise import Exercise, Misconception, OneOf
from helpers.ledger import Alternative, Ledger, Term
from helpers.reference import softmax_flops
from helpers.reference.elementwise import PReLU


def _batch_norm(
    batch: int, channels: int, height: int, width: int, statistics: int | None = None
) -> dict[str, Ledger]:
    """What the mean, the variance and the rest cost; `statistics`: how many means there are."""
    n, means = batch * channels * height * width, statistics or channels
    from_zero = Alternative("the sum starts from zero", n)
    # x − μ, ÷ count and added to μ, for each element: 6 FLOP, and no division at the end.
    welford = Alternative("Welford's running mean", 6 * n - 4 * means)
    squares = Alternative("E[x²] − μ²: a square and a subtraction a mean", 2 * means)
    kept = Alternative("x − μ is kept from the variance: no second subtraction", 0)
    mean = (
        Term("sum of the mean", n - means, alternatives=(from_zero, welford)),
        Term("division of the mean", means, 4),
    )
    variance = (
        Term("variance: subtract the mean", n, alternatives=(squares,)),
        Term("variance: square", n),
        Term("sum of the variance", n - means, alternatives=(from_zero,)),
        Term("division of the variance", means, 4),
    )
    rest = (
        Term("add ε", means),
        Term("square root", means, 4),
        Term("subtract the mean", n, alternatives=(kept,)),
        Term("divide by the deviation", n, 4),
        Term("scale", n),
        Term("shift", n),
    )
    parts = {"mean": mean, "variance": variance, "normalize": rest}
    return {part: Ledger("FLOP", terms) for part, terms in parts.items()}


def _of_images(gives: Callable[[int, int, int], dict[str, Sequence[float]]]) -> Callable[..., Any]:
    """Wrong parts: `gives(elements, channels, places)`, each in one of several amounts."""

    def of(batch: int, channels: int, height: int, width: int) -> dict[str, OneOf]:
        places = channels * height * width
        return {
            part: OneOf(tuple(ways))
            for part, ways in gives(batch * places, channels, places).items()
        }

    return of


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
    examples=[(4, 3, 220, 220), (7, 8, 5, 5)],
    hidden=_draw_images,
    reference=lambda batch, channels, height, width: _batch_norm(batch, channels, height, width),
    known_slips={
        "n - channels → n": "a sum that starts from zero",
        "4 → 5": "as many operations as a sum that starts from zero takes more",
        "n - channels → channels": "as many operations as E[x²] − μ² takes",
        **dict.fromkeys(
            (
                "channels + 4 * channels + n + 4 * n + n + n → "
                "channels + 4 * channels + n + 4 * n + n",
                "channels + 4 * channels + n → channels + 4 * channels",
                "4 → 3",
            ),
            "one operation a number less, as with x − μ kept",
        ),
    },
    misconceptions=(
        Misconception(
            "statistics per element",
            _PER_CHANNEL,
            lambda b, c, h, w: _batch_norm(b, c, h, w, statistics=c * h * w),
        ),
        Misconception(
            "divided per element",
            _PER_CHANNEL,
            _of_images(
                lambda n, c, places: {
                    "mean": [n - c + 4 * places, n + 4 * places, n - places + 4 * places],
                    # With the sum, or without: the first thing to look at is the same.
                    "variance": [
                        each + 4 * places
                        for each in (3 * n - c, 3 * n, 3 * n - places, 2 * n, n, 2 * n - c)
                    ],
                }
            ),
        ),
        Misconception(
            "statistics for each image",
            "BatchNorm takes one mean and one variance for a channel over the whole batch, "
            "not for each image",
            lambda b, c, h, w: _batch_norm(b, c, h, w, statistics=b * c),
        ),
        Misconception(
            "one mean for all channels",
            "how many means are there: one in all, or one for each channel?",
            lambda b, c, h, w: _batch_norm(b, c, h, w, statistics=1),
        ),
        Misconception(
            "one channel",
            "this is one channel: how many are there?",
            lambda b, c, h, w: _batch_norm(b, 1, h, w),
        ),
        Misconception(
            "variance sum missing",
            "the variance is an average, too: which sum does it need?",
            _of_images(lambda n, c, places: {"variance": [2 * n + 4 * c]}),
        ),
        Misconception(
            "variance without its squares",
            "the variance is the average of what? Each difference is squared",
            _of_images(lambda n, c, places: {"variance": [2 * n + 3 * c, n + 3 * c]}),
        ),
        Misconception(
            "not measured",
            "in training, mean and variance are not known beforehand: what do they cost?",
            _of_images(lambda n, c, places: {"mean": [0], "variance": [0]}),
        ),
        Misconception(
            "elements divided",
            "a mean is one sum and one division: is each element divided?",
            _of_images(
                lambda n, c, places: {
                    "mean": [5 * n - c, 5 * n, 4 * n],
                    "variance": [7 * n - c, 7 * n, 6 * n],
                }
            ),
        ),
        Misconception(
            "running averages counted",
            "a few FLOP too many for each channel: the task leaves the running averages out",
            _of_images(
                lambda n, c, places: {
                    "mean": [n + k * c for k in (6, 7)],
                    "variance": [3 * n + k * c for k in (6, 7)],
                }
            ),
        ),
        Misconception(
            "n − 1 for the variance",
            "one FLOP too many for each channel: the task divides the sum by n",
            _of_images(lambda n, c, places: {"variance": [3 * n + 5 * c]}),
        ),
        Misconception(
            "one reciprocal a channel",
            "one reciprocal a channel would be cheaper, but the task divides every element",
            _of_images(lambda n, c, places: {"normalize": [4 * n + 9 * c, 3 * n + 9 * c]}),
        ),
        Misconception(
            "ε and root for each element",
            "√(variance + ε) is one number a channel: for how many elements does it serve?",
            _of_images(
                lambda n, c, places: {
                    "normalize": [k * n for k in (11, 12)] + [k * n + c for k in (10, 11)]
                }
            ),
        ),
        Misconception(
            "root left out",
            "the root has a price: what does the list say, and how many roots are there?",
            _of_images(
                lambda n, c, places: {
                    "normalize": [k * n + more * c for k in (6, 7) for more in (0, 1, 2, 4)]
                }
            ),
        ),
        Misconception(
            "priced 1",
            "what does the list say of a division, and of a root?",
            _of_images(
                lambda n, c, places: {
                    "mean": [n, n + c],
                    "variance": [3 * n, 3 * n + c],
                    "normalize": [k * n + more * c for k in (3, 4) for more in (0, 1, 2, 5)],
                }
            ),
        ),
        Misconception(
            "divided only",
            "each element is divided, and what else is done to it?",
            _of_images(
                lambda n, c, places: {
                    "normalize": [4 * n + more * c for more in (4, 5)]
                    + [5 * n + more * c for more in (0, 4, 5)]
                }
            ),
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
        # Whatever else is counted in it is another number.
        (
            [
                [0.5, 0.5, 0.0, -0.5, 0.0],
                [-2.0, 2.0, -0.5, -2.0, -4.0],
                [1.0, -4.0, 3.0, -3.0, 1.0],
                [-1.0, 0.5, 0.0, 0.5, 0.0],
            ],
        ),
        ([[-1.0], [0.0], [1.0], [0.0], [-0.5], [7.0]],),
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
    known_slips=dict.fromkeys(("n - 1 → n", "1 → 0"), "a sum that starts from zero"),
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
