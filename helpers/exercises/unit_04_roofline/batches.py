"""Unit 04: PReLU → Linear under the roof in larger and larger batches, plotted and fused."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from helpers.exercises.exercise import Exercise, Misconception, OneOf
from helpers.exercises.figure_questions import read_intensity_plot
from helpers.exercises.intensity_plot import Block, plot_misconceptions, right_plot
from helpers.exercises.mistakes import (
    GB_AS_GIB,
)
from helpers.exercises.prelu_linear import (
    FP32,
    ONE_BATCH_TOO_FEW,
    ONE_WAY_SAVED,
    best_batch,
    block_bytes,
    block_flops,
    fused_bytes,
    intensity,
)
from helpers.exercises.unit_04_roofline.layers import draw_sizes


def _block(in_features: int, out_features: int) -> Block:
    flop = in_features + 2 * in_features * out_features
    moved, once = 3 * in_features + out_features, in_features * out_features + 1
    return flop, FP32 * moved, FP32 * once, 64


def _linear_alone(in_features: int, out_features: int) -> Block:
    weights = in_features * out_features
    return 2 * weights, FP32 * (in_features + out_features), FP32 * weights, 64


#: Batches that people take for an endless one.
_LARGE = (100, 128, 200, 256, 500, 512, 1000, 1024, 4096, 10**4, 10**5, 10**6)


def _at_batch(batch: int, flop: float, moved: float, once: float, _: int) -> float:
    return batch * flop / (once + batch * moved)


def _plotted(in_features: int, out_features: int) -> dict[str, Any]:
    block = _block(in_features, out_features)
    # What one more sample costs, when weights and slope no longer count.
    return {**right_plot(*block), "limit": block[0] / block[1]}


PLOT_PAIR = Exercise(
    points=2,
    topic="intensity against batch with its limit, plotted",
    # Two: what is written down for the first is wrong in the second.
    examples=[(64, 32), (40, 56)],
    hidden=lambda draw: [(draw.randrange(24, 60), draw.randrange(24, 60)) for _ in range(2)],
    reference=_plotted,
    # Pictures take their time.
    spare=(),
    read=read_intensity_plot,
    known_slips={
        "pair_costs(batch, in_features, out_features) → "
        "pair_costs(in_features, batch, out_features)": "both costs have the two alike",
    },
    gate="intensity",
    # Two derivations (slope read or not) differ by 0.2 % at most: both are on the curve.
    tolerance=5e-3,
    misconceptions=(
        *plot_misconceptions(_block),
        Misconception(
            "no line for the limit",
            "draw the limit into the same axes as a level line: axhline",
            lambda i, o: {"limit": None},
        ),
        Misconception(
            "the last value for the limit",
            "the curve has not arrived at batch 64: what remains when the batch is endless?",
            lambda i, o: {"limit": right_plot(*_block(i, o))["intensity"][-1]},
        ),
        Misconception(
            "limit as if fused",
            "the tensor between the layers goes through memory twice: written, then read",
            lambda i, o: {"limit": (i + 2 * i * o) / (FP32 * (i + o))},
        ),
        Misconception(
            "Linear alone",
            "this is Linear alone: PReLU computes, reads and writes, too",
            lambda i, o: {
                "intensity": right_plot(*_linear_alone(i, o))["intensity"],
                "limit": 2 * i * o / (FP32 * (i + o)),
            },
        ),
        Misconception(
            "PReLU's work left out of the limit",
            "the limit has the bytes of both layers: has it the FLOP of both?",
            lambda i, o: {"limit": 2 * i * o / (FP32 * (3 * i + o))},
        ),
        Misconception(
            "a large batch for the limit",
            # To what a plot is read to, both are alike.
            "near the limit, and below it: is it rounded, or taken at a large batch, not an "
            "endless one?",
            lambda i, o: {
                "limit": OneOf(tuple(_at_batch(batch, *_block(i, o)) for batch in _LARGE))
            },
        ),
    ),
)


def _ridge_batch(
    in_features: int,
    out_features: int,
    width: int,
    peak_tflops: float,
    bandwidth_gb: float,
    giga: float = 1e9,
) -> int | None:
    ridge = peak_tflops * 1e12 / (bandwidth_gb * giga)
    return best_batch(in_features, out_features, ridge, width)


def _beyond_the_ridge(
    in_features: int, out_features: int, width: int, peak: float, bandwidth: float
) -> int | None:
    weights, vectors = in_features * out_features, in_features + out_features
    ridge = 1000 * peak / bandwidth
    best = _ridge_batch(in_features, out_features, width, peak, bandwidth)
    if best is None:
        return None
    return best + (2 * best * weights == ridge * width * (weights + best * vectors))


def _draw_devices(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    sixteen_bit = [(312, 2039), (989, 3350), (65, 320), (121, 300)]
    reachable = [
        (draw.choice([2048, 4096]), draw.choice([4096, 8192, 11008]), 2, *draw.choice(sixteen_bit))
        for _ in range(3)
    ]
    fp32 = (draw.choice([768, 1024]), draw.choice([3072, 4096]), 4, *draw.choice([(19.5, 2039)]))
    # A batch of one and a half sides reaches the ridge exactly.
    side = draw.choice([256, 512, 768])
    exactly = (side, side, 2, 0.375 * side, 1000)
    never = (draw.choice([32, 64, 96]), 64, 2, *draw.choice(sixteen_bit))
    return [*reachable, fp32, exactly, never]


RIDGE_BATCH = Exercise(
    points=1,
    topic="best batch for a device and a layer",
    examples=[
        *((768, 3072, 4, 19.5, 2039), (4096, 4096, 2, 312, 2039), (64, 32, 4, 8.1, 320)),
        # Exactly on the ridge, 384, and a larger batch than is ever drawn; just below a ridge, for
        # ever.
        *((1024, 1024, 2, 384, 1000), (1024, 1024, 2, 520, 1000)),
    ],
    hidden=_draw_devices,
    reference=_ridge_batch,
    known_slips={
        "2 * weights <= ridge * width * vectors → 2 * weights < ridge * width * vectors": (
            "no layer's limit is exactly a ridge"
        ),
        "1 → 2": "a search may begin later: no batch of 1 reaches a ridge",
        "1 → 0": "a search may begin earlier",
    },
    misconceptions=(
        Misconception(
            "always four bytes",
            "width is an argument: in bf16 half as many bytes move",
            lambda i, o, width, peak, bandwidth: _ridge_batch(i, o, FP32, peak, bandwidth),
        ),
        Misconception(
            *GB_AS_GIB,
            lambda i, o, width, peak, bandwidth: _ridge_batch(
                i, o, width, peak, bandwidth, 1024**3
            ),
        ),
        Misconception(
            *ONE_BATCH_TOO_FEW,
            lambda *args: None if (b := _ridge_batch(*args)) is None else b - 1,
        ),
        Misconception(
            "powers of two only",
            "the smallest batch need not be a power of two",
            lambda *args: None if (b := _ridge_batch(*args)) is None else 1 << (b - 1).bit_length(),
        ),
        Misconception(
            "one batch too many at the ridge",
            "a batch whose intensity is exactly the ridge has reached it",
            _beyond_the_ridge,
        ),
        Misconception(
            "weights only",
            "for a large batch the input and the output count, too",
            lambda i, o, width, peak, bandwidth: -(-peak * 1000 * width // (2 * bandwidth)),
        ),
    ),
)


def _fusion_saves(batch: int, in_features: int, out_features: int) -> dict[str, Any]:
    sizes = (batch, in_features, out_features)
    return {
        "saved": block_bytes(*sizes).total - fused_bytes(*sizes).total,
        "limit": (1 + 2 * out_features) * in_features / (FP32 * (in_features + out_features)),
    }


def _fused_at(batch: int, in_features: int, out_features: int) -> float:
    sizes = (batch, in_features, out_features)
    return block_flops(*sizes).total / fused_bytes(*sizes).total


FUSION_SAVES = Exercise(
    points=1,
    topic="what fusing PReLU → Linear saves",
    examples=[(1, 64, 32), (64, 64, 32), (16, 100, 61)],
    hidden=draw_sizes,
    reference=_fusion_saves,
    misconceptions=(
        Misconception(
            "elements for bytes",
            "this is how many numbers are saved: how many bytes are they?",
            lambda batch, i, o: {"saved": 2 * batch * i},
        ),
        Misconception(
            "batch forgotten",
            "this is what one sample saves: how many are in the batch?",
            lambda batch, i, o: {"saved": 2 * FP32 * i},
        ),
        Misconception(
            "intensity at this batch for the limit",
            "this is the fused block at this batch: which of its bytes no longer count when the "
            "batch is endless?",
            lambda *sizes: {"limit": intensity(block_flops(*sizes), fused_bytes(*sizes))},
        ),
        Misconception(
            "a large batch for the limit",
            "this is the fused block at a large batch, still below the limit: which bytes no "
            "longer count when the batch is endless?",
            lambda batch, i, o: {"limit": OneOf(tuple(_fused_at(many, i, o) for many in _LARGE))},
        ),
        Misconception(
            *ONE_WAY_SAVED,
            lambda batch, i, o: {"saved": FP32 * batch * i},
        ),
        Misconception(
            "limit without fusion",
            "this is the limit of the two kernels: which bytes of a sample are left when fused?",
            lambda batch, i, o: {"limit": (1 + 2 * o) * i / (FP32 * (3 * i + o))},
        ),
        Misconception(
            "PReLU's work gone as well",
            "fusing saves traffic, not arithmetic",
            lambda batch, i, o: {"limit": 2 * o * i / (FP32 * (i + o))},
        ),
    ),
)
