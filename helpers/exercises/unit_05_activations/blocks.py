"""Unit 05: what inference holds at once where an input waits, and with ReLU in place."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from helpers.exercises.exercise import Exercise, Misconception, OneOf
from helpers.exercises.unit_05_activations.chains import largest_pair


def _alive(sizes: Sequence[int]) -> list[int]:
    """Elements alive during each layer of a block whose input waits for the sum at its end."""
    first, *others = pairwise(sizes)
    return [sum(first), *(sizes[0] + a + b for a, b in others)]


def _draw_blocks(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    def some(low: int, high: int) -> int:
        return 1000 * draw.randrange(low, high)

    wide, narrow = some(400, 900), some(50, 200)
    plain, shrinking, expanded = some(100, 500), some(500, 900), some(300, 900)
    return [
        ([wide, narrow, narrow, wide],),
        ([plain, plain, plain],),
        ([shrinking, some(300, 450), some(50, 200), shrinking],),
        ([narrow, expanded, expanded, narrow],),
    ]


BLOCK_PEAK = Exercise(
    points=1,
    topic="a skip connection that waits",
    examples=[([800, 300, 100, 800],), ([75, 450, 450, 75],)],
    hidden=_draw_blocks,
    known_slips=dict.fromkeys(
        (
            "[pairs[0]] + [sizes[0] + pair for pair in pairs[1:]] → "
            "[sizes[0] + pair for pair in pairs[1:]]",
            "0 → 1",
            "0 → -1",
        ),
        "equivalent: with the waiting input, the second layer always needs more",
    ),
    reference=lambda sizes: {
        "convolutions": largest_pair(sizes),
        "with the skip": max(_alive(sizes)),
    },
    misconceptions=(
        Misconception(
            "skip forgotten",
            "the block's input is needed once more, at the end: where is it in the meantime?",
            lambda sizes: {"with the skip": largest_pair(sizes)},
        ),
        Misconception(
            "waiting in the last layer only",
            "the input waits while the middle layers run, too",
            lambda sizes: {
                "with the skip": max(largest_pair(sizes), sizes[0] + sizes[-2] + sizes[-1]),
            },
        ),
        Misconception(
            "input twice in the first layer",
            "what the first layer reads is the tensor that waits: one tensor, counted once",
            lambda sizes: {"with the skip": sizes[0] + largest_pair(sizes)},
        ),
        Misconception(
            "a new tensor for the sum",
            "the sum is written over the block's output",
            lambda sizes: {"with the skip": max(*_alive(sizes), 3 * sizes[0])},
        ),
        Misconception(
            "all at once",
            "this adds up all tensors of the block: the middle ones are freed on the way",
            lambda sizes: {"convolutions": sum(sizes), "with the skip": sum(sizes)},
        ),
        Misconception(
            "outputs only",
            "a layer cannot run without its input: is that counted?",
            lambda sizes: {"convolutions": max(sizes)},
        ),
    ),
)


def _relu_peak(sizes: Sequence[int]) -> dict[str, int]:
    return {
        "in place": largest_pair(sizes),
        "new tensor": max(largest_pair(sizes), 2 * max(sizes[1:])),
    }


def _draw_chains(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    chains = [[draw.randrange(100, 10_000) for _ in range(draw.randrange(3, 6))] for _ in range(3)]
    # An image so large that ReLU does not matter.
    return [*((chain,) for chain in chains), ([draw.randrange(9000, 10_000), 4000, 1000],)]


RELU_PEAK = Exercise(
    points=1,
    topic="peak with ReLU in place and not",
    examples=[([150, 800, 200, 400],), ([1000, 400, 100],), ([100, 200, 600],)],
    hidden=_draw_chains,
    reference=_relu_peak,
    misconceptions=(
        Misconception(
            "no difference",
            "a ReLU that writes a new tensor has an input and an output of one size",
            lambda sizes: {"new tensor": largest_pair(sizes)},
        ),
        Misconception(
            "the convolution's input kept",
            "when ReLU runs, the convolution is done: is its input still needed?",
            lambda sizes: {"new tensor": max(a + 2 * b for a, b in pairwise(sizes))},
        ),
        Misconception(
            "two peaks added",
            "when ReLU runs, the convolution is done: do their peaks come at the same moment?",
            lambda sizes: {"new tensor": largest_pair(sizes) + max(sizes[1:])},
        ),
        Misconception(
            "a ReLU on the image",
            "each convolution is followed by a ReLU: is the image, too?",
            lambda sizes: {"new tensor": max(largest_pair(sizes), 2 * max(sizes))},
        ),
        Misconception(
            "only the ReLUs",
            "the convolutions run, too: each holds its input and its output",
            lambda sizes: {"new tensor": 2 * max(sizes[1:])},
        ),
        Misconception(
            "all at once",
            "this adds up all tensors: which of them are there when one operation runs?",
            lambda sizes: {
                "in place": sum(sizes),
                "new tensor": OneOf((2 * sum(sizes) - sizes[0], sum(sizes))),
            },
        ),
        Misconception(
            "outputs only",
            "in place, ReLU needs one tensor, but the convolution before it needs two",
            lambda sizes: {"in place": max(sizes[1:])},
        ),
    ),
)
