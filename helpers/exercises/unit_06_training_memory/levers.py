"""Unit 06: accumulation and checkpointing, what they save and what they cost."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from math import isqrt
from typing import Any

from helpers.exercises.exercise import Exercise, Misconception, OneOf
from helpers.ledger import Alternative, Ledger, Term
from helpers.reference import checkpointing_bytes, training_state_bytes


def _accumulated(parameters: int, saved_per_image: int, batch: int, parts: int) -> Ledger:
    saved = Term("saved activations", batch // parts, saved_per_image)
    return Ledger("B", (*training_state_bytes(parameters).terms, saved))


def _draw_accumulations(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    cases = []
    for parts in (2, 4, 8):
        batch = parts * draw.randrange(2, 9)
        cases.append((draw.randrange(10**6, 10**9), draw.randrange(10**6, 10**9), batch, parts))
    return cases


ACCUMULATED_PEAK = Exercise(
    points=1,
    topic="peak with accumulated gradients",
    examples=[(197_956_840, 543_882_320, 32, 8), (5_717_416, 29_423_192, 4, 4)],
    hidden=_draw_accumulations,
    reference=_accumulated,
    known_slips={"batch // parts → batch / parts": "equivalent: parts divide the batch"},
    misconceptions=(
        Misconception(
            "the whole batch saved",
            "only one part is in flight: how many images are in it?",
            lambda p, saved, batch, parts: 16 * p + batch * saved,
        ),
        Misconception(
            "one image",
            "a part can hold more than one image",
            lambda p, saved, batch, parts: 16 * p + saved,
        ),
        Misconception(
            "no gradients in the forward pass",
            "in the forward pass of the second part, what did the first part leave behind?",
            lambda p, saved, batch, parts: 12 * p + batch // parts * saved,
        ),
        Misconception(
            "gradients for every part",
            "gradients of all parts are added up: in how many copies?",
            lambda p, saved, batch, parts: (12 + 4 * parts) * p + batch // parts * saved,
        ),
        Misconception(
            "only what is kept",
            "weights, m and v are there, and gradients: what do they take beside the activations?",
            lambda p, saved, batch, parts: OneOf(
                tuple(k * p + batch // parts * saved for k in (0, 4, 8))
            ),
        ),
        Misconception(
            "parts taken for images",
            "that many parts there are: how many images has one?",
            lambda p, saved, batch, parts: 16 * p + parts * saved,
        ),
    ),
)


def _draw_segments(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    cases = []
    for segments in (3, 4, 5, 7):
        layers = segments * draw.randrange(3, 9) + draw.randrange(1, segments)
        cases.append((layers, draw.randrange(1, 20), draw.randrange(20, 90), segments))
    return cases


def _checkpointed(layers: int, boundary: int, inside: int, segments: int) -> Ledger:
    kept, again = checkpointing_bytes(layers, boundary, inside, segments).terms
    once = Alternative(
        "the input of the segment in hand is among what its layers save", segments - 1, boundary
    )
    return Ledger("B", (replace(kept, alternatives=(once,)), again))


CHECKPOINTED_BYTES = Exercise(
    points=1,
    topic="activations with checkpoints",
    examples=[(16, 1, 2, 4), (12, 605_184, 9_785_000, 12), (10, 3, 20, 4), (9, 3, 20, 2)],
    hidden=_draw_segments,
    reference=lambda layers, boundary, inside, segments: _checkpointed(
        layers, boundary, inside, segments
    ),
    misconceptions=(
        Misconception(
            "the shorter segments",
            "10 layers in 4 segments: how long is the longest one?",
            lambda n, boundary, inside, s: s * boundary + n // s * inside,
        ),
        Misconception(
            "segments of a broken length",
            "a layer is not cut in two: how long is the longest segment?",
            lambda n, boundary, inside, s: s * boundary + n / s * inside,
        ),
        Misconception(
            "all segments held at once",
            "how many segments are computed again at one time?",
            lambda n, boundary, inside, s: s * boundary + n * inside,
        ),
        Misconception(
            "a boundary for every layer",
            "only the input of a segment is kept: how many of them are there?",
            lambda n, boundary, inside, s: n * boundary + -(-n // s) * inside,
        ),
        Misconception(
            "cuts for segments",
            "so many cuts make one segment more: what is given is the number of segments",
            lambda n, boundary, inside, s: s * boundary + -(-n // (s + 1)) * inside,
        ),
        Misconception(
            "boundary and inside exchanged",
            "each segment keeps its input, and the layers of one are held inside",
            lambda n, boundary, inside, s: s * inside + -(-n // s) * boundary,
        ),
        Misconception(
            "one layer computed again",
            "a segment is computed again as a whole: how many layers has it?",
            lambda n, boundary, inside, s: s * boundary + inside,
        ),
    ),
)


def _best(layers: int, boundary: int, inside: int) -> int:
    return min(
        range(1, layers + 1),
        key=lambda segments: checkpointing_bytes(layers, boundary, inside, segments).total,
    )


def _draw_chains(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    """Among them one whose best number of segments does not divide its layers."""
    cases = [
        (draw.randrange(30, 100), draw.randrange(1, 10), draw.randrange(20, 90)) for _ in range(4)
    ]
    prime = draw.choice((31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97))
    return [*cases, (draw.randrange(30, 100), 7, 7), (prime, draw.randrange(1, 4), 5)]


BEST_SEGMENTS = Exercise(
    points=1,
    topic="into how many segments a chain is cut best",
    # 7 layers are cut best into 4 segments, which do not divide them; the last two not at all, and
    # as often as can be.
    examples=[(100, 1, 1), (16, 1, 2), (12, 605_184, 9_785_000), (7, 1, 2), (5, 30, 2), (3, 1, 9)],
    hidden=_draw_chains,
    reference=_best,
    known_slips={"1 → 2": "equivalent: more segments than layers hold more boundaries"},
    misconceptions=(
        Misconception(
            "always the root",
            "√layers is best where boundary and inside are equal: are they?",
            lambda n, boundary, inside: isqrt(n),
        ),
        Misconception(
            "a segment for each layer",
            "so many segments keep a boundary for every layer: try fewer",
            lambda n, boundary, inside: n,
        ),
        Misconception(
            "the root, weighted and rounded",
            "segments have whole lengths: try every number of them, and take the fewest of equals",
            lambda n, boundary, inside: min(n, round((n * inside / boundary) ** 0.5)),
        ),
        Misconception(
            "the most of equals",
            "where several numbers of segments hold equally little, take the fewest",
            lambda n, boundary, inside: min(
                range(n, 0, -1), key=lambda s: s * boundary + -(-n // s) * inside
            ),
        ),
        Misconception(
            "divisors only",
            "segments need not be equal: try numbers that do not divide the layers, too",
            lambda n, boundary, inside: min(
                (s for s in range(1, n + 1) if n % s == 0),
                key=lambda s: checkpointing_bytes(n, boundary, inside, s).total,
            ),
        ),
        Misconception(
            "the shorter segments",
            "7 layers in 4 segments: how long is the longest one?",
            lambda n, boundary, inside: min(
                range(1, n + 1), key=lambda s: s * boundary + n // s * inside
            ),
        ),
        Misconception(
            "the bytes, not the segments",
            "this is how many bytes are held: with how many segments?",
            lambda n, boundary, inside: min(
                s * boundary + -(-n // s) * inside for s in range(1, n + 1)
            ),
        ),
    ),
)

RECOMPUTE_RATIO = Exercise(
    points=1,
    topic="FLOP of a step with checkpoints ÷ without",
    examples=[(1.0, 2.0), (0.5, 2.0), (0.8, 1.5)],
    hidden=lambda draw: [
        (round(draw.uniform(0.1, 0.9), 2), round(draw.uniform(1.2, 2.8), 2)) for _ in range(4)
    ],
    reference=lambda share, backward: (1 + share + backward) / (1 + backward),
    misconceptions=(
        Misconception(
            "compared with the forward pass",
            "the step without checkpoints is a forward and a backward pass",
            lambda share, backward: 1 + share,
        ),
        Misconception(
            "compared with the backward pass",
            "a step has a first forward pass, too: is it on both sides of the ratio?",
            lambda share, backward: (backward + share) / backward,
        ),
        Misconception(
            "always everything",
            "only a share of the forward pass is done again",
            lambda share, backward: (2 + backward) / (1 + backward),
        ),
        Misconception(
            "backward always twice",
            "how dear backward is, is an argument: it is not always 2",
            lambda share, backward: (3 + share) / 3,
        ),
        Misconception(
            "upside down",
            "the step with checkpoints costs more: which of the two is divided by the other?",
            lambda share, backward: (1 + backward) / (1 + backward + share),
        ),
        Misconception(
            "in percent, or what is added in percent",
            "a ratio of 1 means as much as before",
            lambda share, backward: OneOf(
                (
                    100 * (1 + share + backward) / (1 + backward),
                    100 * share / (1 + backward),
                )
            ),
        ),
        Misconception(
            "the FLOP, not the ratio",
            "this is what the step costs: divide it by what it costs without checkpoints",
            lambda share, backward: 1 + share + backward,
        ),
        Misconception(
            "only what is added",
            "this is what is added: the ratio compares whole steps",
            lambda share, backward: share / (1 + backward),
        ),
    ),
)
