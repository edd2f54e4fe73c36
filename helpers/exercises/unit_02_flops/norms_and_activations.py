"""Unit 02: what is done to every number, beside the products: norms and activations."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from helpers.exercises.exercise import Exercise, Misconception, OneOf
from helpers.exercises.layer_costs import totals
from helpers.exercises.wrong_batch_norm import divided_per_element, without_variance_sum
from helpers.ledger import Alternative, Ledger, Term
from helpers.reference import batch_norm_flops, softmax_flops
from helpers.reference.elementwise import PReLU


def _batch_norm(
    batch: int, channels: int, height: int, width: int, counted: Callable[..., Ledger] | None = None
) -> dict[str, Ledger]:
    """What is done once for the statistics, and what to each element; `counted` may be wrong."""
    terms = (counted or batch_norm_flops)(batch, channels, height, width).terms
    once = ("sums of", "divisions of", "variance:")
    statistics = tuple(
        way for term in terms if term.name.startswith(once) for way in _ways_to(term, channels)
    )
    rest = tuple(term for term in terms if not term.name.startswith(once))
    return {"statistics": Ledger("FLOP", statistics), "normalize": Ledger("FLOP", rest)}


def _ways_to(term: Term, channels: int) -> tuple[Term, ...]:
    """A term of the statistics with every right way to it: one of the two sums may start from zero
    and the other from its first number, and the variance has other formulas."""
    if term.name == "variance: subtract mean":
        # Welford: x − μ, ÷ n, added to μ, x − new μ, product, added, in place of two sums, their
        # divisions, a subtraction and a square.
        others = (
            Alternative("E[x²] − μ²: a square and a subtraction a channel", 2 * channels),
            Alternative("Welford's running mean", max(0, 6 * term.count - 4 * channels)),
        )
        return (replace(term, alternatives=others),)
    if term.name != "sums of mean and variance":
        return (term,)
    from_zero = tuple(replace(way, count=way.count // 2) for way in term.alternatives)
    return tuple(
        Term(name, term.count // 2, term.price, from_zero)
        for name in ("sum of the mean", "sum of the variance")
    )


_PER_CHANNEL = "how many means are there: one for each channel, or for each pixel of it?"

BATCH_NORM_COST = Exercise(
    points=2,
    topic="FLOP of batch norm in training",
    examples=[(2, 3, 4, 5), (16, 48, 28, 28)],
    hidden=lambda draw: [
        (draw.randrange(2, 33), draw.randrange(2, 65), draw.randrange(3, 57), draw.randrange(3, 57))
        for _ in range(4)
    ],
    reference=_batch_norm,
    known_slips={
        "numbers - channels → numbers": "right: sums that start from zero",
        "4 → 5": "two operations a channel, as of sums that start from zero: the same number",
        "1 + 4 + 1 + 1 → 1 + 4 + 1": "one operation a number less, as with x − μ kept",
        "1 + 4 → 4": "one operation a number less, as with x − μ kept",
        "1 → 0": "one operation a number less, as with x − μ kept",
        "4 → 3": "one operation a number less, as with x − μ kept",
    },
    misconceptions=(
        Misconception(
            "statistics per pixel",
            _PER_CHANNEL,
            lambda b, c, h, w: totals(_batch_norm(b, c * h * w, 1, 1)),
        ),
        Misconception(
            "divided per pixel",
            _PER_CHANNEL,
            lambda b, c, h, w: totals(_batch_norm(b, c, h, w, divided_per_element)),
        ),
        Misconception(
            "one mean for all channels",
            "how many means are there: one in all, or one for each channel?",
            lambda b, c, h, w: totals(_batch_norm(b * c, 1, h, w)),
        ),
        Misconception(
            "one reciprocal for a channel, then products",
            "that would be cheaper, but the formula divides: how many numbers does it divide?",
            lambda b, c, h, w: {
                "normalize": OneOf(tuple((3 + again) * b * c * h * w + 9 * c for again in (1, 0)))
            },
        ),
        Misconception(
            "what is done once a channel left out",
            "some operations are done once for each channel, not for each number: which, and what "
            "do they cost?",
            lambda b, c, h, w: {"statistics": 4 * b * c * h * w, "normalize": 7 * b * c * h * w},
        ),
        Misconception(
            "root left out",
            "ε and the root included: what does the price list say of a root?",
            lambda b, c, h, w: {
                "normalize": OneOf(tuple((6 + again) * b * c * h * w + c for again in (1, 0)))
            },
        ),
        Misconception(
            "statistics of each sample",
            "in training one μ stands for a channel of the whole batch, not of each sample",
            lambda b, c, h, w: totals(_batch_norm(1, b * c, h, w)),
        ),
        Misconception(
            "one division",
            "mean and variance are averages: how many divisions are that in a channel?",
            lambda b, c, h, w: {
                "statistics": OneOf(tuple(4 * b * c * h * w + each * c for each in (4, 3)))
            },
        ),
        Misconception(
            "variance sum missing",
            "mean and variance are averages: each of them is a sum",
            lambda b, c, h, w: totals(_batch_norm(b, c, h, w, without_variance_sum)),
        ),
        Misconception(
            "ε and root for each element",
            "√(σ² + ε) is one number: for how many elements does it serve?",
            lambda b, c, h, w: {"normalize": 12 * b * c * h * w},
        ),
    ),
)


def _draw_activations(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    def row() -> list[float]:
        return [draw.choice([0.0, round(draw.uniform(-2, 2), 2)]) for _ in range(6)]

    return [([row() for _ in range(draw.randrange(2, 6))],) for _ in range(5)]


PRELU_PRODUCTS = Exercise(
    points=1,
    topic="FLOP of PReLU, which depend on the data",
    examples=[
        ([[2.0, -1.0, 0.0]],),
        ([[0.5, 1.0, 3.0], [-0.5, 2.0, 1.5]],),
        ([[-0.5, -0.25, 0.0], [-3.0, 0.5, 0.75]],),
    ],
    hidden=_draw_activations,
    reference=lambda x: PReLU(x).flops(),
    misconceptions=(
        Misconception(
            "a product for every element",
            "what does PReLU do with x > 0: is anything multiplied there?",
            lambda x: PReLU(x).elements,
        ),
        Misconception(
            "comparison and product for every element",
            "look up the price of a comparison, and what happens where x > 0",
            lambda x: 2 * PReLU(x).elements,
        ),
        Misconception(
            "zero left out",
            "on which side does the definition put x = 0?",
            lambda x: sum(v < 0 for row in x for v in row),
        ),
        Misconception(
            "products where x > 0",
            "which of the two sides does the definition multiply by a?",
            lambda x: sum(v > 0 for row in x for v in row),
        ),
    ),
)

SOFTMAX_COST = Exercise(
    points=1,
    topic="FLOP of softmax",
    examples=[(1, 10), (12, 128)],
    hidden=lambda draw: [(draw.randrange(2, 65), draw.randrange(3, 2000)) for _ in range(4)],
    reference=lambda rows, n: softmax_flops(rows, n),
    known_slips={
        "n - 1 → n": "right: a sum that starts from zero",
        "1 → 0": "right: a sum that starts from zero",
    },
    misconceptions=(
        Misconception(
            "two operations for every element",
            "look up what an exponential and a division cost, and do not forget the sum",
            lambda rows, n: 2 * rows * n,
        ),
        Misconception(
            "a sum for each element",
            "all numbers of a row are divided by one sum: how often is it computed?",
            lambda rows, n: rows * n * (40 + (n - 1) + 4),
        ),
        Misconception(
            "one division for a row",
            "how many shares come out of a row, and what gives each of them?",
            lambda rows, n: rows * (40 * n + (n - 1) + 4),
        ),
        Misconception(
            "one reciprocal for a row, then products",
            "one reciprocal and n products would be cheaper: here each number is divided by the "
            "sum, as the text has it",
            lambda rows, n: OneOf(tuple(rows * (42 * n + 4 - less) for less in (1, 0))),
        ),
        Misconception(
            "the largest number subtracted first",
            "libraries do subtract the largest number first: read in the question whether to "
            "count that",
            lambda rows, n: OneOf(tuple(rows * (46 * n - less) for less in (1, 0))),
        ),
        Misconception(
            "rows forgotten",
            "this is what one row costs: how many are there?",
            lambda rows, n: 40 * n + (n - 1) + 4 * n,
        ),
    ),
)
