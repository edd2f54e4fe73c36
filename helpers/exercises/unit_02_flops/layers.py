"""Unit 02: what one layer computes."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from helpers.exercises.exercise import Exercise, Misconception
from helpers.exercises.layer_costs import mac_and_flop, square_convolution, totals
from helpers.exercises.mistakes import FIRST_ADDITION_SAVED
from helpers.ledger import Ledger, Term
from helpers.reference.linear import Linear


def _linear(batch: int, tokens: int, in_features: int, out_features: int) -> dict[str, Ledger]:
    return mac_and_flop(Linear(batch, in_features, out_features, tokens=tokens))


LINEAR_COST = Exercise(
    points=1,
    topic="MAC and FLOP of a linear layer",
    examples=[(1, 1, 64, 32), (4, 10, 64, 32), (2, 3, 100, 10)],
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
    library="PyTorch's counter says it of a layer built for it: longer than the formula",
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
    library="PyTorch's counter says it of a layer built for it: longer than the formula",
)


def _grouped(in_channels: int, out_channels: int, size: int, kernel: int, groups: int):
    layer = square_convolution(in_channels, out_channels, size, kernel, groups=groups)
    return mac_and_flop(layer)


def _draw_groups(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    cases = []
    for groups in (2, 4, 8):
        channels = groups * draw.randrange(2, 9)
        cases.append((channels, groups * draw.randrange(2, 9), draw.randrange(9, 57), 3, groups))
    channels = 2 * draw.randrange(4, 65)
    depthwise = (channels, channels, draw.randrange(9, 57), 5, channels)
    return [*cases, depthwise, (2 * draw.randrange(4, 33), 2 * draw.randrange(33, 65), 20, 5, 1)]


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
            "a bias added",
            "one addition more for each output: is there a bias here?",
            lambda i, o, size, k, g: {
                "FLOP": o * (size - k + 1) ** 2 * (2 * (i // g) * k**2 + 1),
            },
        ),
        Misconception(
            "the first place forgotten",
            "how many places has the kernel along a side? The first one counts, too (unit 01)",
            lambda i, o, size, k, g: {
                "MAC": o * (i // g) * k**2 * (size - k) ** 2,
                "FLOP": 2 * o * (i // g) * k**2 * (size - k) ** 2,
            },
        ),
        Misconception(
            *FIRST_ADDITION_SAVED,
            lambda i, o, size, k, g: {
                "FLOP": o * (size - k + 1) ** 2 * (2 * (i // g) * k**2 - 1),
            },
        ),
    ),
    library="PyTorch's counter says it of a layer built for it: longer than the formula",
)


def _transposed(in_channels: int, out_channels: int, size: int, kernel: int, stride: int) -> Ledger:
    """Each input pixel meets the whole kernel, whatever the stride."""
    del stride
    term = Term("input pixels", size**2, in_channels * out_channels * kernel**2)
    return Ledger("MAC", (term,))


def _side_out(size: int, kernel: int, stride: int) -> int:
    return (size - 1) * stride + kernel


def _draw_enlargements(draw: random.Random) -> Sequence[tuple[int, ...]]:
    return [
        (draw.randrange(2, 65), draw.randrange(2, 65), draw.randrange(5, 40), kernel, stride)
        for kernel, stride in ((2, 2), (4, 2), (3, 2), (5, 3))
    ]


TRANSPOSED_MACS = Exercise(
    points=1,
    topic="the bug in a count of a transposed convolution",
    examples=[(1, 1, 2, 2, 2), (64, 32, 28, 4, 2), (8, 16, 10, 3, 3), (3, 5, 7, 5, 2)],
    hidden=_draw_enlargements,
    reference=_transposed,
    misconceptions=(
        Misconception(
            "each output pixel a whole dot product",
            "this is the count with its bug: which input pixels lie behind one output pixel? "
            "Count from the input instead",
            lambda i, o, size, k, s: i * o * k**2 * _side_out(size, k, s) ** 2,
        ),
        Misconception(
            "that count ÷ stride²",
            "where kernels overlap or stick out, this is not exact: how often is each weight used?",
            lambda i, o, size, k, s: i * o * k**2 * _side_out(size, k, s) ** 2 / s**2,
        ),
        Misconception(
            "size · stride squared",
            "does a larger stride make more products, or put the same ones further apart?",
            lambda i, o, size, k, s: i * o * k**2 * (size * s) ** 2,
        ),
        Misconception(
            "one product for each output pixel",
            "where kernels overlap, an output is a sum of several products",
            lambda i, o, size, k, s: i * o * _side_out(size, k, s) ** 2,
        ),
        Misconception(
            "as an ordinary convolution without padding",
            "a transposed convolution makes images larger: no place is left out at the edge",
            lambda i, o, size, k, s: i * o * k**2 * max(0, size - k + 1) ** 2,
        ),
        Misconception(
            "one side of the kernel",
            "a kernel has a height and a width",
            lambda i, o, size, k, s: i * o * k * size**2,
        ),
        Misconception(
            "the kernel left out",
            "with how many weights is each input pixel multiplied, for each pair of channels?",
            lambda i, o, size, k, s: i * o * size**2,
        ),
        Misconception(
            "channels of the output left out",
            "each input pixel goes into every output channel",
            lambda i, o, size, k, s: i * k**2 * size**2,
        ),
        Misconception(
            "channels of the input left out",
            "how many input channels has a pixel?",
            lambda i, o, size, k, s: o * k**2 * size**2,
        ),
        Misconception(
            "one side of the image",
            "an image has a height and a width",
            lambda i, o, size, k, s: i * o * k**2 * size,
        ),
    ),
)
