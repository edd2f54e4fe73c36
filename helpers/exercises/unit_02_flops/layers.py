"""Unit 02: what one layer computes."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from helpers.exercises.exercise import Exercise, Misconception, OneOf
from helpers.exercises.layer_costs import mac_and_flop, square_convolution, totals
from helpers.exercises.mistakes import FIRST_ADDITION_SAVED
from helpers.exercises.wrong_batch_norm import divided_per_element, without_variance_sum
from helpers.ledger import Alternative, Ledger, Term
from helpers.reference import batch_norm_flops, softmax_flops
from helpers.reference.elementwise import PReLU
from helpers.reference.linear import Linear
from helpers.reference.pooling import AveragePool


def _linear(batch: int, tokens: int, in_features: int, out_features: int) -> dict[str, Ledger]:
    return mac_and_flop(Linear(batch, in_features, out_features, tokens=tokens))


LINEAR_COST = Exercise(
    points=1,
    topic="MAC and FLOP of a linear layer",
    examples=[(1, 1, 64, 32), (4, 10, 64, 32)],
    hidden=lambda draw: [
        (
            draw.randrange(2, 33),
            draw.randrange(2, 513),
            draw.randrange(2, 999),
            draw.randrange(2, 999),
        )
        for _ in range(4)
    ],
    reference=_linear,
    known_slips={
        "2 * mac + batch * tokens * out_features → 2 * mac": "right: sums that start at the bias",
    },
    misconceptions=(
        Misconception(
            "MAC for FLOP",
            "this is half: one MAC is a multiply and an add, two FLOP",
            lambda b, t, i, o: {"FLOP": b * t * i * o},
        ),
        Misconception(
            "bias once a token",
            "how many outputs has a token, and how many of them get a bias?",
            lambda b, t, i, o: {"FLOP": b * t * (2 * i * o + 1)},
        ),
        Misconception(
            "bias once for all tokens",
            "is the bias added once, or to the outputs of every token?",
            lambda b, t, i, o: {"FLOP": 2 * b * t * i * o + o},
        ),
        Misconception(
            "tokens forgotten",
            "every token goes through the layer: how many are there in a sample?",
            lambda b, t, i, o: {"MAC": b * i * o, "FLOP": b * (2 * i * o + o)},
        ),
        Misconception(
            "bias as one more input",
            "a bias is added, not multiplied: how many multiply-accumulates is that?",
            lambda b, t, i, o: {"MAC": b * t * (i + 1) * o, "FLOP": 2 * b * t * (i + 1) * o},
        ),
        Misconception(
            "batch and tokens forgotten",
            "this is one token of one sample: how many come in?",
            lambda b, t, i, o: {"MAC": i * o, "FLOP": 2 * i * o + o},
        ),
    ),
)


def _convolution(
    batch: int,
    in_channels: int,
    out_channels: int,
    size: int,
    kernel: int,
    stride: int,
    padding: int,
) -> Ledger:
    options = {"batch": batch, "stride": stride, "padding": padding}
    return square_convolution(in_channels, out_channels, size, kernel, **options).macs()


def _draw_convolutions(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    return [
        (
            draw.randrange(2, 17),
            draw.randrange(2, 65),
            draw.randrange(2, 65),
            draw.randrange(16, 113),
            draw.choice([3, 5, 7]),
            stride,
            draw.randrange(0, 3),
        )
        for stride in (1, 2, 2, 3)
    ]


CONVOLUTION_MACS = Exercise(
    points=1,
    topic="MAC of a convolution",
    # In the last one a step is left over, and padding makes room for another.
    examples=[(1, 16, 16, 11, 3, 1, 0), (8, 3, 64, 224, 7, 2, 3), (2, 4, 6, 10, 3, 3, 1)],
    hidden=_draw_convolutions,
    reference=_convolution,
    misconceptions=(
        Misconception(
            "stride forgotten",
            "does the kernel stand at every pixel? Look at what the stride does to the output",
            lambda b, i, o, size, k, s, p: _convolution(b, i, o, size, k, 1, p).total,
        ),
        Misconception(
            "padding forgotten",
            "the input is padded before the kernel slides: how large is the output then?",
            lambda b, i, o, size, k, s, p: _convolution(b, i, o, size, k, s, 0).total,
        ),
        Misconception(
            "padding on one side",
            "padding goes on both sides of the input",
            lambda b, i, o, size, k, s, p: b * i * o * k**2 * ((size + p - k) // s + 1) ** 2,
        ),
        Misconception(
            "the first place forgotten",
            "how many places has the kernel along a side? The first one counts, too (unit 01)",
            lambda b, i, o, size, k, s, p: b * i * o * k**2 * ((size + 2 * p - k) // s) ** 2,
        ),
        Misconception(
            "+ 1 before the division",
            "in the formula of the output size (unit 01), where does the + 1 stand?",
            lambda b, i, o, size, k, s, p: b * i * o * k**2 * ((size + 2 * p - k + 1) // s) ** 2,
        ),
        Misconception(
            "counted over the input's pixels",
            "a dot product is made for each pixel of the output: how many are those?",
            lambda b, i, o, size, k, s, p: b * i * o * k**2 * size**2,
        ),
        Misconception(
            "input channels forgotten",
            "each output sums over all input channels: where are they?",
            lambda b, i, o, size, k, s, p: _convolution(b, 1, o, size, k, s, p).total,
        ),
        Misconception(
            "kernel not squared",
            "how many weights has a kernel in two dimensions?",
            lambda b, i, o, size, k, s, p: _convolution(b, i, o, size, k, s, p).total // k,
        ),
        Misconception(
            "output size not squared",
            "the output has two sides",
            lambda b, i, o, size, k, s, p: b * i * o * k**2 * ((size + 2 * p - k) // s + 1),
        ),
    ),
)


def _grouped(in_channels: int, out_channels: int, size: int, kernel: int, groups: int):
    layer = square_convolution(in_channels, out_channels, size, kernel, groups=groups)
    return mac_and_flop(layer)


def _draw_groups(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    cases = []
    for groups in (2, 4, 8):
        channels = groups * draw.randrange(2, 9)
        cases.append((channels, groups * draw.randrange(2, 9), draw.randrange(9, 57), 3, groups))
    channels = draw.randrange(8, 129)
    depthwise = (channels, channels, draw.randrange(9, 57), 5, channels)
    return [*cases, depthwise, (draw.randrange(8, 65), draw.randrange(65, 129), 20, 5, 1)]


GROUPED_COST = Exercise(
    points=1,
    topic="MAC and FLOP with groups, depthwise among them",
    examples=[(16, 16, 11, 3, 1), (16, 16, 11, 3, 4), (16, 16, 11, 3, 16), (8, 24, 11, 5, 2)],
    hidden=_draw_groups,
    reference=_grouped,
    known_slips={
        "in_channels // groups → in_channels / groups": "equivalent: the groups divide",
    },
    misconceptions=(
        Misconception(
            "groups ignored",
            "how many input channels does one output see now?",
            lambda i, o, size, k, g: totals(_grouped(i, o, size, k, 1)),
        ),
        Misconception(
            "every grouped convolution taken as depthwise",
            "with groups, an output sees more than one channel, unless it is depthwise: how many?",
            lambda i, o, size, k, g: totals(_grouped(i, o, size, k, 1), by=i if g > 1 else 1),
        ),
        Misconception(
            "one group only",
            "this is what one group costs: how many are there?",
            lambda i, o, size, k, g: totals(_grouped(i, o, size, k, g), by=g),
        ),
        Misconception(
            "padding 1",
            "there is no padding: 11 pixels become 9 with a kernel of 3",
            lambda i, o, size, k, g: {
                "MAC": o * (i // g) * k**2 * size**2,
                "FLOP": 2 * o * (i // g) * k**2 * size**2,
            },
        ),
        Misconception(
            *FIRST_ADDITION_SAVED,
            lambda i, o, size, k, g: {
                "FLOP": o * (size - k + 1) ** 2 * (2 * (i // g) * k**2 - 1),
            },
        ),
    ),
)


def _pool(channels: int, size: int, kernel: int) -> Ledger:
    """As the reference counts; a sum that starts from zero is right here as in batch norm."""
    from_zero = Alternative("each sum starts from zero", channels * size**2)
    terms = (
        replace(term, alternatives=(from_zero,)) if term.name == "sum" else term
        for term in AveragePool(1, channels, (size, size), kernel).flops().terms
    )
    return Ledger("FLOP", tuple(terms))


AVERAGE_POOL_FLOPS = Exercise(
    points=1,
    topic="FLOP of average pooling",
    examples=[(1, 4, 2), (64, 56, 2), (5, 21, 3)],
    hidden=lambda draw: [
        (draw.randrange(2, 129), kernel * draw.randrange(3, 30), kernel) for kernel in (2, 3, 4, 7)
    ],
    reference=_pool,
    known_slips={
        "size // kernel → size / kernel": "equivalent: the kernel divides",
        "kernel ** 2 - 1 → kernel ** 2": "right: a sum that starts from zero",
        "1 → 0": "right: a sum that starts from zero",
        "4 → 5": "one addition a window, as of a sum that starts from zero: the same number",
    },
    misconceptions=(
        Misconception(
            "a comparison like the maximum",
            "the maximum only compares, which is free: does an average?",
            lambda channels, size, kernel: 0,
        ),
        Misconception(
            "one FLOP for each number",
            "in each window: how many additions and divisions, and what does a division cost?",
            lambda channels, size, kernel: channels * size**2,
        ),
        Misconception(
            "a division for each input",
            "is each number divided, or their sum?",
            lambda channels, size, kernel: int(
                channels * (size // kernel) ** 2 * (kernel**2 - 1 + 4 * kernel**2)
            ),
        ),
        Misconception(
            "channels forgotten",
            "this is one channel: how many are pooled?",
            lambda channels, size, kernel: (size // kernel) ** 2 * (kernel**2 + 3),
        ),
        Misconception(
            "a window at every pixel",
            "windows do not overlap: how many fit along one side?",
            lambda channels, size, kernel: channels * size**2 * (kernel**2 + 3),
        ),
    ),
)


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
    examples=[(2, 3, 4, 5), (32, 64, 56, 56)],
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
    examples=[([[2.0, -1.0, 0.0]],), ([[0.5, 1.0, 3.0], [-0.5, 2.0, 1.5]],)],
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
