"""Unit 01: parameters, layer by layer."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

from helpers.exercises.exercise import Exercise, Misconception


def _grouped(in_channels: int, out_channels: int, kernel: int, groups: int) -> int | None:
    if in_channels % groups or out_channels % groups:
        return None
    return out_channels * (in_channels // groups) * kernel**2


def _where_possible(wrong: Callable[[int, int, int, int], int]) -> Callable[..., int | None]:
    """A wrong count by someone who knows when groups are impossible."""
    return lambda *sizes: None if _grouped(*sizes) is None else wrong(*sizes)


def _checks_one_side(side: int) -> Callable[..., int | None]:
    """Someone who tests only one of (in_channels, out_channels) against the groups."""

    def answer(*sizes: int) -> int | None:
        in_channels, out_channels, kernel, groups = sizes
        return None if sizes[side] % groups else in_channels * out_channels * kernel**2 // groups

    return answer


def _draw_groups(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    def multiple(groups: int) -> int:
        return groups * draw.randrange(1, 17)

    possible = [
        (multiple(groups), multiple(groups), draw.choice([1, 3, 5]), groups)
        for groups in (2, 4, 8, draw.choice([3, 5, 7]))
    ]
    groups = draw.choice([4, 8, 16])
    odd = 2 * draw.randrange(1, 17) + 1
    return [*possible, (odd, multiple(groups), 3, groups), (multiple(groups), odd, 3, groups)]


_GROUP_HINT = "each output is connected to the inputs of its own group only: how many are those?"
_DIVIDES_HINT = "which numbers of channels do the groups have to divide? Try it in PyTorch"

GROUPED_PARAMETERS = Exercise(
    points=1,
    topic="weights of a grouped convolution",
    examples=[(4, 2, 2, 1), (4, 2, 2, 2), (8, 12, 3, 4), (6, 4, 3, 4), (4, 6, 3, 4)],
    hidden=_draw_groups,
    reference=_grouped,
    known_slips={
        "in_channels // groups → in_channels / groups": "equivalent: the groups divide",
    },
    misconceptions=(
        Misconception(
            "groups ignored",
            _GROUP_HINT,
            lambda i, o, k, groups: i * o * k**2,
        ),
        Misconception(
            "as many weights in groups as without",
            _GROUP_HINT,
            _where_possible(lambda i, o, k, groups: i * o * k**2),
        ),
        Misconception(
            "one group only",
            "this is one group of outputs: how many groups are there?",
            _where_possible(lambda i, o, k, groups: i * o * k**2 // groups**2),
        ),
        Misconception(
            "one row of the kernel",
            "how many numbers does one kernel hold? It has two sides",
            _where_possible(lambda i, o, k, groups: i * o * k // groups),
        ),
        Misconception("only in_channels divided", _DIVIDES_HINT, _checks_one_side(0)),
        Misconception("only out_channels divided", _DIVIDES_HINT, _checks_one_side(1)),
        Misconception(
            "impossible groups counted",
            _DIVIDES_HINT,
            lambda i, o, k, groups: i * o * k**2 // groups,
        ),
    ),
)


def _separable(in_channels: int, out_channels: int, kernel: int) -> dict[str, int]:
    return {
        "standard": in_channels * out_channels * kernel**2,
        "separable": in_channels * kernel**2 + in_channels * out_channels,
    }


def _draw_separable(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    """More channels out, more channels in, and as many."""
    few, many, equal = draw.randrange(2, 65), draw.randrange(65, 257), draw.randrange(2, 257)
    return [
        (few, many, draw.choice([3, 5, 7])),
        (many, few, draw.choice([3, 5, 7])),
        (equal, equal, draw.choice([2, 4])),
    ]


SEPARABLE_PARAMETERS = Exercise(
    points=1,
    topic="depthwise separable against standard",
    examples=[(16, 32, 3), (64, 128, 5), (96, 24, 3)],
    hidden=_draw_separable,
    reference=_separable,
    misconceptions=(
        Misconception(
            "pointwise convolution forgotten",
            "after the depthwise convolution no channel has seen another: what mixes them?",
            lambda i, o, k: {"separable": i * k**2},
        ),
        Misconception(
            "depthwise over the output channels",
            "the depthwise convolution comes first: how many channels does it have?",
            lambda i, o, k: {"separable": o * k**2 + i * o},
        ),
        Misconception(
            "depthwise over the fewer channels",
            "the depthwise convolution comes first: how many channels does it have?",
            lambda i, o, k: {"separable": min(i, o) * k**2 + i * o},
        ),
        Misconception(
            "pointwise with the large kernel",
            "how large is the kernel of a pointwise convolution?",
            lambda i, o, k: {"separable": i * k**2 + i * o * k**2},
        ),
        Misconception(
            "biases counted",
            "read the question again: does it ask for biases?",
            lambda i, o, k: {
                "standard": i * o * k**2 + o,
                "separable": i * k**2 + i + i * o + o,
            },
        ),
    ),
    library="a layer of PyTorch tells its own parameters, as the text shows",
)
