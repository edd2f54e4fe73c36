"""Unit 03: what layers read and write, for how much arithmetic, and what that costs."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from helpers.exercises.exercise import Exercise, Misconception, OneOf
from helpers.exercises.layer_costs import square_convolution
from helpers.exercises.mistakes import (
    ELEMENTS_FOR_BYTES,
    FIRST_ADDITION_SAVED,
    HALF_THE_WIDTH,
    WEIGHTS_FOR_EVERY_SAMPLE,
)
from helpers.ledger import Ledger, Term
from helpers.reference import linear_bytes

FP32 = 4  # bytes

_DTYPE = {4: "fp32", 2: "bf16", 1: "int8"}


def _linear(batch: int, in_features: int, out_features: int, width: int) -> Ledger:
    return linear_bytes(batch, in_features, out_features, dtype=_DTYPE[width])


def _draw_linear(draw: random.Random) -> list[tuple[int, int, int]]:
    return [
        # A billion samples come within a millionth of the limit at these sizes.
        (draw.randrange(2, 257), draw.randrange(32, 1537), draw.randrange(32, 1537))
        for _ in range(4)
    ]


LINEAR_TRAFFIC = Exercise(
    points=1,
    topic="bytes that a linear layer moves",
    examples=[(1, 768, 3072, 4), (64, 768, 3072, 4), (64, 768, 3072, 2)],
    hidden=lambda draw: [(*sizes, draw.choice([1, 2, 4])) for sizes in _draw_linear(draw)],
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


def _mlp(batch: int, features: int, hidden: int, between: int = 4, weights_read: int = 1):
    between_bytes = between * batch * hidden * FP32
    ends = 2 * batch * features * FP32
    return {
        "between": between_bytes,
        "total": between_bytes + ends + 2 * weights_read * features * hidden * FP32,
    }


MLP_TRAFFIC = Exercise(
    points=1,
    topic="bytes between the layers of an MLP",
    examples=[(1, 768, 3072), (128, 768, 3072), (2, 64, 100)],
    hidden=_draw_linear,
    reference=_mlp,
    misconceptions=(
        Misconception(
            *ELEMENTS_FOR_BYTES,
            lambda *sizes: {part: value // FP32 for part, value in _mlp(*sizes).items()},
        ),
        Misconception(
            *HALF_THE_WIDTH,
            lambda *sizes: {part: value // 2 for part, value in _mlp(*sizes).items()},
        ),
        Misconception(
            "one way only",
            "what lies between two layers is written by one and read by the next: both move it",
            lambda batch, features, hidden: _mlp(batch, features, hidden, between=2),
        ),
        Misconception(
            "one tensor, moved once",
            "there are two tensors between the three layers, and each moves twice",
            lambda batch, features, hidden: _mlp(batch, features, hidden, between=1),
        ),
        Misconception(
            *WEIGHTS_FOR_EVERY_SAMPLE,
            lambda batch, features, hidden: {
                "total": _mlp(batch, features, hidden, weights_read=batch)["total"]
            },
        ),
    ),
)


def _half(
    batch: int, features: int, hidden: int, *, exactly: bool = True, **how: int
) -> int | None:
    """The widest hidden layer with which the MLP moves at most half as much; `exactly`: half of it
    is allowed; how bytes are counted, as by `_mlp`."""

    def moved(width: int) -> int:
        return int(_mlp(batch, features, width, **how)["total"])

    room = moved(hidden) // 2 - moved(0) - (not exactly)
    width = room // (moved(1) - moved(0))
    return width if width > 0 else None


def _draw_mlps(draw: random.Random) -> list[tuple[int, int, int]]:
    """Of each kind: mostly weights, mostly what lies between, exactly half, and no way."""
    many = 4 * draw.randrange(3, 60)
    return [
        (draw.randrange(1, 5), draw.randrange(256, 1025), draw.randrange(1024, 4097)),
        (draw.randrange(500, 3000), draw.randrange(256, 1025), draw.randrange(1024, 4097)),
        (draw.randrange(20, 300), draw.randrange(100, 800), draw.randrange(500, 3000)),
        # Half of the hidden width, less a quarter of the batch.
        (many, 2 * many, 2 * draw.randrange(many, 5 * many)),
        (draw.randrange(500, 3000), draw.randrange(700, 1025), draw.randrange(20, 200)),
    ]


HALF_TRAFFIC = Exercise(
    points=1,
    topic="half the traffic of an MLP, in its shape",
    examples=[
        (1, 768, 3072),
        (128, 768, 3072),
        # Exactly half is left with 5 of 11.
        (2, 4, 11),
        # A width of 1, and none: what goes in and out is more than half, or nearly.
        (64, 768, 58),
        (64, 768, 56),
        (2048, 768, 100),
    ],
    hidden=_draw_mlps,
    reference=_half,
    misconceptions=(
        Misconception(
            "half the width",
            "half the width halves what lies between, and the weights: and what goes in and out?",
            lambda batch, features, hidden: OneOf((hidden // 2, hidden / 2)),
        ),
        Misconception(
            "less than half",
            "at most half: what if it is exactly half?",
            lambda *sizes: _half(*sizes, exactly=False),
        ),
        Misconception(
            "0, or a width of 1, where there is none",
            "where even a width of 1 moves more than half, no width will do: what is asked for "
            "then?",
            lambda *sizes: OneOf((_half(*sizes) or 0, _half(*sizes) or 1)),
        ),
        Misconception(
            "a broken width",
            "a width is a whole number: which way is it to be rounded, for half at most?",
            lambda batch, features, hidden: (
                hidden / 2 - batch * features / (4 * batch + 2 * features)
            ),
        ),
        Misconception(
            "what lies between moved once",
            "what lies between two layers is written by one and read by the next: both move it",
            lambda *sizes: _half(*sizes, between=2),
        ),
        Misconception(
            "one tensor between the layers",
            "there are two tensors between the three layers, and each moves twice",
            lambda *sizes: _half(*sizes, between=1),
        ),
        Misconception(
            *WEIGHTS_FOR_EVERY_SAMPLE,
            lambda batch, *sizes: _half(batch, *sizes, weights_read=batch),
        ),
        Misconception(
            "what is saved",
            "this is how much narrower it gets: how wide is it then?",
            lambda batch, features, hidden: (
                None if (left := _half(batch, features, hidden)) is None else hidden - left
            ),
        ),
        Misconception(
            "the bytes, not the width",
            "these are bytes: how wide may the hidden layer be?",
            lambda *sizes: _mlp(*sizes)["total"] / 2,
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
    hidden=_draw_linear,
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
