"""Homework, task 6: the arithmetic intensity of PReLU → Linear(64 → 32, no bias) in fp32.

PReLU is counted at its most, as if every x ≤ 0, with one slope for all channels.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import product
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
    bound_of,
    fused_bytes,
    without,
)
from helpers.ledger import Ledger, Term

IN, OUT = 64, 32


def _of_batch(cost: Callable[[int, int, int], Ledger]) -> Callable[[int], Ledger]:
    return lambda batch: cost(batch, IN, OUT)


_block_flops, _block_bytes, _fused_bytes = map(_of_batch, (block_flops, block_bytes, fused_bytes))


#: Of the worked answers.
_SLOPE_FREE = dict.fromkeys(
    ("batch * 64 + 1 → batch * 64", "1 → 0"), "the slope stays in a register"
)


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
            # Of 64 features and 32 outputs both make the same difference.
            "first addition saved, or PReLU behind the layer",
            "32 FLOP too few for each sample: the first addition of each output counts here, and "
            "PReLU comes before the layer",
            lambda batch: _block_flops(batch).total - batch * OUT,
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
    return Ledger("B", (*without(_block_bytes(batch), "read weights").terms, weights))


def _less_than_the_weights(batch: int) -> OneOf:
    """The weights left out, and of any other tensor the whole or all samples but one."""
    others = without(_block_bytes(batch), "read weights").terms
    ways = [(term.amount, term.amount / batch, 0) for term in others]
    return OneOf(tuple({sum(way) for way in product(*ways) if any(way)}))


BLOCK_BYTES = Exercise(
    points=1,
    topic="bytes moved by PReLU → Linear",
    examples=[(1,), (16,), (100,)],
    hidden=_draw_batches,
    reference=_block_bytes,
    known_slips=_SLOPE_FREE,
    misconceptions=(
        Misconception(
            *WEIGHTS_FOR_EVERY_SAMPLE,
            _weights_for_every_sample,
        ),
        Misconception(
            "a slope for each channel",
            "one slope serves all channels here: how many slopes do you read?",
            lambda batch: _block_bytes(batch).total + FP32 * (IN - 1),
        ),
        Misconception(
            "a bias that is not there",
            "this Linear layer has no bias: what is read for each output?",
            lambda batch: _block_bytes(batch).total + FP32 * OUT,
        ),
        Misconception(
            "fused",
            "the tensor between the layers goes through memory here: it is written, and read",
            _fused_bytes,
        ),
        Misconception(*WITHOUT_WEIGHTS, _less_than_the_weights),
    ),
)


def _bound(flop: float, traffic: float, peak_tflops: float, bandwidth_gb: float) -> dict[str, Any]:
    return bound_of(OneOf((flop / traffic,)), peak_tflops, bandwidth_gb)


def _draw_bounds(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    """Below a ridge, above it, and on it: there all that is compared is exact."""
    cases: list[tuple[Any, ...]] = []
    for factor in (0.6, 1.03, 1.7):
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
    known_slips=dict.fromkeys(
        ("1000000000000.0 → 999999999999.0", "1000000000.0 → 1000000001.0"),
        "a slip that no tolerance sees",
    ),
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
            lambda flop, traffic, *device: {"intensity": traffic / flop},
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
    read=read_intensity_plot,
    gate="intensity",
    # What is read off a line between two points; no slip is that small.
    tolerance=2e-3,
    misconceptions=plot_misconceptions(),
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
    side = 32 * draw.randrange(3, 30)
    # There batch side/2 is on the ridge, and no batch is on twice that.
    on_it = [(side, side, side / 8), (side, side, side / 4)]
    return [*reachable, *on_it, (draw.choice([16, 32, 64]), 32, draw.randrange(10, 200) + 0.3)]


def _best_batch_with_prelu(in_features: int, out_features: int, ridge: float) -> int | None:
    sizes = in_features, out_features
    gain = block_flops(1, *sizes).total - Fraction(ridge) * FP32 * (3 * in_features + out_features)
    once = FP32 * (in_features * out_features + 1)
    return math.ceil(Fraction(ridge) * once / gain) if gain > 0 else None


BEST_BATCH = Exercise(
    points=1,
    topic="smallest batch that is compute bound",
    # A ridge that is out of reach, one that a batch is on, one near the limit and one that is the
    # limit, and one that a single sample reaches.
    examples=[
        (768, 3072, 20.3),
        (64, 32, 20.3),
        (128, 128, 16.0),
        (128, 128, 30.0),
        (64, 64, 16.0),
        (128, 128, 0.4),
    ],
    known_slips={"1 → 0": "equivalent: a batch of 0 reaches no ridge"},
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
        Misconception(
            "beyond the ridge",
            "a batch whose intensity is exactly the ridge has reached it",
            lambda i, o, ridge: best_batch(i, o, ridge * (1 + 1e-9)),
        ),
        Misconception(
            "a power of two",
            "a batch may have any size: try those between the powers of two",
            lambda i, o, ridge: (
                None if (best := best_batch(i, o, ridge)) is None else 1 << (best - 1).bit_length()
            ),
        ),
        Misconception(
            "0 for none",
            "where no batch is enough, the answer is None, not a number",
            lambda i, o, ridge: best_batch(i, o, ridge) or 0,
        ),
        Misconception(
            "MAC for FLOP",
            "is a MAC one FLOP in your intensity?",
            lambda i, o, ridge: best_batch(i, o, 2 * ridge),
        ),
        Misconception(
            "elements for bytes",
            "is your intensity FLOP for each byte, or for each number?",
            lambda i, o, ridge: best_batch(i, o, ridge, width=1),
        ),
        Misconception(
            "of PReLU → Linear",
            "one Linear layer alone: is PReLU still among your FLOP and bytes?",
            _best_batch_with_prelu,
        ),
    ),
)


def _draw_fused(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    return [(batch, draw.randrange(1000, 10**6)) for (batch,) in _draw_batches(draw)]


def _fused(batch: int, flop: float, traffic: Ledger | None = None) -> dict[str, Any]:
    moved = traffic or _fused_bytes(batch)
    totals = [total for _, total in moved.derivations()]
    return {"bytes": moved, "intensity": OneOf(tuple(flop / total for total in totals))}


def _less(batch: int, *names: str) -> Ledger:
    return without(_block_bytes(batch), *names)


FUSED = Exercise(
    points=2,
    topic="what fusing PReLU into Linear saves",
    examples=[(1, 4160), (64, 266_240)],
    hidden=_draw_fused,
    reference=lambda batch, flop: _fused(batch, flop),
    known_slips=_SLOPE_FREE,
    bonus=True,
    misconceptions=(
        Misconception(
            "nothing saved",
            "this is the traffic without fusion: which tensor need not go to memory any more?",
            lambda batch, flop: _fused(batch, flop, _block_bytes(batch)),
        ),
        Misconception(
            *ONE_WAY_SAVED,
            lambda batch, flop: _fused(batch, flop, _less(batch, "read Linear input")),
        ),
        Misconception(
            *WITHOUT_WEIGHTS,
            lambda batch, flop: _fused(batch, flop, without(_fused_bytes(batch), "read weights")),
        ),
        Misconception(
            "the input saved, too",
            "one kernel still has to fetch what it works on: which tensors does nobody else bring?",
            lambda batch, flop: _fused(
                batch, flop, without(_fused_bytes(batch), "read PReLU input")
            ),
        ),
        Misconception(
            "the result saved, too",
            "is the result of the kernel written anywhere?",
            lambda batch, flop: _fused(
                batch, flop, without(_fused_bytes(batch), "write Linear output")
            ),
        ),
        Misconception(
            "elements for bytes",
            "this is the number of elements, not of bytes: how many bytes does one take?",
            lambda batch, flop: {
                "bytes": OneOf((_fused_bytes(batch).total / 4, _fused_bytes(batch).total / 4 - 1)),
                "intensity": OneOf(
                    (
                        4 * flop / _fused_bytes(batch).total,
                        4 * flop / (_fused_bytes(batch).total - 4),
                    )
                ),
            },
        ),
        Misconception(
            "intensity upside down",
            "the intensity is in FLOP/B: which of the two is divided by the other?",
            lambda batch, flop: {
                "intensity": OneOf(
                    tuple(total / flop for _, total in _fused_bytes(batch).derivations())
                )
            },
        ),
    ),
)
