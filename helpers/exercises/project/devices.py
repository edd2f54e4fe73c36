"""Project: how long a model takes, and the largest batch of a device."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from helpers.exercises.exercise import Exercise, Misconception, OneOf
from helpers.exercises.project.forward import weights
from helpers.exercises.project.models import BANDS, KNOWN, TINY, draw_models
from helpers.model_table import layers
from helpers.reference import model_sheet
from helpers.reference.model_sheet import FP32, numbers_of


def _seconds(model: str, peak: float, bandwidth: float) -> float:
    return model_sheet.seconds(layers(model), peak, bandwidth)


@cache
def _work(model: str) -> tuple[tuple[int, int], ...]:
    """FLOP and bytes of each row."""
    rows = layers(model)
    return tuple(
        (2 * int(model_sheet.macs([row], 1).total), model_sheet.row_bytes(rows, number))
        for number, row in enumerate(rows)
    )


def _rows_take(taken: Callable[[float, float], float]) -> Callable[..., Any]:
    """Seconds where a row takes `taken` of its two times."""
    return lambda model, peak, bandwidth: sum(
        taken(flops / peak, moved / bandwidth) for flops, moved in _work(model)
    )


def _moving(change: Callable[[str, int], float]) -> Callable[..., Any]:
    """Seconds where so many numbers more are moved by a row of the model."""
    return lambda model, peak, bandwidth: sum(
        max(flops / peak, (moved + FP32 * change(model, number)) / bandwidth)
        for number, (flops, moved) in enumerate(_work(model))
    )


def _row_weights(model: str, number: int) -> int:
    rows = layers(model)
    moved = _work(model)[number][1] // FP32
    return moved - sum(numbers_of(rows, each) for each in (*rows[number].reads, number))


def _inputs(model: str, number: int) -> int:
    rows = layers(model)
    return sum(numbers_of(rows, each) for each in rows[number].reads)


def _whole_table(model: str, number: int) -> int:
    row = layers(model)[number]
    if row.kind != "embedding":
        return 0
    return row.channels_in * row.channels_out - row.channels_out * row.places_out


def _second_input(model: str, number: int) -> int:
    rows = layers(model)
    return sum(numbers_of(rows, each) for each in rows[number].reads[1:])


def _shared(model: str, number: int) -> int:
    row = layers(model)[number]
    return row.channels_in * row.channels_out if row.shares >= 0 else 0


def _draw_devices(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    return [
        (model, draw.randrange(50, 1000) * 1e9, draw.randrange(10, 100) * 1e9)
        for model in draw_models(draw)
    ]


SHEET_SECONDS = Exercise(
    points=2,
    topic="time of one image or text, row by row on a roofline",
    bands=BANDS,
    examples=[
        (TINY[0], 1e11, 2e10),
        (TINY[1], 5e10, 1e10),
        # Arithmetic takes all the time in the first of these, traffic in the second.
        ("gpt 1 x 4, 2 heads, 24 of 8", 1e9, 1e12),
        ("gpt 1 x 64, 2 heads, 600 of 50", 1e13, 1e10),
        (KNOWN[0], 1e11, 2e10),
        (KNOWN[1], 2e11, 2e10),
        ("gpt 12 x 768, 12 heads, 16 of 50257", 8.1e12, 3.2e11),
    ],
    hidden=_draw_devices,
    reference=_seconds,
    known_slips=dict.fromkeys(("0 → 1", "0 → -1"), "one MAC of many"),
    misconceptions=(
        Misconception(
            "the whole model at once",
            "rows run one after another: while one waits for memory, no other computes",
            lambda model, peak, bandwidth: max(
                sum(flops for flops, _ in _work(model)) / peak,
                sum(moved for _, moved in _work(model)) / bandwidth,
            ),
        ),
        Misconception(
            "first arithmetic, then traffic",
            "on a roofline a row's arithmetic and its traffic overlap: which of the two is waited "
            "for?",
            _rows_take(lambda arithmetic, traffic: arithmetic + traffic),
        ),
        Misconception(
            "the shorter of the two",
            "a row is done when the slower of the two is done",
            _rows_take(min),
        ),
        Misconception(
            "arithmetic alone",
            "some rows multiply nothing: do they take no time?",
            _rows_take(lambda arithmetic, traffic: arithmetic),
        ),
        Misconception(
            "traffic alone",
            "this is what moving takes: which rows compute for longer?",
            _rows_take(lambda arithmetic, traffic: traffic),
        ),
        Misconception(
            "MAC for FLOP",
            "the peak counts FLOP: how many are a MAC?",
            _rows_take(lambda arithmetic, traffic: max(arithmetic / 2, traffic)),
        ),
        Misconception(
            "numbers for bytes",
            "the bandwidth counts bytes: how many has a number of fp32?",
            _rows_take(lambda arithmetic, traffic: max(arithmetic, traffic / 4)),
        ),
        Misconception(
            "weights do not move",
            "weights are traffic, too: once for each row that uses them",
            _moving(lambda model, number: -_row_weights(model, number)),
        ),
        Misconception(
            "only outputs move",
            "a row reads what goes in, too",
            _moving(lambda model, number: -_inputs(model, number)),
        ),
        Misconception(
            "nothing is written",
            "a row writes what comes out, too",
            _moving(lambda model, number: -numbers_of(layers(model), number)),
        ),
        Misconception(
            "only weights move",
            "what goes into a row and what comes out moves, too",
            _moving(
                lambda model, number: -_inputs(model, number) - numbers_of(layers(model), number)
            ),
        ),
        Misconception(
            "one of two inputs",
            "an addition reads two tensors: row.reads has both",
            _moving(lambda model, number: -_second_input(model, number)),
        ),
        Misconception(
            "the whole table is read",
            "an embedding looks up one row of its table for each token: what does it read?",
            _moving(_whole_table),
        ),
        Misconception(
            "shared weights read once",
            "shared weights are stored once, but each row that uses them reads them",
            _moving(lambda model, number: -_shared(model, number)),
        ),
    ),
)

GIB = 2**30


def _batch(model: str, memory: int) -> int:
    return model_sheet.largest_batch(layers(model), memory)


def _by_division(times: int) -> Callable[..., Any]:
    """What is left beside so many numbers for each weight, by what is kept of an image."""
    return lambda model, memory: max(
        0,
        (memory - times * weights(model)) // (FP32 * model_sheet.kept_numbers(layers(model))),
    )


def _on_a_line(model: str, memory: int) -> OneOf:
    """By the peaks of one and of two images; below 0 where the weights do not fit, or 0."""
    one, two = (model_sheet.adam_peak(layers(model), batch) for batch in (1, 2))
    fits = 1 + (memory - one) // (two - one)
    return OneOf((fits, max(0, fits)))


def _draw_memories(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    return [(model, draw.randrange(8, 80) * GIB) for model in draw_models(draw)]


SHEET_BATCH = Exercise(
    points=2,
    topic="largest batch of a device, by one's own peak",
    bands=BANDS,
    slow=True,
    examples=[
        (TINY[0], 50_000_000),
        (KNOWN[0], 15_837_691_904),
        (KNOWN[1], 15_837_691_904),
        (KNOWN[2], 84_986_665_369),
        (KNOWN[2], 10**9),
    ],
    hidden=_draw_memories,
    reference=_batch,
    known_slips={
        **dict.fromkeys(("1 → 2", "2 → 3"), "equivalent: another way to the same batch"),
        **dict.fromkeys(
            (
                "sheet_adam(model, too_many) <= memory → sheet_adam(model, too_many) < memory",
                "sheet_adam(model, middle) <= memory → sheet_adam(model, middle) < memory",
                "(fits + too_many) // 2 → (fits + too_many) / 2",
            ),
            "one of hundreds",
        ),
    },
    misconceptions=(
        Misconception(
            "sum of parts",
            "gradients come while kept tensors go: ask your own peak how much a batch takes",
            _by_division(4),
        ),
        Misconception(
            "sum of parts, below zero",
            "where not even the weights fit, the batch is 0; and gradients come while kept tensors "
            "go: ask your own peak",
            lambda model, memory: (
                (memory - 4 * weights(model)) // (FP32 * model_sheet.kept_numbers(layers(model)))
            ),
        ),
        Misconception(
            "only the weights taken off",
            "what else than weights has to lie there for a step with Adam?",
            _by_division(1),
        ),
        Misconception(
            "nothing taken off",
            "before the first image, what lies in memory?",
            _by_division(0),
        ),
        Misconception(
            "a power of two",
            "a batch may have any size: try those between the powers of two",
            lambda model, memory: (
                1 << fits.bit_length() - 1 if (fits := _batch(model, memory)) else 0
            ),
        ),
        Misconception(
            "one image's peak",
            "a second image does not bring a second set of weights: how does the peak grow?",
            lambda model, memory: OneOf(
                (
                    memory // model_sheet.adam_peak(layers(model), 1),
                    memory / model_sheet.adam_peak(layers(model), 1),
                )
            ),
        ),
        Misconception(
            "a straight line through two batches",
            "the peak is not a straight line: with more images another moment is the highest. Ask "
            "it at each batch that you try",
            _on_a_line,
        ),
        Misconception(
            "the first that does not fit",
            "ask your peak with this batch: does it fit?",
            lambda model, memory: _batch(model, memory) + 1,
        ),
        Misconception(
            "at least one",
            "0 is asked for where not even one fits",
            lambda model, memory: max(1, _batch(model, memory)),
        ),
        Misconception(
            "the peak of a forward pass",
            "that many fit when the model is only used: is it trained here?",
            lambda model, memory: max(
                0,
                (memory - weights(model)) // (FP32 * max(model_sheet.live_numbers(layers(model)))),
            ),
        ),
    ),
)
