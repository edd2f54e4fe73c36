"""Homework, task 6, continued: a batch that reaches the ridge, and one kernel for both layers."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

from helpers.exercises.exercise import Exercise, Misconception, OneOf
from helpers.exercises.homework.intensity import SLOPE_FREE, draw_blocks
from helpers.exercises.prelu_linear import (
    FP32,
    ONE_BATCH_TOO_FEW,
    ONE_WAY_SAVED,
    WITHOUT_WEIGHTS,
    best_batch,
    block_bytes,
    block_flops,
    fused_bytes,
    without,
)
from helpers.ledger import Ledger


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
        (64, 32, 12.0),
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
    return [(*sizes, draw.randrange(1000, 10**6)) for sizes in draw_blocks(draw)]


def _fused(batch: int, in_features: int, out_features: int, flop: float) -> dict[str, Any]:
    return _of(fused_bytes(batch, in_features, out_features), flop)


def _of(moved: Ledger, flop: float) -> dict[str, Any]:
    totals = [total for _, total in moved.derivations()]
    return {"bytes": moved, "intensity": OneOf(tuple(flop / total for total in totals))}


def _less(*names: str) -> Callable[..., dict[str, Any]]:
    """The answer of one who counts the fused kernel without some of what it moves."""
    return lambda *args: _of(without(fused_bytes(*args[:3]), *names), args[3])


def _elements(batch: int, in_features: int, out_features: int, flop: float) -> dict[str, Any]:
    right = fused_bytes(batch, in_features, out_features).total // FP32
    counts = (right, right - 1)  # with and without the slope
    return {"bytes": OneOf(counts), "intensity": OneOf(tuple(flop / each for each in counts))}


FUSED = Exercise(
    points=2,
    topic="what fusing PReLU into Linear saves",
    examples=[(1, 64, 32, 4160), (64, 64, 32, 266_240), (100, 48, 100, 964_800)],
    hidden=_draw_fused,
    reference=_fused,
    known_slips=SLOPE_FREE | {"read + 1 → read": "the slope stays in a register"},
    bonus=True,
    misconceptions=(
        Misconception(
            "nothing saved",
            "this is the traffic without fusion: which tensor need not go to memory any more?",
            lambda *args: _of(block_bytes(*args[:3]), args[3]),
        ),
        Misconception(
            *ONE_WAY_SAVED,
            lambda *args: _of(without(block_bytes(*args[:3]), "read Linear input"), args[3]),
        ),
        Misconception(*WITHOUT_WEIGHTS, _less("read weights")),
        Misconception(
            "the input saved, too",
            "one kernel still has to fetch what it works on: which tensors does nobody else bring?",
            _less("read PReLU input"),
        ),
        Misconception(
            "the result saved, too",
            "is the result of the kernel written anywhere?",
            _less("write Linear output"),
        ),
        Misconception(
            "elements for bytes",
            "this is the number of elements, not of bytes: how many bytes does one take?",
            _elements,
        ),
        Misconception(
            "intensity upside down",
            "the intensity is in FLOP/B: which of the two is divided by the other?",
            lambda *args: {
                "intensity": OneOf(
                    tuple(total / args[3] for _, total in fused_bytes(*args[:3]).derivations())
                )
            },
        ),
    ),
)
