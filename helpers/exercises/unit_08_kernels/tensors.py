"""Unit 08: map, zip and reduce over storage, shape, strides and offset."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from itertools import product
from math import prod
from typing import Any

from helpers.exercises.exercise import Exercise, Misconception, OneOf
from helpers.exercises.mistakes import OFFSET_FORGOTTEN

Sizes = tuple[int, ...]
#: Storage, shape, strides, offset: a tensor as plain data.
Tensor = tuple[Sequence[int], Sizes, Sizes, int]

#: What the questions apply to numbers, by name; the unit has the same tables.
ONE: dict[str, Callable[[int], int]] = {
    "negate": lambda x: -x,
    "square": lambda x: x * x,
    "relu": lambda x: max(x, 0),
}
TWO: dict[str, Callable[[int, int], int]] = {
    "add": lambda x, y: x + y,
    "subtract": lambda x, y: x - y,
    "multiply": lambda x, y: x * y,
    "maximum": max,
}


def row_major(shape: Sizes) -> Sizes:
    return tuple(prod(shape[axis + 1 :]) for axis in range(len(shape)))


def positions(shape: Sizes, strides: Sizes, offset: int) -> list[int]:
    return [
        offset + sum(i * stride for i, stride in zip(index, strides, strict=True))
        for index in product(*map(range, shape))
    ]


def nested(flat: list[Any], shape: Sizes) -> list[Any]:
    """A flat list as lists in lists."""
    for size in reversed(shape[1:]):
        flat = [flat[at : at + size] for at in range(0, len(flat), size)]
    return flat


def _draw_layout(draw: random.Random, axes: int) -> tuple[Sizes, Sizes, int]:
    """Shape, strides and offset of a view that is no fresh tensor: permuted, and of a part."""
    shape = tuple(draw.sample(range(2, 5), axes))
    order = draw.sample(range(axes), axes)
    while axes > 1 and order == list(range(axes)):
        order = draw.sample(range(axes), axes)
    whole = row_major(tuple(shape[axis] + 1 for axis in order))
    strides = tuple(whole[order.index(axis)] for axis in range(axes))
    return shape, strides, draw.randrange(1, 5)


def draw_tensor(draw: random.Random, axes: int) -> Tensor:
    shape, strides, offset = _draw_layout(draw, axes)
    size = max(positions(shape, strides, offset)) + 1 + draw.randrange(3)
    return [draw.randrange(-9, 10) for _ in range(size)], shape, strides, offset


ELEMENT_POSITIONS = Exercise(
    points=1,
    topic="where the elements of a tensor lie, in the order of their indices",
    examples=[
        ((2, 3), (3, 1), 0),
        ((3, 2), (1, 3), 0),
        ((2, 2), (4, 2), 1),
        ((2, 2, 2), (1, 6, 2), 3),
        ((3, 2), (5, 3), 7),
        ((3,), (2,), 1),
    ],
    hidden=lambda draw: [_draw_layout(draw, axes) for axes in (1, 2, 2, 3, 3)],
    reference=positions,
    known_slips={
        "zip(index, strides) → zip(strides, index)": "equivalent: a product of two numbers"
    },
    misconceptions=(
        Misconception(
            "first index fastest",
            "which index moves fastest? Nested loops over the axes, the last axis innermost",
            lambda shape, strides, offset: positions(shape[::-1], strides[::-1], offset),
        ),
        Misconception(
            *OFFSET_FORGOTTEN,
            lambda shape, strides, offset: positions(shape, strides, 0),
        ),
        Misconception(
            "a list for each row",
            "one flat list, not a list of rows",
            lambda shape, strides, offset: nested(positions(shape, strides, offset), shape),
        ),
        Misconception(
            "indices, not positions",
            "these are indices: at which place of the storage does each of them lie?",
            lambda shape, strides, offset: [list(index) for index in product(*map(range, shape))],
        ),
        Misconception(
            "offset at every step",
            "the offset is where the tensor begins: how often does it count?",
            lambda shape, strides, offset: [
                at + (len(shape) - 1) * offset for at in positions(shape, strides, offset)
            ],
        ),
        Misconception(
            "offset stretched by the last stride",
            "the offset is a position in storage already",
            lambda shape, strides, offset: [
                at + offset * (strides[-1] - 1) for at in positions(shape, strides, offset)
            ],
        ),
        Misconception(
            "two axes only",
            "a tensor may have one axis, or three: does yours look at every one?",
            lambda shape, strides, offset: positions(shape[:2], strides[:2], offset),
        ),
        Misconception(
            "the last two axes only",
            "a tensor may have one axis, or three: does yours look at every one?",
            lambda shape, strides, offset: positions(shape[-2:], strides[-2:], offset),
        ),
        Misconception(
            "storage order",
            "a tensor need not take its elements in the order of the storage: use its strides",
            lambda shape, strides, offset: [offset + i for i in range(prod(shape))],
        ),
    ),
)


def _map(name: str, storage: list[int], shape: Sizes, strides: Sizes, offset: int) -> list[int]:
    return [ONE[name](storage[at]) for at in positions(shape, strides, offset)]


TENSOR_MAP = Exercise(
    points=1,
    topic="map over a strided tensor",
    examples=[
        ("square", [1, 2, 3, 4, 5, 6], (2, 3), (3, 1), 0),
        ("square", [1, 2, 3, 4, 5, 6], (3, 2), (1, 3), 0),
        ("relu", [5, -4, 3, -2, 1, 0], (2, 2), (3, 1), 1),
        ("negate", [1, 2, 3, 4, 5, 6, 7, 8, 9], (2, 2, 2), (4, 1, 2), 1),
    ],
    hidden=lambda draw: [
        (name, *draw_tensor(draw, axes))
        for name, axes in zip([*ONE, *draw.sample(list(ONE), 2)], (1, 2, 2, 3, 3), strict=True)
    ],
    reference=_map,
    misconceptions=(
        Misconception(
            "map over the storage",
            "this maps all of the storage: which of its elements belong to the tensor, and in "
            "which order?",
            lambda name, storage, *layout: [ONE[name](x) for x in storage],
        ),
        Misconception(
            "a list for each row",
            "one flat list, not a list of rows",
            lambda name, storage, shape, *layout: nested(
                _map(name, storage, shape, *layout), shape
            ),
        ),
        Misconception(
            "positions, not elements",
            "the function is for the elements: take them from the storage first",
            lambda name, storage, *layout: [ONE[name](at) for at in positions(*layout)],
        ),
        Misconception(
            "positions",
            "these are positions in the storage: which elements stand there, and what does the "
            "function make of them?",
            lambda name, storage, *layout: positions(*layout),
        ),
        Misconception(
            "no function applied",
            "these are the elements: apply ONE[name] to each",
            lambda name, storage, *layout: [storage[at] for at in positions(*layout)],
        ),
        Misconception(
            "one function for all",
            "which function is it? Look it up by its name",
            lambda name, *tensor: OneOf(tuple(_map(other, *tensor) for other in ONE)),
        ),
        Misconception(
            *OFFSET_FORGOTTEN,
            lambda name, storage, shape, strides, offset: _map(name, storage, shape, strides, 0),
        ),
        Misconception(
            "first index fastest",
            "which index moves fastest? The last one",
            lambda name, storage, shape, strides, offset: _map(
                name, storage, shape[::-1], strides[::-1], offset
            ),
        ),
        Misconception(
            "neighbours in the storage",
            "as many elements as the tensor has, but not its own: where do its strides lead?",
            lambda name, storage, shape, strides, offset: OneOf(
                tuple(
                    [ONE[name](x) for x in storage[begin : begin + prod(shape)]]
                    for begin in (0, offset)
                )
            ),
        ),
    ),
)
