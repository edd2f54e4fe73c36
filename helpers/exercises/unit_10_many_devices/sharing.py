"""Unit 10: who holds weights, gradients and states."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

from helpers.exercises.exercise import Exercise, Misconception, OneOf
from helpers.reference.many_devices import RECIPES, fewest_devices, zero_bytes
from helpers.reference.many_devices.sharding import PARTS, SHARED_FROM

BILLION = 10**9


def _held(
    parameters: int,
    devices: int,
    stage: int,
    recipe: str,
    shared_from: Mapping[str, int] = SHARED_FROM,
    widths: Sequence[int] = (),
) -> dict[str, int]:
    """`shared_from`, `widths`: as they are often taken to be."""
    each = dict(zip(PARTS, widths or RECIPES[recipe], strict=True))
    return {
        part: each[part] * parameters // (devices if stage >= shared_from[part] else 1)
        for part in PARTS
    }


def _with(**widths: Sequence[int]) -> Any:
    """Other bytes a parameter in some of the recipes, "mixed_16" for "mixed 16"."""

    def gives(parameters: int, devices: int, stage: int, recipe: str) -> dict[str, int]:
        other = widths.get(recipe.replace(" ", "_"), ())
        return _held(parameters, devices, stage, recipe, widths=other)

    return gives


def _sharing(**shared_from: int) -> Any:
    return lambda parameters, devices, stage, recipe: _held(
        parameters, devices, stage, recipe, shared_from
    )


def _newest_only(parameters: int, devices: int, stage: int, recipe: str) -> dict[str, int]:
    shared = {part: (0 if SHARED_FROM[part] == stage else 4) for part in PARTS}
    return _held(parameters, devices, stage, recipe, shared)


def _draw_held(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    cases = []
    for stage in (0, 1, 2, 3):
        for recipe in draw.sample(tuple(RECIPES), 2):
            devices = draw.choice([4, 8, 16, 24, 64])
            cases.append((devices * draw.randrange(10**6, 10**9), devices, stage, recipe))
    return cases


ZERO_LEDGER = Exercise(
    points=1,
    topic="bytes of a device under ZeRO-0 to -3",
    examples=[
        (70 * BILLION, 8, 0, "mixed 16"),
        (70 * BILLION, 8, 1, "mixed 16"),
        (8 * BILLION, 64, 2, "mixed 18"),
        (70 * BILLION, 8, 3, "mixed 16"),
        (7 * BILLION, 4, 2, "fp32"),
    ],
    hidden=_draw_held,
    reference=lambda parameters, devices, stage, recipe: _held(parameters, devices, stage, recipe),
    known_slips={"parameters // devices → parameters / devices": "devices divides parameters"},
    misconceptions=(
        Misconception(
            "gradients shared first",
            "ZeRO begins with the largest of the three: which is that, with Adam?",
            _sharing(gradients=1, states=2, weights=3),
        ),
        Misconception(
            "weights shared first",
            "stage 3 is the one that shares the weights: what do 1 and 2 share?",
            _sharing(weights=1, gradients=2, states=3),
        ),
        Misconception(
            "only the newest part shared",
            "each stage also shares what the one before it did",
            _newest_only,
        ),
        Misconception(
            "everything shared from stage 1",
            "each stage adds one of the three: which are still whole on every device?",
            _sharing(states=1, gradients=1, weights=1),
        ),
        Misconception(
            "gradients never shared",
            "gradients: from which stage on does a device keep only a share of them?",
            _sharing(states=1, gradients=4, weights=3),
        ),
        Misconception(
            "shared without ZeRO",
            "stage 0 is plain data parallelism: what is on every device there?",
            _sharing(states=0, gradients=0, weights=0),
        ),
        Misconception(
            "master weights forgotten",
            "in mixed precision the update changes an fp32 copy of the weights: it is among the "
            "states",
            _with(mixed_16=(2, 2, 8), mixed_18=(2, 4, 8)),
        ),
        Misconception(
            "16-bit gradients in both",
            "mixed 18 has two bytes more a parameter than mixed 16: whose are they?",
            _with(mixed_18=(2, 2, 12)),
        ),
        Misconception(
            "fp32 gradients in both",
            "in mixed 16 the gradients are as wide as the weights",
            _with(mixed_16=(2, 4, 12)),
        ),
        Misconception(
            "32 bits everywhere",
            "in mixed precision the passes run on 16-bit weights",
            _with(mixed_16=(4, 4, 8), mixed_18=(4, 4, 8)),
        ),
        Misconception(
            "parameters, not bytes",
            "that is a number of parameters: how many bytes has each, by the recipe?",
            lambda parameters, devices, stage, recipe: _held(
                parameters, devices, stage, recipe, widths=(1, 1, 1)
            ),
        ),
        Misconception(
            "states of 8 bytes left whole in fp32",
            "in fp32, too, Adam's two numbers are shared from stage 1",
            lambda parameters, devices, stage, recipe: {
                "states": 8 * parameters
                if recipe == "fp32"
                else _held(parameters, devices, stage, recipe)["states"]
            },
        ),
    ),
)


def _draw_fewest(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    cases: list[tuple[Any, ...]] = []
    for stage, whole in ((1, 4), (2, 2), (3, 0)):
        memory = draw.choice([24, 40, 80, 141]) * BILLION
        cases.append((draw.randrange(memory // 17, memory // (whole or 1)), memory, stage))
        cases.append((memory // (whole or 2) + draw.randrange(1, BILLION), memory, stage))
    cases.append((5 * draw.randrange(10**8, 10**9), 80 * BILLION, 0))
    cases.append((6 * BILLION + draw.randrange(BILLION), 80 * BILLION, 0))
    return cases


#: Bytes a parameter, in mixed 16, that a stage leaves whole on every device.
_WHOLE = (16, 4, 2, 0)


def _fewest_if(change: Any) -> Any:
    """`change(shared, room)` devices, where more than one is needed and some number is enough."""

    def gives(parameters: int, memory: int, stage: int) -> Any:
        right = fewest_devices(parameters, memory, stage)
        whole = _WHOLE[stage]
        room = memory - whole * parameters
        if right is None or not stage:
            return right
        return change((16 - whole) * parameters, room)

    return gives


FEWEST_DEVICES = Exercise(
    points=1,
    topic="the fewest devices that hold a model with Adam",
    examples=[
        (70 * BILLION, 80 * BILLION, 3),
        (7 * BILLION, 80 * BILLION, 1),
        (7 * BILLION, 24 * BILLION, 1),
        (13 * BILLION, 80 * BILLION, 2),
        (20 * BILLION, 80 * BILLION, 1),
        (10 * BILLION, 80 * BILLION, 3),
        (4 * BILLION, 80 * BILLION, 0),
        (5 * BILLION, 80 * BILLION, 0),
        (5_200_000_000, 80 * BILLION, 0),
        (6 * BILLION, 80 * BILLION, 0),
        (3 * BILLION, 80 * BILLION, 2),
    ],
    hidden=_draw_fewest,
    reference=lambda parameters, memory, stage: fewest_devices(parameters, memory, stage),
    known_slips={"0 → -1": "one byte", "0 → 1": "one byte"},
    misconceptions=(
        Misconception(
            "everything shared",
            "what your stage does not share lies whole on every device, however many there are",
            lambda parameters, memory, stage: max(1, -(-16 * parameters // memory)),
        ),
        Misconception(
            "everything shared, one device at stage 0",
            "what your stage does not share lies whole on every device, however many there are",
            lambda parameters, memory, stage: max(1, -(-16 * parameters // memory)) if stage else 1,
        ),
        Misconception(
            "everything shared, rounded down",
            "two things: with so few a share is too large, and what your stage does not share lies "
            "whole on every device",
            lambda parameters, memory, stage: OneOf(
                (16 * parameters // memory, max(1, 16 * parameters // memory))
            ),
        ),
        Misconception(
            "everything shared, in broken devices",
            "two things: devices come whole, and what your stage does not share lies whole on "
            "every device",
            lambda parameters, memory, stage: OneOf(
                (16 * parameters / memory, max(1, 16 * parameters / memory))
            ),
        ),
        Misconception(
            "rounded down",
            "with so few a share is a little too large: round the other way",
            _fewest_if(lambda shared, room: OneOf((max(1, shared // room), shared // room))),
        ),
        Misconception(
            "always one more",
            "where shares fill the memory exactly, one more device is one too many",
            _fewest_if(lambda shared, room: shared // room + 1),
        ),
        Misconception(
            "a broken number of devices",
            "devices come whole",
            _fewest_if(lambda shared, room: max(1, shared / room)),
        ),
        Misconception(
            "what is whole takes no room",
            "shares fit beside what is whole on each device: is that taken off the memory?",
            lambda parameters, memory, stage: (
                fewest_devices(parameters, memory, stage)
                if not stage or fewest_devices(parameters, memory, stage) is None
                else max(1, -(-(16 - _WHOLE[stage]) * parameters // memory))
            ),
        ),
        Misconception(
            "0 where none is enough",
            "where no number of devices is enough, the answer is None",
            lambda parameters, memory, stage: fewest_devices(parameters, memory, stage) or 0,
        ),
    ),
)


def _nearest_stage(parameters: int, devices: int, measured: int) -> int:
    return min(
        range(4),
        key=lambda stage: abs(zero_bytes(parameters, devices, stage, "fp32").total - measured),
    )


def _draw_measured(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    cases = []
    for stage in (0, 1, 2, 3):
        devices = draw.choice([2, 4, 8])
        parameters = devices * draw.randrange(10**5, 10**7)
        held = zero_bytes(parameters, devices, stage, "fp32").total
        cases.append((parameters, devices, round(held * draw.uniform(1.005, 1.06))))
    draw.shuffle(cases)
    return cases


def _by_factor(parameters: int, devices: int, measured: int) -> int:
    """Which of 16, 12, 8, 4 bytes a parameter is nearest."""
    return min(range(4), key=lambda stage: abs((16, 12, 8, 4)[stage] * parameters - measured))


STAGE_OF = Exercise(
    points=1,
    topic="the ZeRO stage, told from what a rank holds",
    examples=[
        (2_097_152, 4, 11_010_048),
        (2_097_152, 2, 25_690_112),
        (2_097_152, 4, 8_650_752),
        (2_097_152, 4, 34_078_720),
        (2_097_152, 2, 21_495_808),
        (2_097_152, 8, 19_398_656),
        (1_000_000, 8, 5_700_000),
    ],
    hidden=_draw_measured,
    reference=_nearest_stage,
    known_slips={
        "4 → 5": "equivalent: a stage 4 would hold what stage 3 does",
        "count - measured → measured - count": "equivalent: its size is taken",
    },
    misconceptions=(
        Misconception(
            "a quarter less for each stage",
            "what a stage saves depends on the number of devices: what does each hold, then?",
            _by_factor,
        ),
        Misconception(
            "the next stage up",
            "a rank holds a little more than the count, never less: which count is just below?",
            lambda parameters, devices, measured: min(
                (
                    stage
                    for stage in range(4)
                    if zero_bytes(parameters, devices, stage, "fp32").total >= measured
                ),
                key=lambda stage: zero_bytes(parameters, devices, stage, "fp32").total,
                default=0,
            ),
        ),
        Misconception(
            "mixed precision",
            "these ranks train in fp32: how many bytes has each of the three?",
            lambda parameters, devices, measured: min(
                range(4),
                key=lambda stage: abs(
                    zero_bytes(parameters, devices, stage, "mixed 16").total - measured
                ),
            ),
        ),
    ),
)
