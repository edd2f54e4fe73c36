"""Homework, task 2: padding, MAC and FLOP of a standard and of a depthwise convolution."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from helpers.exercises.exercise import Exercise, Misconception, OneOf
from helpers.exercises.layer_costs import mac_and_flop, square_convolution, totals
from helpers.exercises.mistakes import FIRST_ADDITION_SAVED


def _draw_padding(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    cases = []
    for _ in range(6):
        kernel, padding = draw.choice([1, 3, 5, 7]), draw.randrange(4)
        size_in = draw.randrange(8, 64)
        cases.append((size_in, size_in + 2 * padding - kernel + 1, kernel))
    return cases


PADDING = Exercise(
    points=1,
    topic="padding for a given output size",
    examples=[(11, 9, 3), (11, 11, 3), (32, 32, 5), (8, 18, 1)],
    hidden=_draw_padding,
    reference=lambda size_in, size_out, kernel: (size_out - size_in + kernel - 1) // 2,
    known_slips=dict.fromkeys(
        (
            "(size_out - size_in + kernel - 1) // 2 → (size_out - size_in + kernel - 1) / 2",
            "size_out - size_in + kernel - 1 → size_out - size_in + kernel",
            "1 → 0",
        ),
        "equivalent: what is halved is even, and one more is rounded away",
    )
    | {"linear in size_in, size_out, kernel": "so it is: whoever finds all three has the rule"},
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
            "no padding at all",
            "without any zeros the output would be smaller: how much is missing?",
            lambda size_in, size_out, kernel: 0,
        ),
        Misconception(
            "difference of the sizes",
            "a kernel takes some places away: is it in your formula?",
            lambda size_in, size_out, kernel: size_out - size_in,
        ),
        Misconception(
            "half the difference of the sizes",
            "a kernel takes some places away: is it in your formula?",
            lambda size_in, size_out, kernel: (size_out - size_in) // 2,
        ),
        Misconception(
            "sign of the padding",
            "zeros that are added cannot be fewer than none: which size is taken from which?",
            lambda size_in, size_out, kernel: (size_in - size_out - kernel + 1) // 2,
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
    layer = square_convolution(in_channels, out_channels, size, kernel, padding=padding)
    return mac_and_flop(layer)


def _first_addition_saved(mac: float, outputs: int) -> dict[str, float]:
    return {"MAC": mac, "FLOP": 2 * mac - outputs}


_TAKEN_FOR_THE_SAME = (
    "MAC and FLOP taken for the same",
    "one MAC is a multiply and an add: FLOP and MAC are not the same number",
)
_BIAS = (
    "a bias that is not there",
    "this layer has no bias: what do you add to each output?",
)
_PADDED = "the output is smaller than the input here: no padding"

CONV_COST = Exercise(
    points=1,
    topic="MAC and FLOP of a convolution",
    examples=[(16, 16, 11, 3), (3, 8, 9, 5), (7, 5, 20, 3)],
    hidden=_draw_convolutions,
    reference=_convolution,
    misconceptions=(
        Misconception(
            "padding 1",
            _PADDED,
            lambda ci, co, size, kernel: totals(
                _convolution(ci, co, size, kernel, padding=(kernel - 1) // 2)
            ),
        ),
        Misconception(
            *_TAKEN_FOR_THE_SAME,
            lambda ci, co, size, kernel: dict.fromkeys(
                ("MAC", "FLOP"), _convolution(ci, co, size, kernel)["MAC"].total
            ),
        ),
        Misconception(
            *_BIAS,
            lambda ci, co, size, kernel: _with_bias(
                totals(_convolution(ci, co, size, kernel)), co * (size - kernel + 1) ** 2
            ),
        ),
        Misconception(
            "input channels forgotten",
            "every output sums over all input channels: where are they?",
            lambda ci, co, size, kernel: totals(_convolution(ci, co, size, kernel), by=ci),
        ),
        Misconception(
            "kernel in one dimension",
            "the kernel is a square: how many weights has it for one input channel?",
            lambda ci, co, size, kernel: totals(_convolution(ci, co, size, kernel), by=kernel),
        ),
        Misconception(
            "output in one dimension",
            "the output is a square, too: how many places are there in all?",
            lambda ci, co, size, kernel: totals(
                _convolution(ci, co, size, kernel), by=(size - kernel + 1)
            ),
        ),
        Misconception(
            "one place too few",
            "a kernel of 3 over 11 pixels stands in 9 places, not in 8",
            lambda ci, co, size, kernel: totals(_convolution(ci, co, size - 1, kernel)),
        ),
        Misconception(
            *FIRST_ADDITION_SAVED,
            lambda ci, co, size, kernel: _first_addition_saved(
                _convolution(ci, co, size, kernel)["MAC"].total,
                co * (size - kernel + 1) ** 2,
            ),
        ),
    ),
    library="PyTorch's counter says it of a layer built for it: longer than the formula",
)


def _with_bias(cost: dict[str, float], outputs: int) -> dict[str, Any]:
    """MAC and FLOP with an addition for each output, which some count as a MAC, too."""
    mac, flop = cost["MAC"], cost["FLOP"]
    return {"MAC": mac + outputs, "FLOP": OneOf((flop + outputs, flop + 2 * outputs))}


def _depthwise(channels: int, size: int, kernel: int, padding: int = 0):
    options = {"padding": padding, "groups": channels}
    return mac_and_flop(square_convolution(channels, channels, size, kernel, **options))


DEPTHWISE_COST = Exercise(
    points=1,
    topic="MAC and FLOP of a depthwise convolution",
    examples=[(16, 11, 3), (32, 9, 5), (7, 20, 3), (2, 9, 3)],
    hidden=lambda draw: [
        (draw.randrange(2, 129), draw.randrange(9, 57), draw.choice([3, 5])) for _ in range(5)
    ],
    reference=_depthwise,
    misconceptions=(
        Misconception(
            "padding 1",
            _PADDED,
            lambda channels, size, kernel: totals(
                _depthwise(channels, size, kernel, padding=(kernel - 1) // 2)
            ),
        ),
        Misconception(
            "counted as a standard convolution",
            "in a depthwise convolution an output sees one input channel, not all of them",
            lambda channels, size, kernel: totals(_convolution(channels, channels, size, kernel)),
        ),
        Misconception(
            *_BIAS,
            lambda channels, size, kernel: _with_bias(
                totals(_depthwise(channels, size, kernel)), channels * (size - kernel + 1) ** 2
            ),
        ),
        Misconception(
            "kernel in one dimension",
            "the kernel is a square: how many weights has it?",
            lambda channels, size, kernel: totals(_depthwise(channels, size, kernel), by=kernel),
        ),
        Misconception(
            "output in one dimension",
            "the output is a square, too: how many places are there in all?",
            lambda channels, size, kernel: totals(
                _depthwise(channels, size, kernel), by=(size - kernel + 1)
            ),
        ),
        Misconception(
            "one place too few",
            "a kernel of 3 over 11 pixels stands in 9 places, not in 8",
            lambda channels, size, kernel: totals(_depthwise(channels, size - 1, kernel)),
        ),
        Misconception(
            "channels left out",
            "this is one channel: how many are there?",
            lambda channels, size, kernel: totals(_depthwise(1, size, kernel)),
        ),
        Misconception(
            *FIRST_ADDITION_SAVED,
            lambda channels, size, kernel: _first_addition_saved(
                _depthwise(channels, size, kernel)["MAC"].total,
                channels * (size - kernel + 1) ** 2,
            ),
        ),
        Misconception(
            *_TAKEN_FOR_THE_SAME,
            lambda channels, size, kernel: dict.fromkeys(
                ("MAC", "FLOP"), _depthwise(channels, size, kernel)["MAC"].total
            ),
        ),
    ),
)
