"""Unit 10, Fit it: a plan for one's own GPT on one's own machine."""

from __future__ import annotations

from collections.abc import Callable

from helpers.exercises.exercise import Exercise, Misconception
from helpers.exercises.plan_answer import SPEEDS, read_answer


def _too_large(trouble: str) -> Callable[[], dict[str, str]]:
    return lambda: {"fits": f"no: {trouble}", **dict.fromkeys(SPEEDS, "does not run")}


def _too_slow(loss: str) -> Callable[[], dict[str, str]]:
    return lambda: dict.fromkeys(SPEEDS, f"no: {loss}")


FIT_IT = Exercise(
    points=5,
    topic="a plan that fits one's own model on one's own machine",
    examples=[()],
    hidden=lambda draw: [],
    reference=lambda: {"does the task": "yes", "fits": "yes", **dict.fromkeys(SPEEDS, "yes")},
    read=read_answer,
    gate="fits",
    misconceptions=(
        Misconception(
            "no room for the context",
            "a device keeps 2 GiB for its context and its links: is there room for them, too?",
            _too_large("context"),
        ),
        Misconception(
            "states too large",
            "weights, gradients and states alone are more than a device has: which levers share "
            "them among devices, or make them smaller?",
            _too_large("states"),
        ),
        Misconception(
            "batch too large",
            "the states fit; what grows with the batch does not: batch or accumulation, and what "
            "is kept",
            _too_large("batch"),
        ),
        Misconception(
            "one sequence too large",
            "the states leave too little room even for one sequence: look at what is kept of it, "
            "and at the states again",
            _too_large("one sequence"),
        ),
        Misconception(
            "products in fp32",
            "it fits, but products in fp32 run at the device's fp32 peak: what is the 16-bit one?",
            _too_slow("fp32"),
        ),
        Misconception(
            "tensor ranks wait",
            "it fits, but tensor ranks wait for sums that nothing hides: are so many needed?",
            _too_slow("tensor ranks wait"),
        ),
        Misconception(
            "data ranks wait",
            "it fits, but the links are what is waited for: how often does your stage send, and "
            "how much is computed in a pass to hide it?",
            _too_slow("data ranks wait"),
        ),
        Misconception(
            "computed again",
            "it fits, but a pass forward is done twice: is there a plan that can keep more?",
            _too_slow("computed again"),
        ),
        Misconception(
            "the update",
            "it fits, but the update takes long: who updates which share of the states?",
            _too_slow("update"),
        ),
    ),
)
