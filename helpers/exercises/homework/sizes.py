"""Homework, task 1: bytes in GB and GiB."""

from __future__ import annotations

from helpers.exercises.exercise import Exercise, Misconception, OneOf
from helpers.exercises.own_number import draw_names, own_number


def _own_bytes(name: str) -> dict[str, float]:
    return {"GB": own_number(name) / 1000**3, "GiB": own_number(name) / 1024**3}


OWN_BYTES = Exercise(
    points=1,
    topic="bytes in GB and GiB",
    # The last one's number is small: whoever rounds to one digit sees it.
    examples=[("Ada Lovelace",), ("Alan Turing",), ("Alan Y. Wilson",)],
    hidden=draw_names,
    reference=lambda name: _own_bytes(name),
    # Two digits behind the point are enough, as the text says; GB and GiB differ by 7 %.
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
            "rounded too far",
            "the right numbers, rounded too far: two digits behind the point are needed",
            lambda name: {
                unit: OneOf((round(size), int(size), round(size, 1)))
                for unit, size in _own_bytes(name).items()
            },
        ),
        Misconception(
            "TB for GB",
            "count the steps: B → kB → MB → GB are three",
            lambda name: {"GB": own_number(name) / 1000**4, "GiB": own_number(name) / 1024**4},
        ),
        Misconception(
            "kB and MB by the other's steps",
            "a GiB takes three steps of 1024, a GB three of 1000: are some of yours mixed?",
            lambda name: {
                "GiB": OneOf(tuple(own_number(name) / 1024**i / 1000 ** (3 - i) for i in (1, 2)))
            },
        ),
        Misconception(
            "MB for GB",
            "count the steps: B → kB → MB → GB are three",
            lambda name: {"GB": own_number(name) / 1000**2, "GiB": own_number(name) / 1024**2},
        ),
    ),
)
