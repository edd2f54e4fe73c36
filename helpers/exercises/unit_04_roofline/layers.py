"""Unit 04: PReLU → Linear under the roof, alone, in batches, plotted and fused."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from helpers.exercises.exercise import Exercise, Misconception, OneOf
from helpers.exercises.figure_questions import read_intensity_plot
from helpers.exercises.intensity_plot import plot_misconceptions, right_plot
from helpers.exercises.mistakes import GB_AS_GIB, WEIGHTS_FOR_EVERY_SAMPLE
from helpers.exercises.prelu_linear import (
    FP32,
    MAC_FOR_FLOP,
    ONE_BATCH_TOO_FEW,
    ONE_WAY_SAVED,
    WITHOUT_WEIGHTS,
    best_batch,
    block_bytes,
    block_flops,
    block_intensity,
    bound_of,
    fused_bytes,
    intensity_without_weights,
    without,
)
from helpers.ledger import Ledger

Sizes = tuple[int, int, int]


def _draw_sizes(draw: random.Random) -> list[Sizes]:
    return [(draw.randrange(2, 257), draw.randrange(16, 513), draw.randrange(16, 513))
            for _ in range(4)]  # fmt: skip


def _pair_costs(batch: int, in_features: int, out_features: int) -> dict[str, Ledger]:
    sizes = (batch, in_features, out_features)
    return {"FLOP": block_flops(*sizes), "bytes": block_bytes(*sizes)}


PAIR_COSTS = Exercise(
    points=1,
    topic="FLOP and bytes of PReLU → Linear",
    examples=[(1, 64, 32), (16, 64, 32)],
    hidden=_draw_sizes,
    reference=_pair_costs,
    misconceptions=(
        Misconception(
            *MAC_FOR_FLOP,
            lambda batch, i, o: {"FLOP": batch * i * o + batch * i},
        ),
        Misconception(
            "weights left out",
            "the Linear layer reads more than its input",
            lambda *sizes: {"bytes": without(block_bytes(*sizes), "read weights").total},
        ),
        Misconception(
            *WEIGHTS_FOR_EVERY_SAMPLE,
            lambda batch, i, o: {"bytes": batch * block_bytes(1, i, o).total},
        ),
        Misconception(
            "as if fused",
            "two layers run one after the other: where does the result of PReLU wait?",
            lambda *sizes: {"bytes": fused_bytes(*sizes).total},
        ),
    ),
)


def _bound(found: OneOf, peak: float, bandwidth: float, giga: float = 1e9) -> dict[str, Any]:
    parts = bound_of(found, peak, bandwidth, giga)
    return {part: parts[part] for part in ("intensity", "bound")}


def _draw_bounds(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    # Ridges below and above the intensity: a little above, where taking 1024 for 1000 decides,
    # and half as high again, where the weights do.
    cases: list[tuple[Any, ...]] = []
    for factor in (0.5, 1.03, 1.5, 4):
        sizes = (draw.randrange(4, 17), draw.choice([64, 256]), draw.choice([64, 512]))
        bandwidth = draw.choice([10, 50, 320])
        ridge = block_intensity(*sizes).values[0] * factor
        cases.append((*sizes, round(ridge * bandwidth / 1000, 6), bandwidth))
    return cases


def _pair_bound(
    batch: int, in_features: int, out_features: int, peak_tflops: float, bandwidth_gb: float
) -> dict[str, Any]:
    found = block_intensity(batch, in_features, out_features)
    return _bound(found, peak_tflops, bandwidth_gb)


PAIR_BOUND = Exercise(
    points=1,
    topic="intensity and bound of PReLU → Linear",
    examples=[(1, 64, 32, 19.5, 2039), (64, 1024, 1024, 0.5, 50)],
    hidden=_draw_bounds,
    reference=_pair_bound,
    tolerance=1e-3,
    misconceptions=(
        Misconception(
            *WITHOUT_WEIGHTS,
            lambda *args: _bound(intensity_without_weights(*args[:3]), *args[3:]),
        ),
        Misconception(
            "GB taken as GiB",
            "a bandwidth in GB/s counts in steps of 1000, not of 1024: here that decides",
            lambda b, i, o, peak, bandwidth: _bound(
                block_intensity(b, i, o), peak, bandwidth, 1024**3
            ),
        ),
        Misconception(
            "tera and giga left as they are",
            "the ridge you compare with is a thousand times too low: a tera is a thousand giga",
            lambda b, i, o, peak, bandwidth: _bound(
                block_intensity(b, i, o), peak, bandwidth, 1e12
            ),
        ),
        Misconception(
            "FLOP per number",
            "this is FLOP for each number moved: how many bytes is a number of fp32?",
            lambda b, i, o, *device: {"intensity": FP32 * block_intensity(b, i, o).values[0]},
        ),
    ),
)

IN, OUT = 64, 32

#: FLOP and bytes of a sample, bytes of a batch, largest batch.
_BLOCK = (IN + 2 * IN * OUT, FP32 * (3 * IN + OUT), FP32 * (IN * OUT + 1), 64)

PLOT_PAIR = Exercise(
    points=2,
    topic="intensity against batch with its limit, plotted",
    examples=[()],
    hidden=lambda draw: [],
    reference=lambda: {
        **right_plot(*_BLOCK),
        # What one more sample costs, when weights and slope no longer count.
        "limit": (IN + 2 * IN * OUT) / (FP32 * (3 * IN + OUT)),
    },
    read=read_intensity_plot,
    gate="intensity",
    # Two derivations (slope read or not) differ by 0.04 %: both are on the curve.
    tolerance=5e-3,
    misconceptions=(
        *plot_misconceptions(lambda: _BLOCK),
        Misconception(
            "no line for the limit",
            "draw the limit into the same axes as a level line: axhline",
            lambda: {"limit": None},
        ),
        Misconception(
            "the last value for the limit",
            "the curve has not arrived at batch 64: what remains when the batch is endless?",
            lambda: {"limit": right_plot(*_BLOCK)["intensity"][-1]},
        ),
        Misconception(
            "limit as if fused",
            "two tensors of 64 numbers a sample go through memory between the layers, one way each",
            lambda: {"limit": (IN + 2 * IN * OUT) / (FP32 * (IN + OUT))},
        ),
        Misconception(
            "limit of Linear alone",
            "this is the limit of Linear alone: PReLU computes, reads and writes, too",
            lambda: {"limit": 2 * IN * OUT / (FP32 * (IN + OUT))},
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


def _draw_devices(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    sixteen_bit = [(312, 2039), (989, 3350), (65, 320), (121, 300)]
    reachable = [
        (draw.choice([2048, 4096]), draw.choice([4096, 8192, 11008]), 2, *draw.choice(sixteen_bit))
        for _ in range(3)
    ]
    fp32 = (draw.choice([768, 1024]), draw.choice([3072, 4096]), 4, *draw.choice([(19.5, 2039)]))
    return [*reachable, fp32, (draw.choice([32, 64, 96]), 64, 2, *draw.choice(sixteen_bit))]


RIDGE_BATCH = Exercise(
    points=1,
    topic="best batch for a device and a layer",
    examples=[(768, 3072, 4, 19.5, 2039), (4096, 4096, 2, 312, 2039), (64, 32, 4, 8.1, 320)],
    hidden=_draw_devices,
    reference=_ridge_batch,
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


FUSION_SAVES = Exercise(
    points=1,
    topic="what fusing PReLU → Linear saves",
    examples=[(1, 64, 32), (64, 64, 32)],
    hidden=_draw_sizes,
    reference=_fusion_saves,
    tolerance=1e-3,
    misconceptions=(
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
