"""Unit 09: which weights multiply, and what a prompt and one more token cost."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from helpers.exercises.exercise import Exercise, Misconception, OneOf
from helpers.exercises.unit_09_inference.models import (
    LLAMA_2_7B,
    LLAMA_2_7B_MULTIPLY,
    LLAMA_3_8B,
    LLAMA_3_8B_MULTIPLY,
    Decoder,
    draw_decoder,
)
from helpers.ledger import Ledger
from helpers.reference.inference import decode_flops, decoder_weights, prefill_flops


def _without(ledger: Ledger, name: str) -> Ledger:
    terms = tuple(term for term in ledger.terms if term.name != name)
    return Ledger(ledger.unit, terms, ledger.title)


def _weights(
    vocabulary: int, width: int, layers: int, hidden: int, kv_width: int
) -> dict[str, Ledger]:
    held = decoder_weights(vocabulary, width, layers, hidden, kv_width)
    return {"held": held, "multiply": _without(held, "table")}


def _both_less(vocabulary: int, width: int, layers: int, hidden: int, kv_width: int, less: int):
    right = _weights(vocabulary, width, layers, hidden, kv_width)
    return {part: ledger.total - less for part, ledger in right.items()}


def _sizes(model: Decoder) -> tuple[int, ...]:
    return model.vocabulary, model.width, model.layers, model.hidden, model.kv_width


MULTIPLYING_WEIGHTS = Exercise(
    points=1,
    topic="weights that are held, and weights that multiply",
    examples=[_sizes(LLAMA_2_7B), _sizes(LLAMA_3_8B)],
    hidden=lambda draw: [_sizes(draw_decoder(draw)) for _ in range(4)],
    reference=_weights,
    misconceptions=(
        Misconception(
            "the table multiplies",
            "of the table at the bottom one row is looked up for each token: does that multiply?",
            lambda v, d, n, hidden, kv: {"multiply": _weights(v, d, n, hidden, kv)["held"]},
        ),
        Misconception(
            "the table not held",
            "the table does not multiply, but it lies in memory all the same",
            lambda v, d, n, hidden, kv: {"held": _weights(v, d, n, hidden, kv)["multiply"]},
        ),
        Misconception(
            "no head",
            "at the top there is one score for each word of the vocabulary: which matrix makes "
            "them?",
            lambda v, d, n, hidden, kv: _both_less(v, d, n, hidden, kv, v * d),
        ),
        Misconception(
            "keys as wide as queries",
            "where queries share heads, keys and values are narrower: kv_width",
            lambda v, d, n, hidden, kv: _weights(v, d, n, hidden, d),
        ),
        Misconception(
            "two matrices in the MLP",
            "this MLP has a gate: how many matrices of width × hidden are there?",
            lambda v, d, n, hidden, kv: _both_less(v, d, n, hidden, kv, n * d * hidden),
        ),
        Misconception(
            "one of key and value",
            "keys and values each have a matrix of their own",
            lambda v, d, n, hidden, kv: _both_less(v, d, n, hidden, kv, n * d * kv),
        ),
        Misconception(
            "no output matrix",
            "what the heads found is multiplied once more before it is added: by which matrix?",
            lambda v, d, n, hidden, kv: _both_less(v, d, n, hidden, kv, n * d * d),
        ),
    ),
)


def _flops(weights: int, layers: int, width: int, tokens: int) -> dict[str, Ledger]:
    return {
        "prompt": prefill_flops(weights, layers, width, tokens),
        "next token": decode_flops(weights, layers, width, tokens),
    }


def _attending(sizes: Sequence[int], prompt: float, one: int) -> dict[str, float]:
    """FLOP where so many pairs of places are counted."""
    weights, layers, width, tokens = sizes
    return {
        "prompt": 2 * weights * tokens + 4 * layers * width * prompt,
        "next token": 2 * weights + 4 * layers * width * one,
    }


def _draw_passes(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    cases = []
    for _ in range(4):
        model = draw_decoder(draw)
        weights = 10**6 * draw.randrange(300, 9000) + draw.randrange(10**6)
        cases.append((weights, model.layers, model.width, draw.randrange(100, 9000)))
    return cases


PASS_FLOPS = Exercise(
    points=1,
    topic="FLOP of a prompt, and of one more token",
    examples=[
        (LLAMA_2_7B_MULTIPLY, LLAMA_2_7B.layers, LLAMA_2_7B.width, 2048),
        (LLAMA_3_8B_MULTIPLY, LLAMA_3_8B.layers, LLAMA_3_8B.width, 8192),
        (123_532_032, 12, 768, 1),
    ],
    hidden=_draw_passes,
    reference=_flops,
    known_slips={
        "tokens * (tokens + 1) // 2 → tokens * (tokens + 1) / 2": (
            "equivalent: of two neighbours one is even"
        )
    },
    misconceptions=(
        Misconception(
            "every token sees every token",
            "a token sees itself and those before it: how many pairs are that in a prompt of 3?",
            lambda *sizes: {"prompt": _attending(sizes, sizes[-1] ** 2, 0)["prompt"]},
        ),
        Misconception(
            "half of the square",
            "draw the pairs for a prompt of 3: is it just half of 9?",
            lambda *sizes: {
                "prompt": OneOf(
                    tuple(
                        _attending(sizes, pairs, 0)["prompt"]
                        for pairs in (sizes[-1] ** 2 // 2, sizes[-1] ** 2 / 2)
                    )
                )
            },
        ),
        Misconception(
            "itself not seen",
            "a token attends to itself, too",
            lambda *sizes: {
                "prompt": _attending(sizes, sizes[-1] * (sizes[-1] - 1) // 2, 0)["prompt"]
            },
        ),
        Misconception(
            "the next token does not see itself",
            "the new token attends to those before it, and to one more: which?",
            lambda *sizes: {"next token": _attending(sizes, 0, sizes[-1])["next token"]},
        ),
        Misconception(
            "all again for the next token",
            "keys and values of the prompt are kept: which tokens have still to be multiplied by "
            "the weights?",
            lambda weights, layers, width, tokens: {
                "next token": prefill_flops(weights, layers, width, tokens + 1)
            },
        ),
        Misconception(
            "every query again",
            "of the pairs, only those of the new token are new",
            lambda weights, layers, width, tokens: {
                "next token": 2 * weights + 2 * layers * width * (tokens + 1) * (tokens + 2)
            },
        ),
        Misconception(
            "scores only",
            "a pair costs a score, and the value that it weighs",
            lambda weights, layers, width, tokens: {
                "prompt": 2 * weights * tokens + layers * width * tokens * (tokens + 1),
                "next token": 2 * weights + 2 * layers * width * (tokens + 1),
            },
        ),
    ),
)
