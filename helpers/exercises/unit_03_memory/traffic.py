"""Unit 03: what layers read and write."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from helpers.exercises.exercise import Exercise, Misconception
from helpers.exercises.layer_costs import square_convolution
from helpers.exercises.mistakes import (
    WEIGHTS_FOR_EVERY_SAMPLE,
)
from helpers.ledger import Ledger, Term
from helpers.reference import linear_bytes

FP32 = 4  # bytes

_DTYPE = {4: "fp32", 2: "bf16", 1: "int8"}


def _linear(batch: int, in_features: int, out_features: int, width: int) -> Ledger:
    return linear_bytes(batch, in_features, out_features, dtype=_DTYPE[width])


def draw_linear(draw: random.Random) -> list[tuple[int, int, int]]:
    return [
        # A billion samples come within a millionth of the limit at these sizes.
        (draw.randrange(2, 257), draw.randrange(32, 1537), draw.randrange(32, 1537))
        for _ in range(4)
    ]


LINEAR_TRAFFIC = Exercise(
    points=1,
    topic="bytes that a linear layer moves",
    examples=[(1, 768, 3072, 4), (64, 768, 3072, 4), (64, 768, 3072, 2)],
    hidden=lambda draw: [(*sizes, draw.choice([1, 2, 4])) for sizes in draw_linear(draw)],
    reference=_linear,
    misconceptions=(
        Misconception(
            *WEIGHTS_FOR_EVERY_SAMPLE,
            lambda batch, i, o, width: batch * _linear(1, i, o, width).total,
        ),
        Misconception(
            "every multiply-accumulate fetches",
            "that is one fetch for each multiply-accumulate: a number that is read stays at hand",
            lambda batch, i, o, width: batch * i * o * width,
        ),
        Misconception(
            "always four bytes",
            "the width is an argument: not every number takes four bytes",
            lambda batch, i, o, width: _linear(batch, i, o, 4).total,
        ),
    ),
)


def _conv(batch: int, in_channels: int, out_channels: int, size: int, kernel: int) -> Ledger:
    return square_convolution(in_channels, out_channels, size, kernel, batch).bytes()


def _conv_same_size(batch: int, ci: int, co: int, size: int, kernel: int) -> int:
    return FP32 * (co * ci * kernel**2 + batch * (ci + co) * size**2)


def _conv_input_again(batch: int, ci: int, co: int, size: int, kernel: int) -> int:
    places = (size - kernel + 1) ** 2
    return FP32 * (co * ci * kernel**2 + batch * (ci * kernel**2 + co) * places)


def _conv_one_channel(batch: int, ci: int, co: int, size: int, kernel: int) -> int:
    places = (size - kernel + 1) ** 2
    return FP32 * (co * kernel**2 + batch * (ci * size**2 + co * places))


def _draw_convolutions(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    return [
        (
            draw.randrange(2, 33),
            draw.randrange(3, 129),
            draw.randrange(3, 129),
            draw.randrange(14, 113),
            draw.choice([3, 5, 7]),
        )
        for _ in range(4)
    ]


CONV_TRAFFIC = Exercise(
    points=1,
    topic="bytes that a convolution moves",
    examples=[(1, 16, 16, 11, 3), (8, 3, 64, 224, 7)],
    hidden=_draw_convolutions,
    reference=_conv,
    misconceptions=(
        Misconception(
            "output as large as the input",
            "there is no padding: in how many places does the kernel stand?",
            _conv_same_size,
        ),
        Misconception(
            "input read for every place",
            "neighbouring places share pixels: each element of the input is read once",
            _conv_input_again,
        ),
        Misconception(
            "kernels of one channel",
            "a kernel reaches through all input channels: how many numbers does it hold?",
            _conv_one_channel,
        ),
    ),
)


def _residual(elements: int, inputs: int) -> Ledger:
    sums = (inputs - 1) * elements
    return Ledger(
        "B",
        (
            Term("additions read", 2 * sums, FP32),
            Term("additions write", sums, FP32),
            Term("ReLU reads", elements, FP32),
            Term("ReLU writes", elements, FP32),
        ),
    )


RESIDUAL_TRAFFIC = Exercise(
    points=1,
    topic="bytes that relu(a + b + …) moves",
    # No straight line goes through them.
    examples=[(1000, 2), (802_816, 3), (4096, 5)],
    hidden=lambda draw: [(draw.randrange(10**3, 10**7), draw.randrange(2, 9)) for _ in range(4)],
    reference=_residual,
    misconceptions=(
        Misconception(
            "as if one kernel did all",
            "each addition and the ReLU is a kernel of its own: where does a + b wait in between?",
            lambda elements, inputs: (inputs + 1) * elements * FP32,
        ),
        Misconception(
            "as if one kernel did all additions",
            "one kernel adds two tensors: of more inputs, where does a + b wait?",
            lambda elements, inputs: (inputs + 3) * elements * FP32,
        ),
        Misconception(
            "ReLU that only reads or only writes",
            "name what the last kernel, the ReLU, reads and what it writes",
            lambda elements, inputs: (3 * inputs - 2) * elements * FP32,
        ),
        Misconception(
            "additions of one input",
            "name what one addition reads and what it writes: how many tensors are that?",
            lambda elements, inputs: 2 * inputs * elements * FP32,
        ),
        Misconception(
            "as many additions as inputs",
            "a + b are two inputs: how many additions is that?",
            lambda elements, inputs: (3 * inputs + 2) * elements * FP32,
        ),
        Misconception(
            "always two inputs",
            "right for a + b: what moves more where there are more `inputs`?",
            lambda elements, inputs: 5 * elements * FP32,
        ),
    ),
)
