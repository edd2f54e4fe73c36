"""Unit 03: bytes and their multiples, and what a model's weights take."""

from __future__ import annotations

import random
from collections.abc import Sequence
from math import ceil
from typing import Any

from helpers.conventions import dtype_bytes
from helpers.exercises.exercise import Exercise, Misconception, OneOf
from helpers.exercises.own_number import draw_names, own_number
from helpers.ledger import Ledger, Term


def _own_units(name: str, thousand: int = 1000, binary: int = 1024) -> dict[str, float]:
    number = own_number(name)
    return {
        "kB": number / thousand,
        "KiB": number / binary,
        "MB": number / thousand**2,
        "MiB": number / binary**2,
    }


OWN_UNITS = Exercise(
    points=1,
    topic="bytes in kB, KiB, MB and MiB",
    # The second is a name of so small a number that rounding shows.
    examples=[("Grace Hopper",), ("Joan Easley",)],
    hidden=draw_names,
    reference=_own_units,
    misconceptions=(
        Misconception(
            "1000 and 1024 swapped",
            "which unit is the larger one, kB or KiB? The number in front of it is the smaller",
            lambda name: _own_units(name, 1024, 1000),
        ),
        Misconception(
            "rounded",
            "do not round: the digits behind the point are bytes, too",
            lambda name: {
                unit: OneOf((*(round(value, digits) for digits in (2, 1, 0, 3)), int(value)))
                for unit, value in _own_units(name).items()
            },
        ),
        Misconception(
            "1000 and 1024 mixed",
            "one step of 1000 and one of 1024: a unit takes the same step every time",
            lambda name: dict.fromkeys(("MB", "MiB"), own_number(name) / 1000 / 1024),
        ),
    ),
)


def _weight_memory(parameters: int, dtype: str) -> Ledger:
    return Ledger("B", (Term("weights", parameters, dtype_bytes(dtype)),))


def _draw_weights(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    formats = ("fp32", "fp16", "bf16", "fp8", "int8", "int4")
    return [(draw.randrange(10**6, 10**9) * 2, dtype) for dtype in formats]


WEIGHT_MEMORY = Exercise(
    points=1,
    topic="bytes of a model's weights in a number format",
    examples=[
        *((25_557_032, dtype) for dtype in ("fp32", "fp16", "fp8", "int8", "int4")),
        (7_000_000_000, "bf16"),
    ],
    hidden=_draw_weights,
    reference=_weight_memory,
    known_slips={
        "parameters * bits[dtype] / 8 → parameters * bits[dtype] // 8": "equivalent: whole bytes",
    },
    misconceptions=(
        Misconception(
            "always four bytes",
            "the format is an argument: only some of them take four bytes",
            lambda parameters, dtype: parameters * 4,
        ),
        Misconception(
            "a whole byte for an int4",
            "two int4 share one byte",
            lambda parameters, dtype: parameters * ceil(dtype_bytes(dtype)),
        ),
    ),
)
