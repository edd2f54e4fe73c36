"""Project: the peak of a forward pass, from a table of layers."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from helpers.exercises.exercise import Exercise, Misconception, OneOf
from helpers.exercises.project.models import BANDS, EDGES, KNOWN, TINY, draw_models
from helpers.model_table import INPUT, layers
from helpers.reference import model_sheet
from helpers.reference.model_sheet import FP32, numbers_of


@cache
def weights(model: str) -> int:
    """Bytes of what a model learns."""
    return FP32 * model_sheet.parameter_count(layers(model))


@cache
def shared(model: str) -> int:
    """Bytes of weights that a row uses and another has."""
    rows = layers(model)
    return FP32 * sum(row.channels_in * row.channels_out for row in rows if row.shares >= 0)


def forward_peak(model: str, batch: int) -> int:
    """The right answer, in bytes."""
    return model_sheet.inference_peak(layers(model), batch)


@cache
def highest(model: str, live: Callable[[str, int, int, dict[int, int]], bool]) -> int:
    """The most numbers in tensors, of one image or text, where `live` says which are there: of a
    tensor, while a row runs, by the last readers of all."""
    rows = layers(model)
    last = model_sheet.last_readers(rows)
    return max(
        sum(
            numbers_of(rows, tensor)
            for tensor in range(INPUT, now + 1)
            if live(model, tensor, now, last)
        )
        for now in range(len(rows))
    )


def _with(live: Callable[[str, int, int, dict[int, int]], bool]) -> Callable[..., Any]:
    return lambda model, batch: weights(model) + FP32 * batch * highest(model, live)


def _is_live(model: str, tensor: int, now: int, last: dict[int, int]) -> bool:
    return last[tensor] >= now


def _only_own(model: str, tensor: int, now: int, last: dict[int, int]) -> bool:
    return tensor in (*layers(model)[now].reads, now)


def _own_and_input(model: str, tensor: int, now: int, last: dict[int, int]) -> bool:
    return tensor in (INPUT, *layers(model)[now].reads, now)


def _input_let_go(model: str, tensor: int, now: int, last: dict[int, int]) -> bool:
    return last[tensor] >= now if tensor != INPUT else now == 0


def _freed_early(model: str, tensor: int, now: int, last: dict[int, int]) -> bool:
    return last[tensor] > now


def _without_output(model: str, tensor: int, now: int, last: dict[int, int]) -> bool:
    return last[tensor] >= now != tensor


def everything(model: str, tensor: int, now: int, last: dict[int, int]) -> bool:
    """As if nothing went."""
    return True


def _one(model: str, tensor: int, now: int, last: dict[int, int]) -> bool:
    return tensor == now


def draw_batched(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    """A model of each family with a batch."""
    return [(model, draw.randrange(8, 17)) for model in draw_models(draw)]


SHEET_FORWARD = Exercise(
    points=3,
    topic="peak of a forward pass, from a table of layers",
    bands=BANDS,
    examples=list(zip((*TINY, *KNOWN), (2, 16, 8, 16, 1, 4), strict=True)),
    spare=EDGES,
    hidden=draw_batched,
    reference=forward_peak,
    known_slips=dict.fromkeys(("0 → 1", "0 → -1"), "equivalent: there are always more numbers"),
    misconceptions=(
        Misconception(
            "weights forgotten",
            "the features are there: what else lies in memory during the pass?",
            lambda model, batch: forward_peak(model, batch) - weights(model),
        ),
        Misconception(
            "weights of every image",
            "the weights lie there once, however many images or texts come",
            lambda model, batch: forward_peak(model, batch) + (batch - 1) * weights(model),
        ),
        Misconception(
            "shared weights twice",
            "two rows share weights: how often do they lie there?",
            lambda model, batch: forward_peak(model, batch) + shared(model),
        ),
        Misconception(
            "nothing is ever freed",
            "this adds up all tensors: which of them are there at the same moment?",
            lambda model, batch: OneOf(
                tuple(
                    weights(model) + FP32 * batch * (highest(model, everything) - images)
                    for images in (0, numbers_of(layers(model), INPUT))
                )
            ),
        ),
        Misconception(
            "only what a row reads and writes",
            "while a branch runs, something waits to be added at its end: is it in your count?",
            _with(_only_own),
        ),
        Misconception(
            "only what a row reads and writes, and the input",
            "while a branch runs, something waits to be added at its end: is it in your count?",
            _with(_own_and_input),
        ),
        Misconception(
            "the input let go",
            "who runs the model holds its input to the end: number -1",
            _with(_input_let_go),
        ),
        Misconception(
            "freed before it is read",
            "while a row runs, its input and its output are both there",
            _with(_freed_early),
        ),
        Misconception(
            "no output",
            "while a row runs, its output is there already",
            _with(_without_output),
        ),
        Misconception(
            "the largest tensor",
            "this is the largest tensor alone: what else is there while it is made?",
            _with(_one),
        ),
    ),
)
