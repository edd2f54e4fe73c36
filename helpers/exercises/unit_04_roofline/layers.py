"""Unit 04: PReLU → Linear under the roof, its cost and its bound."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from helpers.exercises.exercise import Exercise, Misconception, OneOf
from helpers.exercises.mistakes import (
    FIRST_ADDITION_SAVED,
    WEIGHTS_FOR_EVERY_SAMPLE,
)
from helpers.exercises.prelu_linear import (
    FP32,
    MAC_FOR_FLOP,
    WITHOUT_WEIGHTS,
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


def draw_sizes(draw: random.Random) -> list[Sizes]:
    return [(draw.randrange(2, 257), draw.randrange(16, 513), draw.randrange(16, 513))
            for _ in range(4)]  # fmt: skip


def _pair_costs(batch: int, in_features: int, out_features: int) -> dict[str, Ledger]:
    sizes = (batch, in_features, out_features)
    return {"FLOP": block_flops(*sizes), "bytes": block_bytes(*sizes)}


PAIR_COSTS = Exercise(
    points=1,
    topic="FLOP and bytes of PReLU → Linear",
    examples=[(1, 64, 32), (16, 64, 32), (4, 100, 300)],
    hidden=draw_sizes,
    reference=_pair_costs,
    known_slips={
        "batch * in_features + 1 → batch * in_features": "right: the slope stays in a register",
        "1 → 0": "right: the slope stays in a register",
    },
    misconceptions=(
        Misconception(
            *FIRST_ADDITION_SAVED,
            lambda batch, i, o: {"FLOP": batch * i + batch * o * (2 * i - 1)},
        ),
        Misconception(
            "PReLU at two",
            "for one number, PReLU compares, which is free, and then? How many operations is that?",
            lambda batch, i, o: {"FLOP": 2 * batch * i + 2 * batch * i * o},
        ),
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
        Misconception(
            "a slope for each feature",
            "PReLU has one slope here: for how many features do you read one?",
            lambda batch, i, o: {"bytes": block_bytes(batch, i, o).total + FP32 * (i - 1)},
        ),
    ),
)


def _bound(found: OneOf, peak: float, bandwidth: float, giga: float = 1e9) -> dict[str, Any]:
    parts = bound_of(found, peak, bandwidth, giga)
    return {part: parts[part] for part in ("intensity", "bound")}


#: Batch, in, out, and the intensity with the slope read, in FLOP/B: a device with that ridge has
#: this block on it, by any right formula and in any order of its operations. Where the slope is
#: not read the intensity is higher, and the bound the same.
_ON_THE_RIDGE = (
    *((4, 9, 20, 1.0), (4, 13, 16, 1.0), (13, 64, 27, 2.5), (5, 24, 31, 1.5)),
    *((18, 10, 8, 1.0), (12, 13, 27, 1.875), (17, 12, 31, 2.125), (19, 50, 21, 2.375)),
)


def _draw_bounds(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    # Ridges below and above the intensity: a little below, where a doubled peak decides, a little
    # above, where taking 1024 for 1000 does, and half as high again, where the weights do. So many
    # that nobody guesses on which side they are.
    *sizes, ridge = draw.choice(_ON_THE_RIDGE)
    bandwidth = draw.choice([250, 500, 2000])
    cases: list[tuple[Any, ...]] = [(*sizes, ridge * bandwidth / 1000, bandwidth)]
    for factor in 2 * (0.7, 1.03, 1.5, 4):
        batch = draw.randrange(4, 17) * draw.choice([1, 4])
        sizes = [batch, draw.choice([64, 256]), draw.choice([64, 512])]
        bandwidth = draw.choice([50, 100, 320])
        ridge = block_intensity(*sizes).values[0] * factor
        cases.append((*sizes, round(ridge * bandwidth / 1000, 6), bandwidth))
    return cases


def _pair_bound(
    batch: int, in_features: int, out_features: int, peak_tflops: float, bandwidth_gb: float
) -> dict[str, Any]:
    found = block_intensity(batch, in_features, out_features)
    return _bound(found, peak_tflops, bandwidth_gb)


def _bound_by_ratio(
    batch: int,
    in_features: int,
    out_features: int,
    peak: float,
    bandwidth: float,
    *,
    factor: float = 1,
    at_the_ridge: str = "compute",
) -> str:
    """The bound by a ridge that is off by a factor; the slope is read."""
    intensity = block_intensity(batch, in_features, out_features).values[0]
    ridge = factor * 1000 * peak / bandwidth
    return at_the_ridge if intensity == ridge else "compute" if intensity > ridge else "memory"


PAIR_BOUND = Exercise(
    points=1,
    topic="intensity and bound of PReLU → Linear",
    examples=[
        (1, 64, 32, 19.5, 2039),
        # Its intensity is 25.6: above a ridge of 15, and below one of 29.
        (64, 1024, 1024, 30, 2039),
        # Below a ridge and above the whole number in it, just below one, and on one.
        (16, 256, 64, 9.8, 2000),
        (19, 256, 64, 0.25, 50),
        (2, 15, 27, 1.5, 2000),
    ],
    hidden=_draw_bounds,
    reference=_pair_bound,
    known_slips={
        "pair_costs(batch, in_features, out_features) → "
        "pair_costs(in_features, batch, out_features)": (
            "equivalent: weights and output exchange their sizes"
        ),
    },
    misconceptions=(
        Misconception(
            "memory bound at the ridge",
            "what does the question say of a block exactly at the ridge?",
            lambda *args: {"bound": _bound_by_ratio(*args, at_the_ridge="memory")},
        ),
        Misconception(
            "ridge too high",
            "this never says compute: is the ridge that you compare with too high? The peak is "
            "dense already, and bytes are no bits",
            lambda *args: {"bound": _bound_by_ratio(*args, factor=2)},
        ),
        Misconception(
            "MAC for FLOP",
            "this is half, or nearly: one MAC is two FLOP",
            lambda b, i, o, *device: _bound(
                OneOf(
                    tuple(
                        (b * i * o + b * i) / total
                        for total in block_bytes(b, i, o).accepted_totals()
                    )
                ),
                *device,
            ),
        ),
        Misconception(
            *WITHOUT_WEIGHTS,
            lambda *args: _bound(intensity_without_weights(*args[:3]), *args[3:]),
        ),
        Misconception(
            "Linear alone",
            "this is Linear alone: PReLU computes, reads and writes, too",
            lambda b, i, o, *device: _bound(
                OneOf((2 * b * i * o / (FP32 * (b * i + i * o + b * o)),)), *device
            ),
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
