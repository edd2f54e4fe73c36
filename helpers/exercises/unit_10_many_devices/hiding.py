"""Unit 10: what a training step sends, and how much computing hides it."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from fractions import Fraction
from math import ceil
from typing import Any

from helpers.exercises.exercise import Exercise, Misconception, OneOf
from helpers.ledger import Ledger
from helpers.reference.many_devices import data_parallel_bytes, hiding_tokens


def _traffic(parameters: int, devices: int, gradients: int, weights: int) -> int:
    """So many times round with gradients, and with weights, of two bytes each."""
    return 2 * parameters * (devices - 1) * (gradients + weights) // devices


def _times(
    stage_0: Callable[[int], tuple[int, int]] = lambda passes: (2, 0),
    stage_1: Callable[[int], tuple[int, int]] = lambda passes: (1, 1),
    stage_2: Callable[[int], tuple[int, int]] = lambda passes: (passes, 1),
    stage_3: Callable[[int], tuple[int, int]] = lambda passes: (passes, 2 * passes),
) -> Callable[..., int]:
    """Traffic where each stage goes round so many times with (gradients, weights)."""

    def gives(parameters: int, devices: int, stage: int, passes: int) -> int:
        times = (stage_0, stage_1, stage_2, stage_3)[stage](passes)
        return _traffic(parameters, devices, *times)

    return gives


def _step(parameters: int, devices: int, stage: int, passes: int) -> Ledger:
    return data_parallel_bytes(parameters, devices, stage, passes)


def _draw_steps(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    cases = []
    for stage in (0, 1, 2, 3, 2, 3):
        devices = draw.choice([4, 8, 16])
        passes = draw.randrange(2, 20)
        cases.append((devices * draw.randrange(10**5, 10**9), devices, stage, passes))
    return cases


STEP_TRAFFIC = Exercise(
    points=1,
    topic="bytes sent in a step, by ZeRO stage and passes",
    examples=[
        (7_000_000_000, 8, 0, 1),
        (7_000_000_000, 8, 0, 4),
        (7_000_000_000, 8, 1, 4),
        (7_000_000_000, 8, 2, 4),
        (7_000_000_000, 8, 3, 4),
        (7_000_000_000, 8, 3, 1),
    ],
    hidden=_draw_steps,
    reference=_step,
    known_slips={
        "2 * parameters * (devices - 1) / devices → 2 * parameters * (devices - 1) // devices": (
            "equivalent: devices divides parameters"
        )
    },
    misconceptions=(
        Misconception(
            "gradients summed in each pass",
            "whole gradients can be added up at home: when does a device need the others'?",
            _times(stage_0=lambda passes: (2 * passes, 0)),
        ),
        Misconception(
            "gradients summed in each pass, shared states or not",
            "a device that keeps whole gradients adds them up at home: when does it need the "
            "others'?",
            _times(stage_0=lambda passes: (2 * passes, 0), stage_1=lambda passes: (passes, 1)),
        ),
        Misconception(
            "everything in each pass",
            "gradients can be added up at home, and weights change once a step: what has to be "
            "sent in each pass, and only from which stage on?",
            _times(
                stage_0=lambda passes: (2 * passes, 0),
                stage_1=lambda passes: (passes, passes),
                stage_2=lambda passes: (passes, passes),
            ),
        ),
        Misconception(
            "ZeRO-2 gathers in each pass",
            "ZeRO-2 keeps all weights: after what do they have to be gathered again?",
            _times(stage_2=lambda passes: (passes, passes)),
        ),
        Misconception(
            "ZeRO-2 sends once a step",
            "who keeps only a share of the gradients cannot keep another's for the next pass",
            _times(stage_2=lambda passes: (1, 1)),
        ),
        Misconception(
            "one gather in a pass of ZeRO-3",
            "after its forward pass a device drops the others' weights: what does backward need?",
            _times(stage_3=lambda passes: (passes, passes)),
        ),
        Misconception(
            "ZeRO-3 sums once a step",
            "ZeRO-3 keeps only a share of the gradients: what becomes of a pass's whole ones?",
            _times(stage_3=lambda passes: (1, 2 * passes)),
        ),
        Misconception(
            "ZeRO-3 as if in one pass",
            "in ZeRO-3 nothing is kept whole from one pass to the next: what does each send?",
            _times(stage_3=lambda passes: (1, 2)),
        ),
        Misconception(
            "ZeRO-3 gathers once a step",
            "weights are whole for a moment only: does the next pass still have them?",
            _times(stage_3=lambda passes: (passes, 2)),
        ),
        Misconception(
            "ZeRO-3 gathers once more at the end",
            "in ZeRO-3 each keeps its own updated share: who gathers it, and when?",
            _times(stage_3=lambda passes: (passes, 2 * passes + 1)),
        ),
        Misconception(
            "updated weights not handed on",
            "in stages 1 and 2 each device updates its share, and needs all weights for the next "
            "pass",
            _times(stage_1=lambda passes: (1, 0), stage_2=lambda passes: (passes, 0)),
        ),
        Misconception(
            "all-reduce where a share is enough",
            "from stage 1 on a device needs the sum of its own share only: which collective is "
            "that?",
            _times(
                stage_1=lambda passes: (2, 1),
                stage_2=lambda passes: (2 * passes, 1),
                stage_3=lambda passes: (2 * passes, 2 * passes),
            ),
        ),
        Misconception(
            "all devices' chunks",
            "of all chunks a device has one already",
            lambda parameters, devices, stage, passes: (
                2 * parameters * (2, 2, passes + 1, 3 * passes)[stage]
            ),
        ),
        Misconception(
            "every stage like none",
            "what does a device lack at the start of a pass, if it keeps only a share?",
            _times(
                stage_1=lambda passes: (2, 0),
                stage_2=lambda passes: (2, 0),
                stage_3=lambda passes: (2, 0),
            ),
        ),
    ),
)


def _tokens(
    rate: int,
    bandwidth: int,
    devices: int,
    gradient: int,
    plain: Callable[[int], Fraction] = lambda gradient: Fraction(gradient, 2),
    zero_3: Callable[[int], Fraction] = lambda gradient: max(
        Fraction(1), Fraction(2 + gradient, 4)
    ),
    whole: Callable[[Fraction], float] = ceil,
) -> dict[str, float]:
    """`plain`, `zero_3`: seconds of one round of a byte, in seconds of a FLOP, for each token."""
    per_byte = Fraction((devices - 1) * rate, devices * bandwidth)
    return {
        "data parallel": whole(plain(gradient) * per_byte),
        "ZeRO-3": whole(zero_3(gradient) * per_byte),
    }


def _hides(**changes: Any) -> Callable[..., dict[str, float]]:
    return lambda rate, bandwidth, devices, gradient: _tokens(
        rate, bandwidth, devices, gradient, **changes
    )


def _added_up(rate: int, bandwidth: int, devices: int, gradient: int) -> dict[str, Any]:
    """ZeRO-3 by forward's tokens and backward's, rounded one by one or in the end."""
    forward = Fraction((devices - 1) * rate, devices * bandwidth)
    backward = forward * Fraction(2 + gradient, 4)
    return {"ZeRO-3": OneOf((ceil(forward) + ceil(backward), ceil(forward + backward)))}


def _draw_hiding(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    return [
        (
            10**12 * draw.randrange(50, 1000),
            10**9 * draw.choice([23, 32, 50, 300, 450]),
            draw.choice([4, 8, 16, 64]),
            gradient,
        )
        for gradient in (1, 2, 4, 4)
    ]


HIDING_TOKENS = Exercise(
    points=2,
    topic="tokens that hide what is sent behind what is computed",
    examples=[
        (500 * 10**12, 450 * 10**9, 8, 2),
        (500 * 10**12, 50 * 10**9, 64, 2),
        (500 * 10**12, 50 * 10**9, 64, 4),
        (80 * 10**12, 32 * 10**9, 4, 1),
        (87 * 10**12, 32 * 10**9, 7, 4),
    ],
    hidden=_draw_hiding,
    reference=lambda rate, bandwidth, devices, gradient: hiding_tokens(
        rate, bandwidth, devices, 2, gradient
    ),
    misconceptions=(
        Misconception(
            "behind the whole step",
            "there are no gradients before backward begins: what is computed after that?",
            _hides(plain=lambda gradient: Fraction(gradient, 3)),
        ),
        Misconception(
            "behind as much as forward",
            "backward takes 4 FLOP for each parameter and token",
            _hides(plain=lambda gradient: Fraction(gradient)),
        ),
        Misconception(
            "sent once round",
            "an all-reduce goes round twice",
            _hides(plain=lambda gradient: Fraction(gradient, 4)),
        ),
        Misconception(
            "weights as wide as gradients",
            "for ZeRO-3: weights have two bytes, whatever gradients have",
            _hides(zero_3=lambda gradient: Fraction(gradient, 2)),
        ),
        Misconception(
            "forward only",
            "for ZeRO-3: does backward hide its gather and its reduce-scatter, too?",
            _hides(zero_3=lambda gradient: Fraction(1)),
        ),
        Misconception(
            "backward only",
            "for ZeRO-3: forward waits for weights, too: what hides their gather?",
            _hides(zero_3=lambda gradient: Fraction(2 + gradient, 4)),
        ),
        Misconception(
            "the easier of the two",
            "for ZeRO-3: both must be hidden: with so few tokens one of them is not",
            _hides(zero_3=lambda gradient: min(Fraction(1), Fraction(2 + gradient, 4))),
        ),
        Misconception(
            "forward and backward added up",
            "for ZeRO-3: the same tokens go forward and backward: are they to be added up?",
            _added_up,
        ),
        Misconception(
            "gradients of two bytes",
            "how many bytes does a gradient have here?",
            _hides(plain=lambda gradient: Fraction(1), zero_3=lambda gradient: Fraction(1)),
        ),
        Misconception(
            "backward with two gathers only",
            "for ZeRO-3: backward sends gradients, too: how wide are they?",
            _hides(zero_3=lambda gradient: Fraction(max(1, gradient), 4)),
        ),
        Misconception(
            "gradients summed everywhere",
            "for ZeRO-3: a share of the sums is enough, which takes one round",
            _hides(zero_3=lambda gradient: max(Fraction(1), Fraction(2 + 2 * gradient, 4))),
        ),
        Misconception(
            "all of it behind all of it",
            "for ZeRO-3: forward has to hide what forward needs, backward the rest: take the "
            "harder of the two",
            _hides(zero_3=lambda gradient: Fraction(4 + gradient, 6)),
        ),
        Misconception(
            "rounded down",
            "with so few tokens it does not quite hide: round the other way",
            _hides(whole=int),
        ),
        Misconception(
            "broken tokens",
            "tokens come whole: round up",
            _hides(whole=float),
        ),
        Misconception(
            "all devices' chunks",
            "of all chunks a device has one already",
            lambda rate, bandwidth, devices, gradient: {
                "data parallel": ceil(Fraction(gradient * rate, 2 * bandwidth)),
                "ZeRO-3": ceil(
                    max(Fraction(1), Fraction(2 + gradient, 4)) * Fraction(rate, bandwidth)
                ),
            },
        ),
    ),
)
