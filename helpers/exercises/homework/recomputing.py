"""Homework, a bonus on units 07 and 08: attention that computes its shares again."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from helpers.conventions import PRICE
from helpers.exercises.exercise import Exercise, Misconception
from helpers.ledger import Ledger, Term

FP32 = 4


def _recomputed_attention(heads: int, tokens: int, width: int) -> dict[str, Ledger]:
    """What autograd keeps (T. Dao et al.: FlashAttention, 2022), and the scores once more."""
    rows, pairs = heads * tokens * width, heads * tokens**2
    return {
        "written out": Ledger(
            "B",
            (Term("queries, keys, values", 3 * rows, FP32), Term("shares", pairs, FP32)),
        ),
        "fused": Ledger(
            "B",
            (
                Term("queries, keys, values", 3 * rows, FP32),
                Term("output", rows, FP32),
                Term("a number for each row", heads * tokens, FP32),
            ),
        ),
        "again": Ledger(
            "FLOP",
            (
                Term("products of the scores", pairs * width, PRICE["multiply"]),
                Term("sums of the scores", pairs * width, PRICE["add"]),
            ),
        ),
    }


def _draw(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    return [
        (draw.randrange(2, 17), draw.randrange(100, 3000), draw.choice([32, 48, 64, 80, 128]))
        for _ in range(4)
    ]


def _kept(heads: int, tokens: int, width: int, rows: int, pairs: int, each: int) -> int:
    """Bytes: of so many tensors of heads · tokens · width, of pairs, and of a number for a row."""
    return FP32 * heads * tokens * (rows * width + pairs * tokens + each)


RECOMPUTED_ATTENTION = Exercise(
    points=2,
    topic="what fused attention need not keep, and computes again",
    bonus=True,
    examples=[(8, 2048, 64), (12, 197, 64)],
    hidden=_draw,
    reference=_recomputed_attention,
    misconceptions=(
        Misconception(
            "scores kept, too",
            "softmax's rule looks at its output alone: what does it want with the scores?",
            lambda heads, tokens, width: {
                "written out": _kept(heads, tokens, width, 3, 2, 0),
            },
        ),
        Misconception(
            "the output kept written out",
            "does any rule look at the output of the last product?",
            lambda heads, tokens, width: {
                "written out": _kept(heads, tokens, width, 4, 1, 0),
            },
        ),
        Misconception(
            "one head's shares",
            "every head has shares of its own, a number for each pair of tokens",
            lambda heads, tokens, width: {
                "written out": FP32 * (3 * heads * tokens * width + tokens**2),
            },
        ),
        Misconception(
            "no output for the fused one",
            "the fused kernel's rule looks at its output, too",
            lambda heads, tokens, width: {"fused": _kept(heads, tokens, width, 3, 0, 1)},
        ),
        Misconception(
            "no number for each row",
            "for a row's shares again one needs its largest and its total, joined in one number",
            lambda heads, tokens, width: {"fused": _kept(heads, tokens, width, 4, 0, 0)},
        ),
        Misconception(
            "values multiplied again, too",
            "what is computed again are the scores: the product with the values comes after them",
            lambda heads, tokens, width: {"again": 4 * heads * tokens**2 * width},
        ),
        Misconception(
            "tokens not squared",
            "every query meets every key: how many pairs are there?",
            lambda heads, tokens, width: {"again": 2 * heads * tokens * width},
        ),
    ),
)
