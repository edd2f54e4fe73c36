"""Unit 01: what is averaged in a normalization, and what an activation leaves of a range."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from helpers.exercises.exercise import Exercise, Misconception


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
