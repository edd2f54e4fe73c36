"""Homework, task 1: bytes in GB and GiB."""

from __future__ import annotations

from helpers.exercises.exercise import Exercise, Misconception
from helpers.exercises.own_number import draw_names, own_number

OWN_BYTES = Exercise(
    points=1,
    topic="bytes in GB and GiB",
    examples=[("Ada Lovelace",), ("Alan Turing",)],
    hidden=draw_names,
    reference=lambda name: {"GB": own_number(name) / 1000**3, "GiB": own_number(name) / 1024**3},
    # Rounded to three digits is right: GB and GiB differ by 7 %.
    tolerance=5e-3,
    misconceptions=(
        Misconception(
            "bits for bytes",
            "the number counts bytes already: eight bits to a byte do not come in",
            lambda name: {
                "GB": 8 * own_number(name) / 1000**3,
                "GiB": 8 * own_number(name) / 1024**3,
            },
        ),
        Misconception(
            "GB and GiB swapped",
            "which of the two units is the larger one? The number in front of it is the smaller",
            lambda name: {"GB": own_number(name) / 1024**3, "GiB": own_number(name) / 1000**3},
        ),
        Misconception(
            "MB for GB",
            "count the steps: B → kB → MB → GB are three",
            lambda name: {"GB": own_number(name) / 1000**2, "GiB": own_number(name) / 1024**2},
        ),
    ),
)
