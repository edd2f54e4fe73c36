"""Homework, task 6: the arithmetic intensity of PReLU → Linear(64 → 32, no bias) in fp32.

PReLU is counted at its most, as if every x ≤ 0, with one slope for all channels.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

from helpers.exercises.exercise import Exercise, Misconception
from helpers.exercises.figure_questions import read_intensity_plot
from helpers.exercises.intensity_plot import plot_misconceptions, right_plot
from helpers.exercises.mistakes import FIRST_ADDITION_SAVED, GB_AS_GIB, WEIGHTS_FOR_EVERY_SAMPLE
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
    intensity,
    intensity_without_weights,
    without,
)
from helpers.ledger import Ledger, Term

IN, OUT = 64, 32


def _of_batch(cost: Callable[[int, int, int], Ledger]) -> Callable[[int], Ledger]:
    return lambda batch: cost(batch, IN, OUT)


_block_flops, _block_bytes, _fused_bytes = map(_of_batch, (block_flops, block_bytes, fused_bytes))


def _draw_batches(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    return [(batch,) for batch in draw.sample(range(2, 513), 4)]


BLOCK_FLOPS = Exercise(
    points=1,
    topic="FLOP of PReLU → Linear",
    examples=[(1,), (16,)],
    hidden=_draw_batches,
    reference=_block_flops,
    misconceptions=(
        Misconception(
            *MAC_FOR_FLOP,
            lambda batch: batch * IN * OUT + batch * IN,
        ),
        Misconception(
            *FIRST_ADDITION_SAVED,
            lambda batch: _block_flops(batch).total - batch * OUT,
        ),
        Misconception(
            "a bias that is not there",
            "this Linear layer has no bias",
            lambda batch: 2 * batch * IN * OUT + batch * OUT + batch * IN,
        ),
    ),
)


def _weights_for_every_sample(batch: int) -> Ledger:
    weights = Term("read weights", batch * IN * OUT, FP32)
    return Ledger("B", (*without(_block_bytes(batch), "read weights").terms, weights))


BLOCK_BYTES = Exercise(
    points=1,
    topic="bytes moved by PReLU → Linear",
    examples=[(1,), (16,)],
    hidden=_draw_batches,
    reference=_block_bytes,
    misconceptions=(
        Misconception(
            *WEIGHTS_FOR_EVERY_SAMPLE,
            _weights_for_every_sample,
        ),
    ),
)


def _bound(batch: int, peak_tflops: float, bandwidth_gb: float) -> dict[str, Any]:
    return bound_of(block_intensity(batch, IN, OUT), peak_tflops, bandwidth_gb)


def _draw_bounds(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    # A small processor with a ridge near 2 FLOP/B is bound by either, as the batch decides.
    peak, bandwidth = draw.choice([(0.002, 1.0), (0.004, 2.0)])
    small = [(batch, peak, bandwidth) for batch in (draw.randrange(1, 7), draw.randrange(16, 512))]
    return [*small, (draw.randrange(1, 512), 312, 2039), (draw.randrange(1, 512), 8.1, 320)]


BLOCK_BOUND = Exercise(
    points=1,
    topic="intensity, ridge and what bounds PReLU → Linear",
    examples=[(1, 19.5, 2039), (64, 0.002, 1.0)],
    hidden=_draw_bounds,
    reference=_bound,
    tolerance=5e-3,
    misconceptions=(
        Misconception(
            *GB_AS_GIB,
            lambda batch, peak_tflops, bandwidth_gb: {
                "ridge": peak_tflops * 1e12 / (bandwidth_gb * 1024**3)
            },
        ),
        Misconception(
            *WITHOUT_WEIGHTS,
            lambda batch, *device: bound_of(intensity_without_weights(batch, IN, OUT), *device),
        ),
        Misconception(
            "tera and giga not brought together",
            "1 TFLOP/s is 1000 GFLOP/s: bring peak and bandwidth to one prefix first",
            lambda batch, peak_tflops, bandwidth_gb: {"ridge": peak_tflops / bandwidth_gb},
        ),
        Misconception(
            "ridge upside down",
            "the ridge is in FLOP/B: which of the two is divided by the other?",
            lambda *args: {"ridge": 1 / _bound(*args)["ridge"]},
        ),
        Misconception(
            "intensity upside down",
            "the intensity is in FLOP/B: which of the two is divided by the other?",
            lambda batch, peak_tflops, bandwidth_gb: {
                "intensity": _block_bytes(batch).total / _block_flops(batch).total
            },
        ),
        Misconception(
            "bounds swapped",
            "an intensity below the ridge: does the processor wait for memory, or the other way?",
            lambda *args: {
                "bound": {"memory": "compute", "compute": "memory"}[_bound(*args)["bound"]]
            },
        ),
    ),
)

PLOT_INTENSITY = Exercise(
    points=2,
    topic="intensity against batch size, plotted",
    examples=[()],
    hidden=lambda draw: [],
    reference=lambda: right_plot(IN, OUT),
    read=read_intensity_plot,
    gate="intensity",
    # Two derivations (slope read or not) differ by 0.04 %: both are on the curve.
    tolerance=2e-3,
    misconceptions=(
        *plot_misconceptions(IN, OUT),
        Misconception(
            "axes not named",
            "name both axes: the word batch on one, the unit FLOP/B on the other",
            lambda: {"axes named": "no"},
        ),
    ),
)


def _best_batch_without_weights(in_features: int, out_features: int, ridge: float) -> int | None:
    intensity = 2 * in_features * out_features / (FP32 * (in_features + out_features))
    return 1 if intensity >= ridge else None


def _draw_layers(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    reachable = [
        (
            draw.choice([512, 768, 1024]),
            draw.choice([1024, 3072, 4096]),
            draw.randrange(5, 100) + 0.3,
        )
        for _ in range(4)
    ]
    return [*reachable, (draw.choice([16, 32, 64]), 32, draw.randrange(10, 200) + 0.3)]


BEST_BATCH = Exercise(
    points=1,
    topic="smallest batch that is compute bound",
    examples=[(768, 3072, 20.3), (64, 32, 20.3)],
    hidden=_draw_layers,
    reference=best_batch,
    misconceptions=(
        Misconception(
            "traffic without the weights",
            "a batch of 1 is never enough here: is the reading of the weights in your traffic?",
            _best_batch_without_weights,
        ),
        Misconception(
            *ONE_BATCH_TOO_FEW,
            lambda i, o, ridge: (
                None if best_batch(i, o, ridge) is None else (best_batch(i, o, ridge) or 0) - 1
            ),
        ),
    ),
)

FUSED = Exercise(
    points=2,
    topic="what fusing PReLU into Linear saves",
    examples=[(1,), (64,)],
    hidden=_draw_batches,
    reference=lambda batch: {
        "bytes": _fused_bytes(batch),
        "intensity": intensity(_block_flops(batch), _fused_bytes(batch)),
    },
    tolerance=1e-3,
    bonus=True,
    misconceptions=(
        Misconception(
            "nothing saved",
            "this is the traffic without fusion: which tensor need not go to memory any more?",
            lambda batch: {
                "bytes": _block_bytes(batch).total,
                "intensity": _block_flops(batch).total / _block_bytes(batch).total,
            },
        ),
        Misconception(
            *ONE_WAY_SAVED,
            lambda batch: {
                "bytes": _fused_bytes(batch).total + batch * IN * FP32,
                "intensity": _block_flops(batch).total
                / (_fused_bytes(batch).total + batch * IN * FP32),
            },
        ),
    ),
)
