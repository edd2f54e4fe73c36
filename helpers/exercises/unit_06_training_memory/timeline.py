"""Unit 06: a peak is a maximum over time."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from itertools import accumulate, product
from typing import Any

from helpers.exercises.exercise import Exercise, Misconception, OneOf
from helpers.ledger import Ledger, Term

FP32 = 4  # bytes
Sizes = tuple[int, ...]


def _peak(changes: Sizes) -> dict[str, int]:
    held = list(accumulate(changes))
    return {"peak": max(held), "at": held.index(max(held))}


def _last_peak(changes: Sizes) -> int:
    held = list(accumulate(changes))
    return len(held) - 1 - held[::-1].index(max(held))


def _draw_changes(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    cases = []
    for _ in range(4):
        live: list[int] = []
        changes: list[int] = []
        for _ in range(draw.randrange(8, 14)):
            if live and draw.random() < 0.4:
                changes.append(-live.pop(draw.randrange(len(live))))
            else:
                live.append(draw.randrange(10, 500))
                changes.append(live[-1])
        # All is given back at the end, and never is the end the highest moment.
        changes += [-size for size in live]
        # The peak comes once more, in two: asked for is when it is first there. Something stays.
        peak, stays = _peak(tuple(changes))["peak"], draw.randrange(1, 10)
        cases.append(((*changes, peak // 3, peak - peak // 3, stays - peak),))
    return cases


PEAK_OF_CHANGES = Exercise(
    points=1,
    topic="the highest moment of a list of allocations",
    examples=[
        ((40, 30, -40, 20, -50),),
        ((100, 50, -50, 60, -100, -60),),
        ((50, -20, 20, -50),),
        ((30, 20, 5, -25),),
    ],
    hidden=_draw_changes,
    reference=_peak,
    misconceptions=(
        Misconception(
            "sum of all that is taken",
            "this adds up everything that was ever taken: was all of it there at once?",
            lambda changes: {"peak": sum(c for c in changes if c > 0)},
        ),
        Misconception(
            "what is left at the end",
            "this is what is held at the end: when is it most?",
            lambda changes: {"peak": sum(changes)},
        ),
        Misconception(
            "the largest single piece",
            "this is the largest piece: what else is held when it comes?",
            lambda changes: {"peak": max(changes), "at": changes.index(max(changes))},
        ),
        Misconception(
            "the last of equals",
            "the peak is reached more than once: when is it there for the first time?",
            lambda changes: {"at": _last_peak(changes)},
        ),
        Misconception(
            "counted from one",
            "positions count from 0, as Python does",
            lambda changes: {"at": _peak(changes)["at"] + 1},
        ),
    ),
)

_STATE = ("weights", "Adam m", "Adam v")


def _ledger(parameters: int, *names: str, saved: int = 0) -> Ledger:
    terms = tuple(Term(name, parameters, FP32) for name in names)
    return Ledger("B", (*terms, Term("saved activations", saved)) if saved else terms)


def _moments(parameters: int, saved_bytes: int) -> dict[str, Ledger]:
    after = (*_STATE, "gradients")
    return {
        "end of forward": _ledger(parameters, *_STATE, saved=saved_bytes),
        "end of backward": _ledger(parameters, *after),
        "foreach update": _ledger(parameters, *after, "square roots of v"),
    }


STEP_MOMENTS = Exercise(
    points=1,
    topic="three moments of a step with Adam",
    examples=[(197_956_840, 543_882_320), (5_717_416, 117_692_768)],
    hidden=lambda draw: [
        (draw.randrange(10**6, 10**9), draw.randrange(10**7, 10**10)) for _ in range(4)
    ],
    reference=_moments,
    known_slips={"linear in parameters, saved_bytes": "so it is: what is held when is asked"},
    misconceptions=(
        Misconception(
            "gradients in the forward pass",
            "has any gradient been written when the forward pass ends?",
            lambda p, saved: {"end of forward": 16 * p + saved},
        ),
        Misconception(
            "activations never go",
            "backward has used what was saved: is it still there when backward ends?",
            lambda p, saved: {"end of backward": 16 * p + saved},
        ),
        Misconception(
            "activations kept through the update",
            "the update comes after backward: which activations are left?",
            lambda p, saved: {"foreach update": 20 * p + saved},
        ),
        Misconception(
            "states come with the update",
            "this is not the first step: where are m and v during the passes?",
            lambda p, saved: {"end of forward": 4 * p + saved, "end of backward": 8 * p},
        ),
        Misconception(
            "m and v forgotten",
            "what does Adam hold all the time, beside the weights?",
            lambda p, saved: {
                "end of forward": 4 * p + saved,
                "end of backward": 8 * p,
                "foreach update": OneOf((12 * p, 8 * p)),
            },
        ),
        Misconception(
            "nothing more in the update",
            "foreach holds one number more for each parameter, for a moment",
            lambda p, saved: {"foreach update": 16 * p},
        ),
        Misconception(
            "√v alone in the update",
            "this is √v alone: what else is held while it is there?",
            lambda p, saved: {"foreach update": 4 * p},
        ),
        Misconception(
            "parameters for bytes",
            "these are numbers: how many bytes does one of fp32 take?",
            lambda p, saved: {
                "end of forward": 3 * p + saved,
                "end of backward": 4 * p,
                "foreach update": 5 * p,
            },
        ),
        Misconception(
            "foreach copies all states",
            "foreach adds one number for each parameter, not a copy of everything",
            lambda p, saved: {"foreach update": 32 * p},
        ),
    ),
)


#: Bytes of a number of each kind, by the width of a gradient.
_MIXED = {"weights": 2, "master weights": 4, "Adam m": 4, "Adam v": 4}
_GRADIENTS = {"bf16": 2, "fp32": 4}


def _mixed_update(parameters: int, gradients: str, update: str, root: int = FP32) -> Ledger:
    widths = {**_MIXED, "gradients": _GRADIENTS[gradients]}
    if update == "foreach":
        widths["square roots of v"] = root
    return Ledger("B", tuple(Term(name, parameters, width) for name, width in widths.items()))


def _by_table(*table: int) -> Callable[..., int]:
    """Bytes a parameter: fused with bf16 and fp32 gradients, then foreach with both."""
    places = {(g, u): each for (u, g), each in zip(_WAYS, table, strict=True)}
    return lambda parameters, gradients, update: parameters * places[gradients, update]


_WAYS = tuple(product(("fused", "foreach"), ("bf16", "fp32")))

MIXED_UPDATE = Exercise(
    points=1,
    topic="the bug in a count of mixed precision",
    examples=[(1_000_000, gradients, update) for update, gradients in _WAYS],
    hidden=lambda draw: [
        (draw.randrange(10**6, 10**10), gradients, update) for update, gradients in _WAYS
    ],
    reference=_mixed_update,
    known_slips={
        "{'bf16 weights': 2, 'master weights': 4, 'm': 4, 'v': 4} → "
        "{'bf16 weights': 4, 'master weights': 2, 'm': 4, 'v': 4}": "equivalent: a sum",
    },
    misconceptions=(
        Misconception(
            "the count as it was",
            "this is the count with its bug: follow each tensor to the one that it is made from. "
            "Has it the same width?",
            _by_table(16, 18, 18, 20),
        ),
        Misconception(
            "roots as wide as the gradients",
            "the root is taken of v: how wide is v?",
            _by_table(16, 18, 18, 22),
        ),
        Misconception(
            "no roots",
            "foreach holds one number more for each parameter, for a moment",
            _by_table(16, 18, 16, 18),
        ),
        Misconception(
            "roots in a fused update",
            "a fused kernel finishes a number before it takes the next: which tensor does it not "
            "need?",
            _by_table(20, 22, 20, 22),
        ),
        Misconception(
            "both gradients held",
            "which gradients are there in the update, where they are kept in fp32?",
            _by_table(16, 20, 20, 24),
        ),
        Misconception(
            "a copy of the gradients",
            "the kernels read gradients as they are: for which tensor is there a copy?",
            lambda *args: OneOf(
                (_by_table(18, 18, 22, 22)(*args), _by_table(16, 18, 22, 22)(*args))
            ),
        ),
        Misconception(
            "16-bit gradients only",
            "one of the arguments says in which format gradients are",
            _by_table(16, 16, 20, 20),
        ),
        Misconception(
            "no master weights",
            "the passes use one copy of the weights: which one does the update change?",
            _by_table(12, 14, 16, 18),
        ),
        Misconception(
            "no 16-bit weights",
            "the update changes one copy of the weights: is the other one gone meanwhile?",
            _by_table(14, 16, 18, 20),
        ),
        Misconception(
            "roots of m and v",
            "Adam divides by one root: of m, or of v?",
            _by_table(16, 18, 24, 26),
        ),
    ),
)


def _chain(
    weights: Sequence[int], saved: Sequence[int], from_last: bool = True, free_first: bool = False
) -> int:
    """Bytes held at most; `from_last` and `free_first` are for the ways to get it wrong."""
    held = peak = 3 * sum(weights) + sum(saved)
    layers = list(zip(weights, saved, strict=True))
    for gradient, activation in reversed(layers) if from_last else layers:
        held += gradient - (activation if free_first else 0)
        peak = max(peak, held)
        held -= 0 if free_first else activation
    return peak


def _draw_chains(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    """Chains whose peak lies inside the backward pass, whichever way they are walked."""
    cases = []
    for _ in range(4):
        layers = draw.randrange(4, 9)
        middle = layers // 2
        # Light layers, heavy ones, light ones: the peak is neither at the turn nor at the end.
        weights = [draw.randrange(100, 900) if i >= middle else i + 1 for i in range(layers)]
        saved = [draw.randrange(1000, 4000) if i < middle else i + 20 for i in range(layers)]
        cases.append((tuple(weights), tuple(saved)))
    return cases


CHAIN_PEAK = Exercise(
    points=2,
    topic="gradients come while activations go",
    examples=[
        ((10, 20, 400, 300), (600, 500, 50, 40)),
        ((400, 300, 20, 10), (50, 40, 600, 500)),
        ((100, 100, 100), (100, 100, 100)),
    ],
    hidden=_draw_chains,
    reference=_chain,
    misconceptions=(
        Misconception(
            "sum of parts",
            "this is the sum of all parts: when the first layer's gradients come, what has gone?",
            lambda weights, saved: 4 * sum(weights) + sum(saved),
        ),
        Misconception(
            "only the two ends",
            "you looked at two moments, before and after backward: what is held between?",
            lambda weights, saved: max(3 * sum(weights) + sum(saved), 4 * sum(weights)),
        ),
        Misconception(
            "backward from the first layer",
            "with which layer does the backward pass begin?",
            lambda weights, saved: _chain(weights, saved, from_last=False),
        ),
        Misconception(
            "freed before its gradient is there",
            "a layer needs what it saved until its gradient is written",
            lambda weights, saved: _chain(weights, saved, free_first=True),
        ),
        Misconception(
            "m and v forgotten",
            "what does Adam hold all the time, beside the weights?",
            lambda weights, saved: _chain(weights, saved) - 2 * sum(weights),
        ),
        Misconception(
            "one number for Adam",
            "Adam holds m, and something else: how many numbers of each weight are that?",
            lambda weights, saved: _chain(weights, saved) - sum(weights),
        ),
        Misconception(
            "gradients there from the start",
            "are there gradients when backward begins? In which order do they come?",
            lambda weights, saved: _chain(weights, saved) + sum(weights),
        ),
        Misconception(
            "weights and saved walked in two directions",
            "a layer's gradients and what it saved belong together: are both walked one way?",
            lambda weights, saved: OneOf(
                (_chain(weights[::-1], saved), _chain(weights, saved[::-1]))
            ),
        ),
        Misconception(
            "nothing freed, or nothing of one layer",
            "what a layer saved is freed when its gradients are there: of every layer?",
            lambda weights, saved: OneOf(
                (
                    4 * sum(weights) + sum(saved) - saved[-1],
                    4 * sum(weights) + sum(saved) - saved[0],
                )
            ),
        ),
    ),
)
