"""Homework, task 6: the arithmetic intensity of PReLU → Linear(no bias) in fp32.

PReLU is counted at its most, as if every x ≤ 0, with one slope for all channels.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import product
from typing import Any

from helpers.exercises.exercise import Exercise, Misconception, OneOf
from helpers.exercises.figure_questions import read_intensity_plot
from helpers.exercises.intensity_plot import plot_misconceptions, right_plot
from helpers.exercises.mistakes import GB_AS_GIB, WEIGHTS_FOR_EVERY_SAMPLE
from helpers.exercises.prelu_linear import (
    FP32,
    MAC_FOR_FLOP,
    WITHOUT_WEIGHTS,
    block_bytes,
    block_flops,
    bound_of,
    fused_bytes,
    without,
)
from helpers.ledger import Ledger, Term

#: A slip that the worked answers survive.
SLOPE_FREE = {"1 → 0": "the slope stays in a register"}


def draw_blocks(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    """Batches and sizes of the block, of which none is twice another."""
    return [
        (batch, draw.choice((48, 80, 130)), draw.choice((20, 56, 110)))
        for batch in draw.sample(range(2, 513), 4)
    ]


BLOCK_FLOPS = Exercise(
    points=1,
    topic="FLOP of PReLU → Linear",
    examples=[(1, 64, 32), (16, 64, 32), (16, 48, 100)],
    hidden=draw_blocks,
    reference=block_flops,
    misconceptions=(
        Misconception(
            *MAC_FOR_FLOP,
            lambda batch, in_features, out_features: (
                batch * in_features * out_features + batch * in_features
            ),
        ),
        Misconception(
            "first addition saved",
            "the first addition of each output counts here, too: a MAC is two FLOP",
            lambda *sizes: block_flops(*sizes).total - sizes[0] * sizes[2],
        ),
        Misconception(
            "PReLU behind the layer",
            "PReLU comes before the layer: how many numbers does it see?",
            lambda batch, in_features, out_features: (
                2 * batch * in_features * out_features + batch * out_features
            ),
        ),
        Misconception(
            "a bias that is not there",
            "this Linear layer has no bias",
            lambda *sizes: block_flops(*sizes).total + sizes[0] * sizes[2],
        ),
        Misconception(
            "two operations for each PReLU element",
            "PReLU compares, which is free, and multiplies: how many FLOP is that for one number?",
            lambda *sizes: block_flops(*sizes).total + sizes[0] * sizes[1],
        ),
        Misconception(
            "batch forgotten in one layer",
            "one of the two layers is that of one sample: where is the batch?",
            lambda batch, in_features, out_features: OneOf(
                tuple(
                    price * of_linear * in_features * out_features + times * of_prelu * in_features
                    for of_linear, of_prelu in ((1, batch), (batch, 1))
                    for price in (2, 1)
                    for times in (1, 2)
                    if (price, of_linear) != (1, batch)
                )
            ),
        ),
        Misconception(
            "sizes 64 and 32 written down",
            "right for 64 → 32: the sizes are arguments, and are others in other cases",
            lambda batch, in_features, out_features: block_flops(batch, 64, 32).total,
        ),
    ),
)


def _weights_for_every_sample(batch: int, in_features: int, out_features: int) -> Ledger:
    weights = Term("read weights", batch * in_features * out_features, FP32)
    others = without(block_bytes(batch, in_features, out_features), "read weights")
    return Ledger("B", (*others.terms, weights))


def _less_than_the_weights(batch: int, in_features: int, out_features: int) -> OneOf:
    """The weights left out, and of any other tensor the whole or all samples but one."""
    others = without(block_bytes(batch, in_features, out_features), "read weights").terms
    ways = [(term.amount, term.amount / batch, 0) for term in others]
    return OneOf(tuple(dict.fromkeys(sum(way) for way in product(*ways) if any(way))))


BLOCK_BYTES = Exercise(
    points=1,
    topic="bytes moved by PReLU → Linear",
    examples=[(1, 64, 32), (16, 64, 32), (100, 48, 100)],
    hidden=draw_blocks,
    reference=block_bytes,
    known_slips=SLOPE_FREE | {"2 * read + 1 → 2 * read": "the slope stays in a register"},
    misconceptions=(
        Misconception(
            *WEIGHTS_FOR_EVERY_SAMPLE,
            _weights_for_every_sample,
        ),
        Misconception(
            "a slope for each channel",
            "one slope serves all channels here: how many slopes do you read?",
            lambda *sizes: block_bytes(*sizes).total + FP32 * (sizes[1] - 1),
        ),
        Misconception(
            "a bias that is not there",
            "this Linear layer has no bias: what is read for each output?",
            lambda *sizes: block_bytes(*sizes).total + FP32 * sizes[2],
        ),
        Misconception(
            "fused",
            "the tensor between the layers goes through memory here: it is written, and read",
            fused_bytes,
        ),
        Misconception(*WITHOUT_WEIGHTS, _less_than_the_weights),
        Misconception(
            "sizes 64 and 32 written down",
            "right for 64 → 32: the sizes are arguments, and are others in other cases",
            lambda batch, in_features, out_features: block_bytes(batch, 64, 32),
        ),
    ),
)


def _bound(flop: float, traffic: float, peak_tflops: float, bandwidth_gb: float) -> dict[str, Any]:
    return bound_of(OneOf((flop / traffic,)), peak_tflops, bandwidth_gb)


def _draw_bounds(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    """Below a ridge, above it, and on it: there all that is compared is exact. So many that nobody
    guesses on which side they are."""
    cases: list[tuple[Any, ...]] = []
    for factor in (0.6, 1.03, 1.7, 0.6, 0.6):
        bandwidth = draw.choice([50, 320, 2039])
        peak = round(draw.uniform(1, 300), 1)
        traffic = draw.randrange(10**4, 10**7)
        cases.append((round(factor * 1000 * peak / bandwidth * traffic), traffic, peak, bandwidth))
    ridge, traffic = draw.choice([2, 4, 8]), draw.randrange(10**4, 10**7)
    cases.append((ridge * traffic, traffic, ridge, 1000))
    return cases


BLOCK_BOUND = Exercise(
    points=1,
    topic="intensity, ridge and what bounds a block",
    examples=[
        (4160, 9092, 19.5, 2039),
        (266_240, 65_540, 0.01, 5),
        (8000, 4000, 2, 1000),
        # Between two whole numbers, as its ridge is.
        (7600, 4000, 1.2, 1000),
    ],
    hidden=_draw_bounds,
    reference=lambda flop, traffic, peak_tflops, bandwidth_gb: _bound(
        flop, traffic, peak_tflops, bandwidth_gb
    ),
    misconceptions=(
        Misconception(
            *GB_AS_GIB,
            lambda flop, traffic, peak, bandwidth: {"ridge": peak * 1e12 / (bandwidth * 1024**3)},
        ),
        Misconception(
            "everything in steps of 1024",
            "peak and bandwidth count in steps of 1000, not of 1024",
            lambda *args: {"ridge": _bound(*args)["ridge"] * 1.024},
        ),
        Misconception(
            "tera and giga not brought together",
            "1 TFLOP/s is 1000 GFLOP/s: bring peak and bandwidth to one prefix first",
            lambda flop, traffic, peak, bandwidth: {"ridge": peak / bandwidth},
        ),
        Misconception(
            "ridge upside down",
            "the ridge is in FLOP/B: which of the two is divided by the other?",
            lambda *args: {
                "ridge": OneOf(tuple(by / _bound(*args)["ridge"] for by in (1, 1000, 1e6)))
            },
        ),
        Misconception(
            "intensity upside down",
            "the intensity is in FLOP/B: which of the two is divided by the other?",
            lambda flop, traffic, *device: {
                "intensity": traffic / flop,
                "bound": _bound(traffic, flop, *device)["bound"],
            },
        ),
        Misconception(
            "bounds swapped",
            "an intensity below the ridge: does the processor wait for memory, or the other way?",
            lambda *args: {
                "bound": {"memory": "compute", "compute": "memory"}[_bound(*args)["bound"]]
            },
        ),
        Misconception(
            "above the ridge only",
            "what does the task say of an intensity that is exactly the ridge?",
            lambda *args: {
                "bound": "compute" if args[0] / args[1] > _bound(*args)["ridge"] else "memory"
            },
        ),
    ),
)


def _draw_plots(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    """Blocks whose curve bends within what is plotted."""
    cases = []
    for largest in (draw.randrange(20, 60), draw.randrange(70, 130)):
        moved = 4 * draw.randrange(100, 900)
        once = moved * draw.randrange(5, 40)
        cases.append((moved * draw.randrange(2, 30) + draw.randrange(moved), moved, once, largest))
    return cases


PLOT_INTENSITY = Exercise(
    points=2,
    topic="intensity against batch size, plotted",
    # Two: what is written down for the first is wrong in the second.
    examples=[(4160, 896, 8196, 64), (9000, 1200, 20_000, 40)],
    hidden=_draw_plots,
    reference=lambda flop, moved, once, largest: right_plot(flop, moved, once, largest),
    # Pictures take their time.
    spare=(),
    read=read_intensity_plot,
    gate="intensity",
    # What is read off a line between two points; no slip is that small.
    tolerance=2e-3,
    misconceptions=plot_misconceptions(),
)
