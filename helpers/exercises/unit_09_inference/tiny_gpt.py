"""Unit 09: a GPT of two small blocks in plain Python, and a decoding step that can go wrong.

It is slow and has no cache where it is right: `last_logits` goes over all tokens again. The unit's
notebook draws the same weights, as tensors.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from functools import cache
from typing import NamedTuple

VOCABULARY, WIDTH, BLOCKS, HEADS, PLACES = 12, 8, 2, 2, 16

Row = list[float]
Matrix = list[Row]


class Block(NamedTuple):
    q: Matrix
    k: Matrix
    v: Matrix
    out: Matrix
    up: Matrix
    down: Matrix


class GPT(NamedTuple):
    table: Matrix
    places: Matrix
    blocks: list[Block]


class Slips(NamedTuple):
    """What may go wrong in a decoding step."""

    #: The place of a token, from how many are cached.
    place: Callable[[int], int] = lambda cached: cached
    placed: bool = True
    sees_itself: bool = True
    sees_cache: bool = True
    keeps: bool = True
    normed_keys: bool = True
    normed_query: bool = True
    values_are_keys: bool = False
    exchanged: bool = False
    heads: int = HEADS
    out: bool = True
    residual: bool = True
    mlp_norm: bool = True
    mlp_bend: bool = True
    mlp_residual: bool = True
    last_norm: bool = True


@cache
def drawn(seed: int) -> GPT:
    """The GPT of a seed: numbers from −9/8 to 9/8, in the order of the notebook."""
    draw = random.Random(seed)

    def matrix(rows: int, columns: int) -> Matrix:
        return [[draw.randrange(-9, 10) / 8 for _ in range(columns)] for _ in range(rows)]

    table, places = matrix(VOCABULARY, WIDTH), matrix(PLACES, WIDTH)
    square, up, down = (WIDTH, WIDTH), (WIDTH, 4 * WIDTH), (4 * WIDTH, WIDTH)
    blocks = [
        Block(*(matrix(*size) for size in (square, square, square, square, up, down)))
        for _ in range(BLOCKS)
    ]
    return GPT(table, places, blocks)


def last_logits(seed: int, tokens: Sequence[int]) -> Row:
    """A score for each word of the vocabulary, after the last of the tokens."""
    return decoded(seed, [], tokens)[0]


def decoded(
    seed: int, prompt: Sequence[int], more: Sequence[int], slips: Slips | None = None
) -> tuple[Row, list[int]]:
    """Logits after the last token, and the tokens that each block's cache holds then.

    The prompt is gone over rightly, each of `more` as `slips` say.
    """
    gpt = drawn(seed)
    kept: list[list[tuple[Row, Row]]] = [[] for _ in gpt.blocks]
    logits: Row = []
    for number, token in enumerate((*prompt, *more)):
        goes = Slips() if number < len(prompt) or slips is None else slips
        logits = _step(gpt, token, kept, goes)
    return logits, [len(each) for each in kept]


def _step(gpt: GPT, token: int, kept: list[list[tuple[Row, Row]]], goes: Slips) -> Row:
    place = goes.place(len(kept[0])) % PLACES
    x = _sum(gpt.table[token], gpt.places[place]) if goes.placed else gpt.table[token]
    for block, pairs in zip(gpt.blocks, kept, strict=True):
        h = _norm(x)
        source = h if goes.normed_keys else x
        key = _times(source, block.k)
        new = (key, key if goes.values_are_keys else _times(source, block.v))
        seen = [*(pairs if goes.sees_cache else ()), *([new] if goes.sees_itself else ())]
        if goes.keeps:
            pairs.append(new)
        query = _times(h if goes.normed_query else x, block.q)
        if goes.exchanged:
            seen = [(value, key) for key, value in seen]
        found = _attended(query, seen, goes.heads)
        found = _times(found, block.out) if goes.out else found
        x = _sum(x, found) if goes.residual else found
        inner = _times(_norm(x) if goes.mlp_norm else x, block.up)
        bent = [max(0.0, each) for each in inner] if goes.mlp_bend else inner
        down = _times(bent, block.down)
        x = _sum(x, down) if goes.mlp_residual else down
    last = _norm(x) if goes.last_norm else x
    return [_dot(last, row) for row in gpt.table]


def _attended(query: Row, seen: list[tuple[Row, Row]], heads: int) -> Row:
    """Head by head: the values seen, weighed by the softmax of their keys' scores."""
    size = WIDTH // heads
    result: Row = []
    for start in range(0, WIDTH, size):
        part = slice(start, start + size)
        scores = [_dot(query[part], key[part]) / math.sqrt(size) for key, _ in seen]
        highest = max(scores, default=0.0)
        weights = [math.exp(score - highest) for score in scores]
        total = sum(weights)
        for at in range(start, start + size):
            weighed = (w * value[at] for w, (_, value) in zip(weights, seen, strict=True))
            result.append(sum(weighed) / total if total else 0.0)
    return result


def _norm(x: Row) -> Row:
    root = math.sqrt(sum(each * each for each in x) / len(x) + 1e-6)
    return [each / root for each in x]


def _sum(a: Row, b: Row) -> Row:
    return [x + y for x, y in zip(a, b, strict=True)]


def _dot(a: Row, b: Row) -> float:
    return sum(x * y for x, y in zip(a, b, strict=True))


def _times(x: Row, matrix: Matrix) -> Row:
    """A row times a matrix of as many rows."""
    return [
        sum(a * row[at] for a, row in zip(x, matrix, strict=True)) for at in range(len(matrix[0]))
    ]
