"""Unit 02: whole networks, published figures and a counter that errs."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from helpers.exercises.alexnet import (
    CHANNELS,
    EXAMPLES,
    HALVES_OF_ALEXNET,
    NEURONS,
    alexnet_weights,
    draw_alexnets,
)
from helpers.exercises.exercise import Exercise, Misconception, OneOf

#: Sides of the outputs of AlexNet's convolutions.
_SIDES = {"conv1": 55, "conv2": 27, "conv3": 13, "conv4": 13, "conv5": 13}


def _alexnet_macs(image_channels: int, classes: int, width: int, groups: int = 2) -> dict[str, int]:
    weights = alexnet_weights(image_channels, classes, width, groups)
    return {name: count * _SIDES.get(name, 1) ** 2 for name, count in weights.items()}


def _outs(classes: int, width: int) -> tuple[int, ...]:
    """Output channels of each layer, which are its biases."""
    return (*(width * each for each in (*CHANNELS, NEURONS, NEURONS)), classes)


def _of_convolutions(counts: dict[str, int], factor: int = 1) -> dict[str, int]:
    return {name: factor * count for name, count in counts.items() if name.startswith("conv")}


ALEXNET_LAYER_MACS = Exercise(
    points=2,
    topic="AlexNet's 724 million MAC",
    examples=EXAMPLES,
    hidden=draw_alexnets,
    reference=_alexnet_macs,
    known_slips=HALVES_OF_ALEXNET,
    misconceptions=(
        Misconception(
            "weights for MAC",
            "this is how many weights there are: how often is each one used?",
            lambda *args: _of_convolutions(alexnet_weights(*args)),
        ),
        Misconception(
            "groups forgotten",
            "conv2, conv4 and conv5 have two groups",
            lambda image_channels, classes, width: {
                name: _alexnet_macs(image_channels, classes, width, 1)[name]
                for name in ("conv2", "conv4", "conv5")
            },
        ),
        Misconception(
            "FLOP for MAC",
            "every layer is double: MAC are asked for, and one MAC is two FLOP",
            lambda *args: {name: 2 * count for name, count in _alexnet_macs(*args).items()},
        ),
        Misconception(
            "biases counted",
            "a bias is added to an output, not multiplied: is that a multiply-accumulate?",
            lambda c, n, width: {
                name: OneOf((macs + out, macs + out * _SIDES.get(name, 1) ** 2))
                for (name, macs), out in zip(
                    _alexnet_macs(c, n, width).items(), _outs(n, width), strict=True
                )
            },
        ),
        Misconception(
            "before the last pooling",
            "conv5's 13 × 13 are pooled before fc6: what does it see, as the text has it?",
            lambda c, n, width: {"fc6": 256 * 13**2 * 4096 * width**2},
        ),
        Misconception(
            "size before pooling",
            "an output is pooled before the next convolution: at how many pixels is this used?",
            lambda *args: {
                name: alexnet_weights(*args)[name] * side**2
                for name, side in (("conv2", 55), ("conv3", 27))
            },
        ),
        Misconception(
            "conv3 in two groups",
            "which of the convolutions have two groups? This one sees all channels",
            lambda *args: {"conv3": _alexnet_macs(*args)["conv3"] // 2},
        ),
        Misconception(
            "one side of the output only",
            "the output has two sides: each weight is used at every pixel",
            lambda *args: {
                name: alexnet_weights(*args)[name] * side for name, side in _SIDES.items()
            },
        ),
        Misconception(
            "size after pooling",
            "how large is the output of the convolution, before it is pooled?",
            lambda *args: {
                name: alexnet_weights(*args)[name] * side**2
                for name, side in (("conv1", 27), ("conv2", 13), ("conv5", 6))
            },
        ),
        Misconception(
            "as wide as in the paper",
            "does every layer become wider, and what it sees of the layer before?",
            lambda image_channels, classes, width: _alexnet_macs(image_channels, classes, 1),
        ),
    ),
)


def _published(published: float, gmac: float) -> str | None:
    for word, expected in (("MAC", gmac), ("FLOP", 2 * gmac)):
        if abs(published - expected) <= 0.1 * expected:
            return word
    return None


def _draw_publications(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    def gmac() -> float:
        return round(draw.uniform(0.3, 40), 2)

    cases = []
    # Within 10 % and outside of it, on both sides of both; and far from either.
    for factor in (1.0, 2.0, 0.92, 1.08, 0.87, 1.13, 1.84, 2.16, 1.74, 2.26, 4.0, 0.5):
        counted = gmac()
        cases.append((round(factor * counted, 4), counted))
    draw.shuffle(cases)
    return cases


_NEVER_AT_10 = "a float is never exactly 10 % off, and 10 % of which number is not said"

PUBLISHED_UNIT = Exercise(
    points=1,
    topic="MAC or FLOP in print",
    examples=[
        *((4.09, 4.09), (21.785, 11.17), (0.39, 0.386), (55.48, 17.56)),
        # 8 % above and 13 % below a count of MAC, the same of a count of FLOP.
        *((4.32, 4.0), (3.48, 4.0), (0.8, 0.37), (6.96, 4.0)),
        # Half of a count: neither, and FLOP for one who takes the two for each other.
        (2.0, 4.0),
    ],
    hidden=_draw_publications,
    reference=_published,
    known_slips={
        "abs(published / gmac - 1) <= 0.1 → abs(published / gmac - 1) < 0.1": _NEVER_AT_10,
        "abs(published / (2 * gmac) - 1) <= 0.1 → abs(published / (2 * gmac) - 1) < 0.1": (
            _NEVER_AT_10
        ),
        "published / gmac - 1 → 1 - published / gmac": "equivalent: the sign is taken off",
        "published / (2 * gmac) - 1 → 1 - published / (2 * gmac)": "equivalent, as above",
        "published / gmac → gmac / published": "right: 10 % of the published number",
        "published / (2 * gmac) → 2 * gmac / published": "right: 10 % of the published number",
    },
    misconceptions=(
        Misconception(
            "believes the label",
            "both stand under the heading FLOPs: what does the number say, compared with yours?",
            lambda published, gmac: "FLOP",
        ),
        Misconception(
            "no third possibility",
            "a number can be near neither: another input size, for one",
            lambda published, gmac: (
                "MAC" if abs(published - gmac) < abs(published - 2 * gmac) else "FLOP"
            ),
        ),
        Misconception(
            "MAC and FLOP swapped",
            "one MAC is two FLOP: which of the two numbers is the larger one?",
            lambda published, gmac: {"MAC": "FLOP", "FLOP": "MAC", None: None}[
                _published(published, gmac)
            ],
        ),
        Misconception(
            "10 % taken for 0.1",
            "10 % of what? A large number may be off by more than a small one",
            lambda published, gmac: (
                "MAC"
                if abs(published - gmac) <= 0.1
                else "FLOP"
                if abs(published - 2 * gmac) <= 0.1
                else None
            ),
        ),
    ),
)


def _flopco(batch: int, tokens: int, channels: int, groups: int) -> dict[str, int]:
    seen = 1 if groups > 1 else channels
    return {"linear": channels**2, "convolution": tokens * channels * seen}


def _draw_audits(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    return [
        (
            draw.randrange(2, 17),
            draw.randrange(2, 30) ** 2,
            groups * draw.randrange(3, 33),
            groups,
        )
        for groups in (1, 2, 4, 8)
    ]


FLOPCO_MACS = Exercise(
    points=2,
    topic="what a counter gets wrong",
    examples=[(1, 1, 64, 1), (1, 196, 64, 1), (3, 196, 48, 4), (2, 49, 64, 2)],
    hidden=_draw_audits,
    reference=_flopco,
    misconceptions=(
        Misconception(
            "what is right",
            "this is what the layer costs: what does flopco print for it?",
            lambda b, t, c, g: {
                "linear": b * t * c**2,
                "convolution": b * t * c**2 // g,
            },
        ),
        Misconception(
            "right but for the batch",
            "give flopco the same layer with more tokens, and with more groups: what changes?",
            lambda b, t, c, g: {"linear": t * c**2, "convolution": t * c**2 // g},
        ),
        Misconception(
            "batch counted",
            "give flopco the same layer with a larger batch: does its number change?",
            lambda b, t, c, g: {
                "linear": b * c**2,
                "convolution": b * _flopco(b, t, c, g)["convolution"],
            },
        ),
        Misconception(
            "every convolution taken as depthwise",
            "give flopco the same convolution without groups: what does it print now?",
            lambda b, t, c, g: {"convolution": t * c},
        ),
    ),
    library="the question is what the library counts",
)
