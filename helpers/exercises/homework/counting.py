"""Homework, tasks 1 to 5: bytes, convolutions, BatchNorm, PReLU, softmax."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from helpers.exercises.exercise import Exercise, Misconception
from helpers.exercises.own_number import draw_names, own_number
from helpers.ledger import Alternative, Ledger, Term
from helpers.reference import batch_norm_flops, conv2d_flops, conv2d_macs, softmax_flops

UNIT = "homework"


OWN_BYTES = Exercise(
    name="own_bytes",
    unit=UNIT,
    points=1,
    topic="bytes in GB and GiB",
    parameters=("name",),
    examples=[("Ada Lovelace",), ("Alan Turing",)],
    hidden=draw_names,
    reference=lambda name: {"GB": own_number(name) / 1000**3, "GiB": own_number(name) / 1024**3},
    tolerance=1e-3,
    misconceptions=(
        Misconception(
            "GB and GiB swapped",
            "which of the two units is the larger one? The number in front of it is the smaller",
            lambda name: {"GB": own_number(name) / 1024**3, "GiB": own_number(name) / 1000**3},
        ),
        Misconception(
            "MB for GB",
            "count the steps: B → kB → MB → GB are three",
            lambda name: {"GB": own_number(name) / 1000**2, "GiB": own_number(name) / 1024**2},
        ),
    ),
)


def _draw_padding(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    cases = []
    for _ in range(6):
        kernel, padding = draw.choice([1, 3, 5, 7]), draw.randrange(4)
        size_in = draw.randrange(8, 64)
        cases.append((size_in, size_in + 2 * padding - kernel + 1, kernel))
    return cases


PADDING = Exercise(
    name="padding",
    unit=UNIT,
    points=1,
    topic="padding for a given output size",
    parameters=("size_in", "size_out", "kernel"),
    examples=[(11, 9, 3), (11, 11, 3), (32, 32, 5)],
    hidden=_draw_padding,
    reference=lambda size_in, size_out, kernel: (size_out - size_in + kernel - 1) // 2,
    misconceptions=(
        Misconception(
            "padding that keeps the size",
            "this padding keeps the output as large as the input: is that what is asked for?",
            lambda size_in, size_out, kernel: (kernel - 1) // 2,
        ),
        Misconception(
            "padding 1",
            "padding 1 and a kernel of 3 make the output as large as the input: is it?",
            lambda size_in, size_out, kernel: 1,
        ),
        Misconception(
            "padding of both sides together",
            "padding is added on both sides: p is what one side gets",
            lambda size_in, size_out, kernel: size_out - size_in + kernel - 1,
        ),
    ),
)


def _draw_convolutions(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    return [
        (draw.randrange(2, 65), draw.randrange(2, 65), draw.randrange(9, 57), draw.choice([3, 5]))
        for _ in range(5)
    ]


def _convolution(in_channels: int, out_channels: int, size: int, kernel: int, padding: int = 0):
    sizes = (1, in_channels, out_channels, size, size, kernel)
    return {
        "MAC": conv2d_macs(*sizes, padding=padding, bias=False),
        "FLOP": conv2d_flops(*sizes, padding=padding, bias=False),
    }


def _totals(ledgers: dict[str, Ledger]) -> dict[str, float]:
    return {part: ledger.total for part, ledger in ledgers.items()}


_PADDED = "the output is smaller than the input here: no padding"

CONV_COST = Exercise(
    name="conv_cost",
    unit=UNIT,
    points=1,
    topic="MAC and FLOP of a convolution",
    parameters=("in_channels", "out_channels", "size", "kernel"),
    examples=[(16, 16, 11, 3), (3, 8, 9, 5)],
    hidden=_draw_convolutions,
    reference=_convolution,
    misconceptions=(
        Misconception(
            "padding 1",
            _PADDED,
            lambda ci, co, size, kernel: _totals(
                _convolution(ci, co, size, kernel, padding=(kernel - 1) // 2)
            ),
        ),
        Misconception(
            "MAC and FLOP taken for the same",
            "one MAC is a multiply and an add: FLOP and MAC are not the same number",
            lambda ci, co, size, kernel: dict.fromkeys(
                ("MAC", "FLOP"), conv2d_macs(1, ci, co, size, size, kernel, bias=False).total
            ),
        ),
        Misconception(
            "input channels forgotten",
            "every output sums over all input channels: where are they?",
            lambda ci, co, size, kernel: {
                part: total // ci
                for part, total in _totals(_convolution(ci, co, size, kernel)).items()
            },
        ),
    ),
)


def _depthwise(channels: int, size: int, kernel: int, padding: int = 0):
    sizes = (1, channels, channels, size, size, kernel)
    return {
        "MAC": conv2d_macs(*sizes, padding=padding, groups=channels, bias=False),
        "FLOP": conv2d_flops(*sizes, padding=padding, groups=channels, bias=False),
    }


DEPTHWISE_COST = Exercise(
    name="depthwise_cost",
    unit=UNIT,
    points=1,
    topic="MAC and FLOP of a depthwise convolution",
    parameters=("channels", "size", "kernel"),
    examples=[(16, 11, 3), (32, 9, 5)],
    hidden=lambda draw: [
        (draw.randrange(2, 129), draw.randrange(9, 57), draw.choice([3, 5])) for _ in range(5)
    ],
    reference=_depthwise,
    misconceptions=(
        Misconception(
            "padding 1",
            _PADDED,
            lambda channels, size, kernel: _totals(
                _depthwise(channels, size, kernel, padding=(kernel - 1) // 2)
            ),
        ),
        Misconception(
            "counted as a standard convolution",
            "in a depthwise convolution an output sees one input channel, not all of them",
            lambda channels, size, kernel: _totals(_convolution(channels, channels, size, kernel)),
        ),
        Misconception(
            "MAC and FLOP taken for the same",
            "one MAC is a multiply and an add: FLOP and MAC are not the same number",
            lambda channels, size, kernel: dict.fromkeys(
                ("MAC", "FLOP"), _depthwise(channels, size, kernel)["MAC"].total
            ),
        ),
    ),
)


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
    name="batch_norm_flops",
    unit=UNIT,
    points=2,
    topic="FLOP of BatchNorm in training",
    parameters=("batch", "channels", "height", "width"),
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


def _nonpositive(rows: list[list[float]]) -> Ledger:
    count = sum(value <= 0 for row in rows for value in row)
    return Ledger("FLOP", (Term("multiplications where x ≤ 0", count),))


def _elements(rows: list[list[float]]) -> int:
    return sum(len(row) for row in rows)


PRELU_FLOPS = Exercise(
    name="prelu_flops",
    unit=UNIT,
    points=1,
    topic="FLOP of PReLU, which depend on the data",
    parameters=("x",),
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
    name="softmax_flops",
    unit=UNIT,
    points=2,
    topic="FLOP of softmax",
    parameters=("batch", "n"),
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
