"""Homework, task 6: the arithmetic intensity of PReLU → Linear(64 → 32, no bias) in fp32.

PReLU is counted at its most, as if every x ≤ 0, with one slope for all channels.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
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

IN, OUT = 64, 32


def _of_batch(cost: Callable[[int, int, int], Ledger]) -> Callable[[int], Ledger]:
    return lambda batch: cost(batch, IN, OUT)


flops_of, bytes_of, fused_bytes_of = map(_of_batch, (block_flops, block_bytes, fused_bytes))


#: Of the worked answers.
SLOPE_FREE = dict.fromkeys(
    ("batch * 64 + 1 → batch * 64", "1 → 0"), "the slope stays in a register"
)


def draw_batches(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    return [(batch,) for batch in draw.sample(range(2, 513), 4)]


BLOCK_FLOPS = Exercise(
    points=1,
    topic="FLOP of PReLU → Linear",
    examples=[(1,), (16,)],
    hidden=draw_batches,
    reference=flops_of,
    misconceptions=(
        Misconception(
            *MAC_FOR_FLOP,
            lambda batch: batch * IN * OUT + batch * IN,
        ),
        Misconception(
            # Of 64 features and 32 outputs both make the same difference.
            "first addition saved, or PReLU behind the layer",
            "32 FLOP too few for each sample: the first addition of each output counts here, and "
            "PReLU comes before the layer",
            lambda batch: flops_of(batch).total - batch * OUT,
        ),
        Misconception(
            "a bias that is not there",
            "this Linear layer has no bias",
            lambda batch: 2 * batch * IN * OUT + batch * OUT + batch * IN,
        ),
        Misconception(
            "two operations for each PReLU element",
            "PReLU compares, which is free, and multiplies: how many FLOP is that for one number?",
            lambda batch: 2 * batch * IN * OUT + 2 * batch * IN,
        ),
        Misconception(
            "batch forgotten in one layer",
            "one of the two layers is that of one sample: where is the batch?",
            lambda batch: OneOf(
                (
                    2 * IN * OUT + batch * IN,
                    2 * IN * OUT + 2 * batch * IN,
                    IN * OUT + batch * IN,
                    IN * OUT + 2 * batch * IN,
                    2 * batch * IN * OUT + IN,
                    2 * batch * IN * OUT + 2 * IN,
                )
            ),
        ),
    ),
)


def _weights_for_every_sample(batch: int) -> Ledger:
    weights = Term("read weights", batch * IN * OUT, FP32)
    return Ledger("B", (*without(bytes_of(batch), "read weights").terms, weights))


def _less_than_the_weights(batch: int) -> OneOf:
    """The weights left out, and of any other tensor the whole or all samples but one."""
    others = without(bytes_of(batch), "read weights").terms
    ways = [(term.amount, term.amount / batch, 0) for term in others]
    return OneOf(tuple(dict.fromkeys(sum(way) for way in product(*ways) if any(way))))


BLOCK_BYTES = Exercise(
    points=1,
    topic="bytes moved by PReLU → Linear",
    examples=[(1,), (16,), (100,)],
    hidden=draw_batches,
    reference=bytes_of,
    known_slips=SLOPE_FREE,
    misconceptions=(
        Misconception(
            *WEIGHTS_FOR_EVERY_SAMPLE,
            _weights_for_every_sample,
        ),
        Misconception(
            "a slope for each channel",
            "one slope serves all channels here: how many slopes do you read?",
            lambda batch: bytes_of(batch).total + FP32 * (IN - 1),
        ),
        Misconception(
            "a bias that is not there",
            "this Linear layer has no bias: what is read for each output?",
            lambda batch: bytes_of(batch).total + FP32 * OUT,
        ),
        Misconception(
            "fused",
            "the tensor between the layers goes through memory here: it is written, and read",
            fused_bytes_of,
        ),
        Misconception(*WITHOUT_WEIGHTS, _less_than_the_weights),
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
    examples=[(4160, 896, 8196, 64)],
    hidden=_draw_plots,
    reference=lambda flop, moved, once, largest: right_plot(flop, moved, once, largest),
    # Each one would be drawn into the notebook.
    spare=(),
    read=read_intensity_plot,
    gate="intensity",
    # What is read off a line between two points; no slip is that small.
    tolerance=2e-3,
    misconceptions=plot_misconceptions(),
)
