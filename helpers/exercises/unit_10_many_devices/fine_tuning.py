"""Unit 10: a frozen model, and a small part of it that learns."""

from __future__ import annotations

from helpers.exercises.exercise import Exercise, Misconception, OneOf

BILLION = 10**9


def _lora(
    parameters: int, matrices: int, width: int, rank: int, learn: int | None = None
) -> dict[str, int]:
    """`learn`: numbers that learn, as they are often counted."""
    thin = 2 * matrices * width * rank if learn is None else learn
    return {"weights": 2 * (parameters + thin), "gradients": 2 * thin, "states": 12 * thin}


LORA_BYTES = Exercise(
    points=1,
    topic="weights, gradients and states with LoRA",
    examples=[(7 * BILLION, 128, 4096, 16), (70 * BILLION, 320, 8192, 8), (10**6, 3, 100, 5)],
    hidden=lambda draw: [
        (
            draw.randrange(10**8, 10**11),
            draw.randrange(20, 400),
            64 * draw.randrange(10, 200),
            draw.randrange(3, 64),
        )
        for _ in range(4)
    ],
    reference=lambda parameters, matrices, width, rank: _lora(parameters, matrices, width, rank),
    misconceptions=(
        Misconception(
            "one thin matrix",
            "beside each matrix stand two thin ones: width × rank and rank × width",
            lambda parameters, matrices, width, rank: _lora(
                parameters, matrices, width, rank, matrices * width * rank
            ),
        ),
        Misconception(
            "gradients of the frozen weights",
            "what is frozen learns nothing: whose gradients are kept?",
            lambda parameters, matrices, width, rank: {
                "gradients": 2 * (parameters + 2 * matrices * width * rank)
            },
        ),
        Misconception(
            "states of the frozen weights",
            "what is frozen is not updated: whose m, v and master weights are kept?",
            lambda parameters, matrices, width, rank: {
                "states": OneOf((12 * (parameters + 2 * matrices * width * rank), 12 * parameters))
            },
        ),
        Misconception(
            "frozen weights not held",
            "frozen weights are not updated, but every pass multiplies with them",
            lambda parameters, matrices, width, rank: {"weights": 4 * matrices * width * rank},
        ),
        Misconception(
            "thin matrices not held",
            "the thin matrices are weights, too",
            lambda parameters, matrices, width, rank: {"weights": 2 * parameters},
        ),
        Misconception(
            "master weights forgotten",
            "mixed precision keeps an fp32 copy of what learns, beside m and v",
            lambda parameters, matrices, width, rank: {"states": 16 * matrices * width * rank},
        ),
        Misconception(
            "whole matrices learn",
            "a thin matrix has width × rank numbers: why is it called thin?",
            lambda parameters, matrices, width, rank: _lora(
                parameters, matrices, width, rank, matrices * width * width
            ),
        ),
    ),
)
