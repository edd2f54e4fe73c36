"""Unit 01: parameters, layer by layer."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

from helpers.exercises.exercise import Exercise, Misconception
from helpers.ledger import Ledger, Term


def _grouped(in_channels: int, out_channels: int, kernel: int, groups: int) -> int | None:
    if in_channels % groups or out_channels % groups:
        return None
    return out_channels * (in_channels // groups) * kernel**2


def _where_possible(wrong: Callable[[int, int, int, int], int]) -> Callable[..., int | None]:
    """A wrong count by someone who knows when groups are impossible."""
    return lambda *sizes: None if _grouped(*sizes) is None else wrong(*sizes)


def _checks_one_side(side: int) -> Callable[..., int | None]:
    """Someone who tests only one of (in_channels, out_channels) against the groups."""

    def answer(*sizes: int) -> int | None:
        in_channels, out_channels, kernel, groups = sizes
        return None if sizes[side] % groups else in_channels * out_channels * kernel**2 // groups

    return answer


def _draw_groups(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    def multiple(groups: int) -> int:
        return groups * draw.randrange(1, 17)

    possible = [
        (multiple(groups), multiple(groups), draw.choice([1, 3, 5]), groups)
        for groups in (2, 4, 8, draw.choice([3, 5, 7]))
    ]
    groups = draw.choice([4, 8, 16])
    odd = 2 * draw.randrange(1, 17) + 1
    return [*possible, (odd, multiple(groups), 3, groups), (multiple(groups), odd, 3, groups)]


_GROUP_HINT = "each output is connected to the inputs of its own group only: how many are those?"
_DIVIDES_HINT = "which numbers of channels do the groups have to divide? Try it in PyTorch"

GROUPED_PARAMETERS = Exercise(
    points=1,
    topic="weights of a grouped convolution",
    examples=[(4, 2, 2, 1), (4, 2, 2, 2), (8, 12, 3, 4), (6, 4, 3, 4), (4, 6, 3, 4)],
    hidden=_draw_groups,
    reference=_grouped,
    known_slips={
        "in_channels // groups → in_channels / groups": "equivalent: the groups divide",
    },
    misconceptions=(
        Misconception(
            "groups ignored",
            _GROUP_HINT,
            lambda i, o, k, groups: i * o * k**2,
        ),
        Misconception(
            "as many weights in groups as without",
            _GROUP_HINT,
            _where_possible(lambda i, o, k, groups: i * o * k**2),
        ),
        Misconception(
            "one group only",
            "this is one group of outputs: how many groups are there?",
            _where_possible(lambda i, o, k, groups: i * o * k**2 // groups**2),
        ),
        Misconception(
            "one row of the kernel",
            "how many numbers does one kernel hold? It has two sides",
            _where_possible(lambda i, o, k, groups: i * o * k // groups),
        ),
        Misconception("only in_channels divided", _DIVIDES_HINT, _checks_one_side(0)),
        Misconception("only out_channels divided", _DIVIDES_HINT, _checks_one_side(1)),
        Misconception(
            "impossible groups counted",
            _DIVIDES_HINT,
            lambda i, o, k, groups: i * o * k**2 // groups,
        ),
    ),
)


def _separable(in_channels: int, out_channels: int, kernel: int) -> dict[str, int]:
    return {
        "standard": in_channels * out_channels * kernel**2,
        "separable": in_channels * kernel**2 + in_channels * out_channels,
    }


def _draw_separable(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    """More channels out, more channels in, and as many."""
    few, many, equal = draw.randrange(2, 65), draw.randrange(65, 257), draw.randrange(2, 257)
    return [
        (few, many, draw.choice([3, 5, 7])),
        (many, few, draw.choice([3, 5, 7])),
        (equal, equal, draw.choice([2, 4])),
    ]


SEPARABLE_PARAMETERS = Exercise(
    points=1,
    topic="depthwise separable against standard",
    examples=[(16, 32, 3), (64, 128, 5), (96, 24, 3)],
    hidden=_draw_separable,
    reference=_separable,
    misconceptions=(
        Misconception(
            "pointwise convolution forgotten",
            "after the depthwise convolution no channel has seen another: what mixes them?",
            lambda i, o, k: {"separable": i * k**2},
        ),
        Misconception(
            "depthwise over the output channels",
            "the depthwise convolution comes first: how many channels does it have?",
            lambda i, o, k: {"separable": o * k**2 + i * o},
        ),
        Misconception(
            "depthwise over the fewer channels",
            "the depthwise convolution comes first: how many channels does it have?",
            lambda i, o, k: {"separable": min(i, o) * k**2 + i * o},
        ),
        Misconception(
            "pointwise with the large kernel",
            "how large is the kernel of a pointwise convolution?",
            lambda i, o, k: {"separable": i * k**2 + i * o * k**2},
        ),
        Misconception(
            "biases counted",
            "read the question again: does it ask for biases?",
            lambda i, o, k: {
                "standard": i * o * k**2 + o,
                "separable": i * k**2 + i + i * o + o,
            },
        ),
    ),
    library="a layer of PyTorch tells its own parameters, as the text shows",
)


def _means(batch: int, channels: int, height: int, width: int, groups: int) -> dict[str, int]:
    return {
        "batch": channels,
        "layer": batch,
        "instance": batch * channels,
        "group": batch * groups,
    }


def _draw_images(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    cases: list[tuple[Any, ...]] = []
    for groups in (2, 4, 8, 16):
        channels = groups * draw.randrange(2, 9)
        height, width = draw.randrange(4, 57), draw.randrange(4, 57)
        cases.append((draw.randrange(2, 65), channels, height, width, groups))
    return cases


NORM_MEANS = Exercise(
    points=1,
    topic="how many means a normalization takes",
    examples=[(3, 4, 5, 6, 2), (8, 64, 56, 56, 32)],
    hidden=_draw_images,
    reference=_means,
    misconceptions=(
        Misconception(
            "a mean for each pixel",
            "find the cells of one number in the drawing: do height and width split them?",
            lambda b, c, h, w, g: {"batch": c * h * w, "instance": b * c * h * w},
        ),
        Misconception(
            "layer norm at each pixel",
            "some networks (ConvNeXt) norm each pixel by itself; in the drawing, which cells share "
            "a mean?",
            lambda b, c, h, w, g: {"layer": b * h * w},
        ),
        Misconception(
            "batch and layer swapped",
            "batch norm is not named after what it keeps apart, but after what it averages over",
            lambda b, c, h, w, g: {"batch": b, "layer": c},
        ),
        Misconception(
            "groups shared by all images",
            "does group norm mix two images of the batch?",
            lambda b, c, h, w, g: {"group": g, "instance": c},
        ),
        Misconception(
            "channels in a group counted",
            "how many groups are there, and how many channels in one? They are not the same",
            lambda b, c, h, w, g: {"group": b * (c // g)},
        ),
    ),
)


def _output_range(activation: str, largest: float) -> float:
    """Width of the interval of outputs, for inputs from −largest to largest."""
    return {
        "relu": largest,
        "relu6": min(largest, 6.0),
        "leaky_relu": largest + 0.1 * largest,
    }[activation]


def _draw_ranges(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    def largest() -> float:
        return draw.randrange(13, 400) / 2

    return [
        *((activation, largest()) for activation in ("relu", "relu6", "leaky_relu")),
        ("relu6", draw.randrange(1, 12) / 2),
        (draw.choice(["relu", "leaky_relu"]), largest()),
    ]


QUANTIZATION_STEP = Exercise(
    points=1,
    topic="activation range and 8-bit steps",
    examples=[("relu", 51.0), ("relu6", 51.0), ("leaky_relu", 51.0), ("relu6", 3.0)],
    hidden=_draw_ranges,
    reference=lambda activation, largest: _output_range(activation, largest) / 255,
    misconceptions=(
        Misconception(
            "256 steps",
            "8 bits give 256 levels: how many steps lie between the first and the last?",
            lambda activation, largest: _output_range(activation, largest) / 256,
        ),
        Misconception(
            "range of the inputs",
            "this is the range of what goes in: which outputs are there?",
            lambda activation, largest: 2 * largest / 255,
        ),
        Misconception(
            "range of the inputs, ReLU6 excepted",
            "this is the range of what goes in: which outputs are there?",
            lambda activation, largest: (
                (min(largest, 6.0) if activation == "relu6" else 2 * largest) / 255
            ),
        ),
        Misconception(
            "ReLU6 not cut off",
            "what is the largest number that ReLU6 can give?",
            lambda activation, largest: (
                _output_range("relu" if activation == "relu6" else activation, largest) / 255
            ),
        ),
        Misconception(
            "ReLU6 always up to 6",
            "does ReLU6 reach 6 when no input does?",
            lambda activation, largest: (
                (6.0 if activation == "relu6" else _output_range(activation, largest)) / 255
            ),
        ),
        Misconception(
            "256 steps, ReLU6 always up to 6",
            "two things: 256 levels have fewer steps between them, and does ReLU6 reach 6 when no "
            "input does?",
            lambda activation, largest: (
                (6.0 if activation == "relu6" else _output_range(activation, largest)) / 256
            ),
        ),
        Misconception(
            "no negative outputs",
            "leaky ReLU lets a tenth of a negative input through: how wide is its range?",
            lambda activation, largest: (
                _output_range("relu" if activation == "leaky_relu" else activation, largest) / 255
            ),
        ),
    ),
)


def _block(width: int, heads: int) -> dict[str, Ledger]:
    def ledger(*terms: Term) -> Ledger:
        return Ledger("parameters", terms)

    return {
        "attention": ledger(
            Term("queries, keys, values", 3 * width**2),
            Term("output projection", width**2),
            Term("biases", 4 * width),
        ),
        "MLP": ledger(
            Term("up", 4 * width**2), Term("down", 4 * width**2), Term("biases", 5 * width)
        ),
        "norms": ledger(Term("scales", 2 * width), Term("shifts", 2 * width)),
    }


BLOCK_PARAMETERS = Exercise(
    points=1,
    topic="parameters of a transformer block",
    examples=[(768, 12), (64, 4)],
    hidden=lambda draw: [
        (64 * draw.randrange(2, 33), draw.choice([2, 4, 8, 16])) for _ in range(4)
    ],
    reference=_block,
    misconceptions=(
        Misconception(
            "a full attention for each head",
            "heads share out the width: do h heads of width d/h have more weights than one of d?",
            lambda width, heads: {"attention": heads * (4 * width**2 + 4 * width)},
        ),
        Misconception(
            "one head only",
            "this is what one head has: how many are there?",
            lambda width, heads: {"attention": (4 * width**2 + 4 * width) // heads},
        ),
        Misconception(
            "half of what the norms have",
            "how many norms does a block have, and what does each learn? Find both in the list "
            "above",
            lambda width, heads: {"norms": 2 * width},
        ),
        Misconception(
            "output projection forgotten",
            "find every matrix of self_attn in the list above: is in_proj the only one?",
            lambda width, heads: {"attention": 3 * width**2 + 3 * width},
        ),
        Misconception(
            "both layers of the MLP with the same bias",
            "a bias is as long as its layer's output: how long are the two of the MLP?",
            lambda width, heads: {"MLP": 8 * width**2 + 2 * width},
        ),
    ),
    library="a layer of PyTorch tells its own parameters; the rest of the block is no layer of it",
)
