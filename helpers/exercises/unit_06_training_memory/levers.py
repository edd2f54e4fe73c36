"""Unit 06: accumulation and checkpointing, what they save and what they cost."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from math import isqrt
from typing import Any

from helpers.exercises.exercise import Exercise, Misconception, OneOf
from helpers.ledger import Alternative, Ledger
from helpers.reference import checkpointing_bytes


def _parts(
    parameters: int,
    saved_per_image: int,
    batch: int,
    memory: int,
    *,
    always: int = 16,
    for_each_part: int = 0,
    less: int = 0,
    divides: bool = True,
    first: int = 1,
) -> int | None:
    """The fewest parts that fit, with so many bytes a parameter held `always`."""
    for parts in range(first, batch + 1):
        held = (always + for_each_part * parts) * parameters + saved_per_image * -(-batch // parts)
        if held <= memory - less and (batch % parts == 0 or not divides):
            return parts
    return None


def _parts_of_any_size(
    parameters: int, saved_per_image: int, batch: int, memory: int
) -> int | None:
    """As if an image could be cut."""
    room = memory - 16 * parameters
    fitting = (n for n in range(1, batch + 1) if saved_per_image * batch <= n * room)
    return next(fitting, None)


def _images(*args: int) -> int | None:
    parts = _parts(*args)
    return None if parts is None else args[2] // parts


def _draw_accumulations(draw: random.Random) -> Sequence[tuple[int, ...]]:
    """Steps of which each mistake finds another plan; one fills the memory, one does not fit."""
    cases: list[tuple[int, ...]] = []
    for mistake in _PARTS_MISTAKES:
        while True:
            batch = draw.choice((12, 18, 20, 24, 30, 32, 36, 48))
            images = draw.randrange(1, batch)
            parameters, saved = draw.randrange(10**6, 10**8), draw.randrange(10**6, 10**8)
            room = 16 * parameters + images * saved + draw.randrange(saved // 2)
            step = parameters, saved, batch, room
            if _parts(*step, **mistake) != _parts(*step):
                cases.append(step)
                break
    parameters, saved, batch, _ = cases[0]
    full = 16 * parameters + batch // 2 * saved
    return [
        *cases,
        (parameters, saved, batch, full),
        (parameters, saved, batch, 16 * parameters + saved - 1 - draw.randrange(saved)),
        (parameters, saved, batch, 16 * parameters + saved * batch + draw.randrange(saved)),
    ]


_PARTS_MISTAKES: Sequence[dict[str, Any]] = (
    {"always": 12},
    {"always": 0},
    {"always": 8},
    {"always": 4},
    {"always": 20},
    {"always": 12, "for_each_part": 4},
    {"divides": False},
)
_NO_GRADIENTS, _ACTIVATIONS_ALONE, _NO_STATES, _WEIGHTS_ALONE, _ROOT, _COPIES, _ANY_NUMBER = (
    _PARTS_MISTAKES
)


def _other_parts(**changed: Any) -> Any:
    return lambda *args: _parts(*args, **changed)


FEWEST_PARTS = Exercise(
    points=1,
    topic="fewest parts of a batch with which a step fits",
    # The second fills the memory exactly; 4 parts of 30 images would fit, 8 and less in each; the
    # next but last fits whole, the last not at all.
    examples=[
        (5_717_416, 29_423_192, 4, 157_286_400),
        (198_000_000, 75_000_000, 32, 3_468_000_000),
        (125_000_000, 75_000_000, 24, 2_318_750_000),
        (198_000_000, 75_000_000, 30, 3_770_000_000),
        (10_000_000, 100_000_000, 12, 535_000_000),
        (50_000_000, 240_000_000, 8, 3_000_000_000),
        (300_000_000, 400_000_000, 8, 5_000_000_000),
    ],
    hidden=_draw_accumulations,
    reference=_parts,
    known_slips={
        "1 → 2": "equivalent: more parts than images divide no batch",
        "batch // parts → batch / parts": "equivalent: parts divide the batch",
    },
    misconceptions=(
        Misconception(
            "no gradients in the forward pass",
            "in the forward pass of the second part, what did the first part leave behind?",
            _other_parts(**_NO_GRADIENTS),
        ),
        Misconception(
            "activations alone",
            "weights, m and v are there, and gradients: what do they take beside the activations?",
            _other_parts(**_ACTIVATIONS_ALONE),
        ),
        Misconception(
            "Adam's states left out",
            "weights and gradients are there: what else does Adam keep of each parameter?",
            _other_parts(**_NO_STATES),
        ),
        Misconception(
            "weights alone",
            "weights are there: and which three numbers more of each parameter?",
            _other_parts(**_WEIGHTS_ALONE),
        ),
        Misconception(
            "√v in the forward pass",
            "in a forward pass no update is running: what is held of each parameter then?",
            _other_parts(**_ROOT),
        ),
        Misconception(
            "gradients for every part",
            "gradients of all parts are added up: in how many copies?",
            _other_parts(**_COPIES),
        ),
        Misconception(
            "parts of unequal size",
            "equal parts: their number divides the batch",
            lambda *args: OneOf((_parts(*args, **_ANY_NUMBER), _parts_of_any_size(*args))),
        ),
        Misconception(
            "exactly full is too much",
            "a part that needs exactly as much as there is: does it not fit?",
            _other_parts(less=1),
        ),
        Misconception(
            "images for parts",
            "this is how many images a part has: how many parts are there?",
            _images,
        ),
        Misconception(
            "never the batch as a whole",
            "may all images fit at once? That is one part",
            _other_parts(first=2),
        ),
        Misconception(
            "a number where nothing fits",
            "where one image is too many, no number of parts helps: what should come back then?",
            lambda *args: OneOf(
                (_parts(*args) or 0, _parts(*args) or args[2], _parts(*args) or args[2] + 1)
            ),
        ),
        Misconception(
            "one image at a time",
            "fewer parts may fit, too: a part can hold more than one image",
            lambda *args: None if _parts(*args) is None else args[2],
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
            "as many layers as segments",
            "a segment is computed again: how many layers has one, if so many are in all of them?",
            lambda n, boundary, inside, s: s * (boundary + inside),
        ),
        Misconception(
            "always a layer more",
            "where segments divide the layers evenly, has one of them a layer more?",
            lambda n, boundary, inside, s: s * boundary + (n // s + 1) * inside,
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
            lambda n, boundary, inside: OneOf(
                ((root := round((n * inside / boundary) ** 0.5)), min(n, root))
            ),
        ),
        Misconception(
            "never a segment for each layer",
            "may each layer be a segment of its own? Python's range stops before its end",
            lambda n, boundary, inside: min(
                range(1, n), key=lambda s: checkpointing_bytes(n, boundary, inside, s).total
            ),
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
