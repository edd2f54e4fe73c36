"""Unit 03: what layers read and write, for how much arithmetic, and what that costs."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from helpers.exercises.exercise import Exercise, Misconception
from helpers.exercises.layer_costs import square_convolution
from helpers.exercises.mistakes import (
    FIRST_ADDITION_SAVED,
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


def _residual(elements: int) -> Ledger:
    names = ("read a", "read b", "write a + b", "read a + b", "write output")
    return Ledger("B", tuple(Term(name, elements, FP32) for name in names))


RESIDUAL_TRAFFIC = Exercise(
    points=1,
    topic="bytes that relu(a + b) moves",
    examples=[(1000,), (802_816,)],
    hidden=lambda draw: [(draw.randrange(10**3, 10**7),) for _ in range(4)],
    reference=_residual,
    misconceptions=(
        Misconception(
            "as if one kernel did both",
            "two kernels run one after the other: where does a + b wait in between?",
            lambda elements: 3 * elements * FP32,
        ),
        Misconception(
            "four of five tensors",
            "name what each of the two kernels reads and what it writes: these are four tensors, "
            "and one more moves",
            lambda elements: 4 * elements * FP32,
        ),
    ),
)


def _linear_intensity_with_bias(batch: int, i: int, o: int) -> dict[str, float]:
    return {
        "intensity": (2 * batch * i * o + batch * o) / (FP32 * (batch * (i + o) + i * o + o)),
        "limit": (2 * i * o + o) / (FP32 * (i + o)),
    }


def _intensity_with_one_addition_less(batch: int, i: int, o: int) -> dict[str, float]:
    share = (2 * i - 1) / (2 * i)
    return {part: share * value for part, value in _linear_intensity(batch, i, o).items()}


def _linear_intensity(batch: int, in_features: int, out_features: int) -> dict[str, float]:
    weights, vectors = in_features * out_features, in_features + out_features
    return {
        "intensity": 2 * batch * weights / (FP32 * (weights + batch * vectors)),
        "limit": 2 * weights / (FP32 * vectors),
    }


LINEAR_INTENSITY = Exercise(
    points=1,
    topic="arithmetic intensity of a linear layer and its limit",
    examples=[(1, 768, 3072), (64, 768, 3072), (1024, 768, 3072), (16, 64, 32)],
    hidden=draw_linear,
    reference=_linear_intensity,
    misconceptions=(
        Misconception(
            "bias counted",
            "this layer has no bias: is one in your FLOP, or in your bytes?",
            _linear_intensity_with_bias,
        ),
        Misconception(*FIRST_ADDITION_SAVED, _intensity_with_one_addition_less),
        Misconception(
            "intensity at a large batch for the limit",
            "a million samples are many, but not a batch without end: which terms are left when "
            "the weights no longer count?",
            lambda batch, i, o: {"limit": _linear_intensity(10**6, i, o)["intensity"]},
        ),
        Misconception(
            "MAC for FLOP",
            "this is half: one MAC is two FLOP",
            lambda batch, i, o: {
                part: value / 2 for part, value in _linear_intensity(batch, i, o).items()
            },
        ),
        Misconception(
            "FLOP per element",
            "this is FLOP per element moved: how many bytes is an element of fp32?",
            lambda batch, i, o: {
                part: value * FP32 for part, value in _linear_intensity(batch, i, o).items()
            },
        ),
        Misconception(
            "traffic without the weights",
            "an intensity that does not change with the batch: are the weights in the traffic?",
            lambda batch, i, o: {"intensity": _linear_intensity(batch, i, o)["limit"]},
        ),
        Misconception(
            "it grows for ever",
            "a large batch moves more, too: what is left of FLOP ÷ bytes when the weights no "
            "longer count?",
            lambda batch, i, o: {"limit": None},
        ),
    ),
)


def _rates(stage_ms: list[int], batch: int) -> dict[str, float]:
    return {"latency_ms": sum(stage_ms), "images_per_s": 1000 * batch / max(stage_ms)}


def _draw_pipelines(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    return [
        *((draw.sample(range(2, 90), stages), draw.choice([1, 4, 8, 32])) for stages in (1, 2, 4)),
        (sorted(draw.sample(range(2, 90), 3)), 2),
        (sorted(draw.sample(range(2, 90), 3), reverse=True), 2),
    ]


PIPELINE_RATES = Exercise(
    points=1,
    topic="latency and throughput",
    examples=[([30], 1), ([10, 10, 10], 1), ([80], 8), ([30, 50, 20, 40], 4)],
    hidden=_draw_pipelines,
    reference=_rates,
    misconceptions=(
        Misconception(
            "stages taken as equal",
            "the stages differ: how often can a batch leave the slowest of them?",
            lambda stage_ms, batch: {"images_per_s": 1000 * batch * len(stage_ms) / sum(stage_ms)},
        ),
        Misconception(
            "the last stage's rate",
            "a batch leaves the last stage only as often as it arrives there: who decides that?",
            lambda stage_ms, batch: {"images_per_s": 1000 * batch / stage_ms[-1]},
        ),
        Misconception(
            "the first stage's rate",
            "the first stage may be quick: can a slower one behind it keep up?",
            lambda stage_ms, batch: {"images_per_s": 1000 * batch / stage_ms[0]},
        ),
        Misconception(
            "per millisecond",
            "stages are given in milliseconds, the rate is wanted for each second",
            lambda stage_ms, batch: {"images_per_s": batch / max(stage_ms)},
        ),
        Misconception(
            "throughput as one over latency",
            "while the second stage works, what does the first one do?",
            lambda stage_ms, batch: {"images_per_s": 1000 * batch / sum(stage_ms)},
        ),
        Misconception(
            "latency of the slowest stage",
            "one image has to pass every stage before its answer is there",
            lambda stage_ms, batch: {"latency_ms": max(stage_ms)},
        ),
        Misconception(
            "images of a batch forgotten",
            "how many images come out together?",
            lambda stage_ms, batch: {"images_per_s": 1000 / max(stage_ms)},
        ),
    ),
)
