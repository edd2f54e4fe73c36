"""Unit 05: what training keeps for the backward pass."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from helpers.exercises.exercise import Exercise, Misconception, OneOf
from helpers.ledger import Ledger
from helpers.reference import layer_saved_bytes

FP32 = 4  # bytes

#: What PyTorch's autograd keeps of a function of one tensor; a test asks autograd.
KEEPS: dict[str, str] = {
    **dict.fromkeys(
        ("sin", "cos", "log", "log2", "log1p", "square", "erf", "atan", "sinh", "abs"), "input"
    ),
    **dict.fromkeys(("exp", "exp2", "sqrt", "sigmoid", "tanh", "relu", "reciprocal"), "output"),
    **dict.fromkeys(("neg", "sum", "mean", "sign", "round", "clone"), "nothing"),
}
_SHOWN = ("exp", "sin", "neg")


def _draw_functions(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    names = []
    for kept in ("input", "output", "nothing"):
        hidden = [name for name, what in KEEPS.items() if what == kept and name not in _SHOWN]
        names += draw.sample(hidden, 2)
    return [(name,) for name in names]


SAVED_BY = Exercise(
    points=1,
    topic="what a function saves, found out",
    examples=[(name,) for name in _SHOWN],
    hidden=_draw_functions,
    reference=lambda name: KEEPS[name],
    known_slips={
        "4 → 5": "equivalent: any number of elements",
        "4 → 3": "equivalent: any number of elements",
    },
    misconceptions=(
        Misconception(
            "always the input",
            "the derivative of exp is exp itself: which tensor has that already?",
            lambda name: "input",
        ),
        Misconception(
            "something is always saved",
            "the derivative of −x is −1: does that need any tensor?",
            lambda name: "input" if KEEPS[name] == "nothing" else KEEPS[name],
        ),
        Misconception(
            "what is not the input is the output",
            "the derivative of −x is −1: does that need any tensor?",
            lambda name: "output" if KEEPS[name] == "nothing" else KEEPS[name],
        ),
        Misconception(
            "result not compared",
            "something was saved, but it is not x: what about the result?",
            lambda name: "nothing" if KEEPS[name] == "output" else KEEPS[name],
        ),
        Misconception(
            "nothing found",
            "is the hook active while the function runs, and does x require a gradient?",
            lambda name: "nothing",
        ),
    ),
    library="the question is how to ask autograd",
)

Saved = Sequence[Sequence[int]]


def _storages(saved: Saved, weights: Sequence[int]) -> int:
    return sum({storage: size for storage, size in saved if storage not in weights}.values())


def _draw_saved(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    cases = []
    for _ in range(4):
        storages = draw.sample(range(100, 1000), 6)
        sizes = {storage: 64 * draw.randrange(1, 1000) for storage in storages}
        # Two different storages of one size: a size is no name.
        sizes[storages[1]] = sizes[storages[0]]
        saved = [[storage, sizes[storage]] for storage in (*storages, *draw.sample(storages, 3))]
        draw.shuffle(saved)
        cases.append((saved, [storages[4], storages[5]]))
    return cases


KEPT_STORAGES = Exercise(
    points=1,
    topic="storages, not tensors",
    examples=[
        ([[7, 4096], [7, 4096], [9, 4096]], []),
        ([[1, 512], [2, 100], [1, 512]], [2]),
    ],
    hidden=_draw_saved,
    reference=_storages,
    misconceptions=(
        Misconception(
            "tensors and weights",
            "two things: a storage that is saved twice lies in memory once, and weights are no "
            "activations",
            lambda saved, weights: sum(size for _, size in saved),
        ),
        Misconception(
            "tensors for storages",
            "a storage that is saved twice lies in memory once",
            lambda saved, weights: sum(size for storage, size in saved if storage not in weights),
        ),
        Misconception(
            "weights among them",
            "some of these storages belong to weights, which are there anyway",
            lambda saved, weights: _storages(saved, ()),
        ),
        Misconception(
            "told apart by size",
            "two storages can have the same number of bytes: what tells them apart?",
            lambda saved, weights: sum({size for storage, size in saved if storage not in weights}),
        ),
        Misconception(
            "how many, not how large",
            "this is how many there are: how many bytes have they?",
            lambda saved, weights: OneOf(
                (
                    len({storage for storage, _ in saved if storage not in weights}),
                    len([storage for storage, _ in saved if storage not in weights]),
                )
            ),
        ),
    ),
)


def _mlp_kept(batch: int, features: int, hidden: int, *, activation: str) -> Ledger:
    """What Linear → activation → Linear keeps: the second layer's input is what came before."""
    x, between = (batch, features), (batch, hidden)
    ledger = layer_saved_bytes("linear", x, between).under("first layer")
    if activation == "gelu":
        ledger += layer_saved_bytes("gelu", between, between).under("GELU")
    return ledger + layer_saved_bytes("linear", between, x).under("second layer")


def _draw_mlps(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    return [
        (draw.randrange(2, 65), draw.randrange(16, 513), draw.randrange(16, 2049)) for _ in range(4)
    ]


MLP_KEPT = Exercise(
    points=1,
    topic="what Linear → ReLU or GELU → Linear keeps",
    # Not four times as wide inside, as usual: x would then weigh as much as a byte for each of h.
    examples=[(2, 64, 160), (32, 768, 2048)],
    hidden=_draw_mlps,
    reference=lambda batch, features, hidden: {
        "ReLU": _mlp_kept(batch, features, hidden, activation="relu"),
        "GELU": _mlp_kept(batch, features, hidden, activation="gelu"),
    },
    misconceptions=(
        Misconception(
            "ReLU's output twice",
            "ReLU keeps its output, the second layer its input: are these two storages?",
            lambda b, f, h: {"ReLU": FP32 * (b * f + 2 * b * h)},
        ),
        Misconception(
            "a mask beside the output",
            "ReLU's output shows where x was above zero: is a mask needed beside it?",
            lambda b, f, h: {"ReLU": FP32 * (b * f + b * h) + b * h},
        ),
        Misconception(
            "GELU like ReLU",
            "the derivative of GELU cannot be read off its output: what does it keep?",
            lambda b, f, h: {"GELU": FP32 * (b * f + b * h)},
        ),
        Misconception(
            "the last output kept",
            "who reads the output of the second layer in the backward pass?",
            lambda b, f, h: {
                "ReLU": FP32 * (2 * b * f + b * h),
                "GELU": FP32 * (2 * b * f + 2 * b * h),
            },
        ),
        Misconception(
            "weights among them",
            "weights are saved, too, but they are there anyway: leave them out",
            lambda b, f, h: {
                "ReLU": FP32 * (b * f + b * h + 2 * f * h),
                "GELU": FP32 * (b * f + 2 * b * h + 2 * f * h),
            },
        ),
    ),
)
