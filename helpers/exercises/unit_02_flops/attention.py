"""Unit 02: attention, and the causal half of it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from helpers.exercises.exercise import Exercise, Misconception, OneOf
from helpers.exercises.mistakes import FIRST_ADDITION_SAVED
from helpers.ledger import Alternative, Ledger, Term


def _attention(tokens: int, width: int, heads: int) -> dict[str, Ledger]:
    one = tokens * width**2
    projections = (
        Term("queries, keys, values", 3 * one, 2),
        Term("output projection", one, 2),
    )
    products = (Term("scores", tokens**2 * width, 2), Term("values", tokens**2 * width, 2))
    return {
        "projections": Ledger("FLOP", projections),
        "scores and values": Ledger("FLOP", products),
        "causal": Ledger("FLOP", (_half("scores", tokens, width), _half("values", tokens, width))),
    }


def _half(name: str, tokens: int, width: int) -> Term:
    """Of each token and those before it; half of all pairs is what most papers count."""
    round_half = Alternative("half of all pairs", tokens**2 * width // 2, 2)
    return Term(name, tokens * (tokens + 1) * width // 2, 2, (round_half,))


def _attention_with_one_addition_less(tokens: int, width: int, heads: int) -> dict[str, Any]:
    """A sum of n products as 2n − 1 operations."""
    products = 4 * tokens**2 * width - heads * tokens**2 - tokens * width
    pairs = tokens * (tokens + 1) // 2
    return {
        "projections": 4 * tokens * width * (2 * width - 1),
        "scores and values": products,
        "causal": OneOf((4 * pairs * width - heads * pairs - tokens * width, products // 2)),
    }


def _draw_attention(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    return [
        (2 * draw.randrange(20, 2000), 64 * draw.randrange(2, 33), draw.choice([2, 4, 8, 16]))
        for _ in range(4)
    ]


ATTENTION_COST = Exercise(
    points=1,
    topic="FLOP of attention, and its causal half",
    examples=[(512, 768, 12), (10, 64, 4)],
    hidden=_draw_attention,
    reference=_attention,
    known_slips={
        "2 * 2 * width * tokens * (tokens + 1) // 2 → 2 * 2 * width * tokens * (tokens + 1) / 2": (
            "equivalent: the product is even"
        ),
        "tokens + 1 → tokens": "right: the round half",
        "1 → 0": "right: the round half",
    },
    misconceptions=(
        Misconception(
            "times heads",
            "each head has width d / h only: what do all heads cost together?",
            lambda s, d, h: {
                "projections": 8 * h * s * d**2,
                "scores and values": 4 * h * s**2 * d,
                "causal": 2 * h * s * (s + 1) * d,
            },
        ),
        Misconception(
            "one head only",
            "this is one head of width d / h: how many are there?",
            lambda s, d, h: {
                "projections": 8 * s * d**2 // h,
                "scores and values": 4 * s**2 * d // h,
                "causal": 2 * s * (s + 1) * d // h,
            },
        ),
        Misconception(
            "causal not halved",
            "a token looks at itself and at those before it: at how many pairs in all?",
            lambda s, d, h: {"causal": 4 * s**2 * d},
        ),
        Misconception(
            "first addition of each dot product saved",
            FIRST_ADDITION_SAVED[1],
            _attention_with_one_addition_less,
        ),
        Misconception(
            "scores only",
            "scores are one product; with them the values are weighted and summed: that is another",
            lambda s, d, h: {
                "scores and values": 2 * s**2 * d,
                "causal": OneOf((s * (s + 1) * d, s**2 * d)),
            },
        ),
        Misconception(
            "projections in the causal part, too",
            "causal: scores and values alone, as the text has it: are the projections in it, too?",
            lambda s, d, h: {
                "causal": OneOf((2 * s * (4 * d + s + 1) * d, 2 * s * (4 * d + s) * d))
            },
        ),
        Misconception(
            "a token does not see itself",
            "a token looks at itself, too",
            lambda s, d, h: {"causal": 2 * s * (s - 1) * d},
        ),
    ),
    library="PyTorch's counter says it of attention that is built for it: longer than the formula",
)

ATTENTION_SHARE = Exercise(
    points=1,
    topic="where s² overtakes d²",
    examples=[(512, 768), (4096, 512), (1000, 192)],
    hidden=lambda draw: [
        (draw.randrange(16, 10_000), 64 * draw.randrange(2, 65)) for _ in range(4)
    ],
    reference=lambda tokens, width: {
        "share of projections": 2 * width / (2 * width + tokens),
        "even at": 2 * width,
    },
    misconceptions=(
        Misconception(
            "even where s = d",
            "put s = d into both formulas: are they equal?",
            lambda s, d: {"even at": d},
        ),
        Misconception(
            "projections without their factor",
            "compare 8·s·d² with 4·s²·d: the factors differ",
            lambda s, d: {"share of projections": d / (d + s)},
        ),
        Misconception(
            "share in percent",
            "a share lies between 0 and 1",
            lambda s, d: {"share of projections": 200 * d / (2 * d + s)},
        ),
        Misconception(
            "share of the other part",
            "which of the two shares is this?",
            lambda s, d: {"share of projections": s / (2 * d + s)},
        ),
        Misconception(
            "one part divided by the other",
            "this compares the two parts: what is one part's share of their sum?",
            lambda s, d: {"share of projections": 2 * d / s},
        ),
        Misconception(
            "three projections",
            "queries, keys and values are three projections: which is the fourth?",
            lambda s, d: {"share of projections": 3 * d / (3 * d + 2 * s), "even at": 1.5 * d},
        ),
        Misconception(
            "causal products",
            "this counts half of the pairs: does the question ask for the causal half?",
            lambda s, d: {"share of projections": 4 * d / (4 * d + s), "even at": 4 * d},
        ),
    ),
)
