"""Unit 08: zip of two tensors with broadcasting, and reduce over an axis."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from itertools import zip_longest
from math import prod
from typing import Any

from helpers.exercises.exercise import Exercise, Misconception
from helpers.exercises.mistakes import OFFSET_FORGOTTEN
from helpers.exercises.unit_08_kernels.tensors import (
    TWO,
    Sizes,
    Tensor,
    draw_tensor,
    nested,
    positions,
    row_major,
)


def _stretch(shape: Sizes, strides: Sizes, whole: Sizes) -> list[int]:
    missing = len(whole) - len(shape)
    return [0] * missing + [
        0 if size == 1 else stride for size, stride in zip(shape, strides, strict=True)
    ]


def _stretch_from_the_left(shape: Sizes, strides: Sizes, whole: Sizes) -> list[int]:
    return [0 if s == 1 else st for s, st in zip(shape, strides, strict=True)] + [0] * (
        len(whole) - len(shape)
    )


def _draw_stretches(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    cases = []
    for axes, kept in ((2, 2), (2, 1), (3, 3), (3, 2), (4, 2)):
        whole = tuple(draw.sample(range(2, 9), axes))
        ones = draw.sample(range(kept), draw.randrange(1, kept) if kept > 1 else 0)
        shape = tuple(1 if axis in ones else size for axis, size in enumerate(whole[axes - kept :]))
        strides = tuple(draw.sample(range(1, 30), kept))
        cases.append((shape, strides, whole))
    return cases


BROADCAST_STRIDES = Exercise(
    points=1,
    topic="strides of a tensor that is stretched to a larger shape",
    examples=[
        ((3, 1), (1, 1), (3, 4)),
        ((4,), (1,), (3, 4)),
        ((3, 4), (4, 1), (3, 4)),
        ((2, 1, 3), (7, 5, 2), (4, 2, 6, 3)),
    ],
    hidden=_draw_stretches,
    reference=_stretch,
    misconceptions=(
        Misconception(
            "sizes of 1 keep their stride",
            "a size of 1 is repeated: how far must a step go to read the same element again?",
            lambda shape, strides, whole: [0] * (len(whole) - len(shape)) + list(strides),
        ),
        Misconception(
            "aligned on the left",
            "missing axes come on the left: shapes are laid one above the other from the right",
            _stretch_from_the_left,
        ),
        Misconception(
            "missing axes stay missing",
            "one stride for each axis of the whole shape: which are those of the missing axes?",
            lambda shape, strides, whole: _stretch(shape, strides, shape),
        ),
        Misconception(
            "a step of 1 where an element repeats",
            "a step of 1 goes to the next element: how far is it to the same one?",
            lambda shape, strides, whole: [
                *[1] * (len(whole) - len(shape)),
                *(1 if size == 1 else stride for size, stride in zip(shape, strides, strict=True)),
            ],
        ),
        Misconception(
            "a step of 1 along missing axes",
            "along a missing axis the same elements come again: how far is that to go?",
            lambda shape, strides, whole: (
                [1] * (len(whole) - len(shape)) + list(_stretch(shape, strides, shape))
            ),
        ),
    ),
    library="what `expand` does is what is asked for: who finds it has understood the question",
)


def _broadcast(a: Sizes, b: Sizes) -> Sizes:
    return tuple(max(pair) for pair in zip_longest(a[::-1], b[::-1], fillvalue=1))[::-1]


def _zip(name: str, a: Tensor, b: Tensor) -> list[int]:
    whole = _broadcast(a[1], b[1])
    left, right = (
        [storage[at] for at in positions(whole, tuple(_stretch(shape, strides, whole)), offset)]
        for storage, shape, strides, offset in (a, b)
    )
    return [TWO[name](x, y) for x, y in zip(left, right, strict=True)]


def _draw_zips(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    cases = []
    # Of these only a difference tells which of two comes first.
    names = ["subtract", "subtract", *draw.sample([name for name in TWO if name != "subtract"], 2)]
    for name, axes in zip(names, (2, 3, 1, 2), strict=True):
        a = draw_tensor(draw, axes)
        shape = list(a[1])
        shape[draw.randrange(axes)] = 1
        other = tuple(shape[draw.randrange(axes) if axes > 1 else 0 :])
        storage = [draw.randrange(-9, 10) for _ in range(prod(other) + 2)]
        pair: list[Tensor] = [a, (storage, other, row_major(other), 2)]
        draw.shuffle(pair)
        cases.append((name, *pair))
    return cases


def _zip_unstretched(name: str, a: Tensor, b: Tensor) -> list[int]:
    left, right = (
        [storage[at] for at in positions(shape, strides, offset)]
        for storage, shape, strides, offset in (a, b)
    )
    return [TWO[name](x, y) for x, y in zip(left, right, strict=False)]


TENSOR_ZIP = Exercise(
    points=1,
    topic="zip of two tensors with broadcasting",
    examples=[
        ("add", ([1, 2, 3, 4, 5, 6], (2, 3), (3, 1), 0), ([10, 20, 30], (3,), (1,), 0)),
        ("multiply", ([1, 2, 3], (3, 1), (1, 1), 0), ([1, 10], (1, 2), (2, 1), 0)),
        ("subtract", ([0, 5, 6, 7, 8], (2, 2), (1, 2), 1), ([9, 1, 2], (2,), (1,), 1)),
    ],
    hidden=_draw_zips,
    reference=_zip,
    known_slips={
        "numpy.broadcast_shapes(a[1], b[1]) → numpy.broadcast_shapes(b[1], a[1])": (
            "equivalent: the shape of both is the same either way"
        )
    },
    misconceptions=(
        Misconception(
            "nothing stretched",
            "this ends with the smaller tensor: how often is each of its elements used?",
            _zip_unstretched,
        ),
        Misconception(
            "operands exchanged",
            "x - y is not y - x: which tensor's element comes first?",
            lambda name, a, b: _zip(name, b, a),
        ),
        Misconception(
            "offsets forgotten",
            "a view of a part does not begin at the start of the storage",
            lambda name, a, b: _zip(name, (*a[:3], 0), (*b[:3], 0)),
        ),
        Misconception(
            "the first offset forgotten",
            "where does the first tensor begin in its storage?",
            lambda name, a, b: _zip(name, (*a[:3], 0), b),
        ),
        Misconception(
            "the second offset forgotten",
            "where does the second tensor begin in its storage?",
            lambda name, a, b: _zip(name, a, (*b[:3], 0)),
        ),
        Misconception(
            "always a sum",
            "which function is it? Look it up by its name",
            lambda name, a, b: _zip("add", a, b),
        ),
        Misconception(
            "a list for each row",
            "one flat list, not a list of rows",
            lambda name, a, b: nested(_zip(name, a, b), _broadcast(a[1], b[1])),
        ),
        Misconception(
            "storages zipped",
            "these are the storages, element by element: shapes, strides and offsets count",
            lambda name, a, b: [TWO[name](x, y) for x, y in zip(a[0], b[0], strict=False)],
        ),
    ),
)


def _fold(name: str, values: Iterable[int], start: int | None = None) -> int:
    total = start
    for value in values:
        total = value if total is None else TWO[name](total, value)
    assert total is not None
    return total


def _reduce(name: str, a: Tensor, axis: int, start: int | None = None) -> list[int]:
    storage, shape, strides, offset = a
    kept = [other for other in range(len(shape)) if other != axis]
    begins = positions(
        tuple(shape[other] for other in kept), tuple(strides[other] for other in kept), offset
    )
    return [
        _fold(name, (storage[at + i * strides[axis]] for i in range(shape[axis])), start)
        for at in begins
    ]


def _reduce_neighbours(name: str, a: Tensor, axis: int) -> list[int]:
    storage, shape, strides, offset = a
    kept = [other for other in range(len(shape)) if other != axis]
    begins = positions(
        tuple(shape[other] for other in kept), tuple(strides[other] for other in kept), offset
    )
    return [_fold(name, storage[at : at + shape[axis]]) for at in begins]


def _reduce_from_the_right(name: str, a: Tensor, axis: int) -> list[int]:
    """Each element from the last, the next one on its left: 1 - (2 - 3); or from the last down."""
    storage, shape, strides, offset = a
    back = offset + (shape[axis] - 1) * strides[axis]
    turned = (*strides[:axis], -strides[axis], *strides[axis + 1 :])
    return _reduce(name, (storage, shape, turned, back), axis)


def _reduce_all_but(name: str, a: Tensor, axis: int) -> list[int]:
    """Each of the axis's elements over all other axes, as one who keeps the named axis does."""
    storage, shape, strides, offset = a
    kept = [other for other in range(len(shape)) if other != axis]
    sizes, steps = tuple(shape[other] for other in kept), tuple(strides[other] for other in kept)
    return [
        _fold(name, (storage[at] for at in positions(sizes, steps, offset + i * strides[axis])))
        for i in range(shape[axis])
    ]


def _draw_reductions(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    names = [*TWO, "subtract"]
    draw.shuffle(names)
    cases = []
    for name, axes in zip(names, (2, 2, 2, 3, 3), strict=True):
        storage, *layout = draw_tensor(draw, axes)
        # Below zero everywhere: there, starting a maximum from 0 shows.
        storage = [-abs(value) - 1 for value in storage]
        cases.append((name, (storage, *layout), draw.randrange(axes)))
    return cases


TENSOR_REDUCE = Exercise(
    points=1,
    topic="reduce over one axis of a tensor",
    examples=[
        ("add", ([1, 2, 3, 4, 5, 6], (2, 3), (3, 1), 0), 1),
        ("add", ([1, 2, 3, 4, 5, 6], (2, 3), (3, 1), 0), 0),
        ("maximum", ([0, -1, -2, -3, -4, -5, -6], (3, 2), (1, 3), 1), 0),
        ("subtract", ([1, 2, 3, 4, 5, 6], (2, 3), (3, 1), 0), 1),
        ("multiply", ([9, 1, 2, 3, 4, 5, 6, 7, 8], (2, 2, 2), (4, 2, 1), 1), 1),
        ("add", ([9, 1, 2, 3, 4, 5, 6, 7, 8], (2, 2, 2), (1, 2, 4), 1), 0),
        ("maximum", ([9, 1, 2, 3, 4, 5, 6, 7, 8], (2, 2, 2), (1, 2, 4), 1), 2),
    ],
    hidden=_draw_reductions,
    reference=_reduce,
    misconceptions=(
        Misconception(
            "the other axes reduced",
            "reducing an axis makes it vanish: yours is the one that is left",
            _reduce_all_but,
        ),
        Misconception(
            *OFFSET_FORGOTTEN,
            lambda name, a, axis: _reduce(name, (*a[:3], 0), axis),
        ),
        Misconception(
            "the axis's stride forgotten",
            "the next element along the axis lies one of its strides away, not next in the storage",
            lambda name, a, axis: _reduce_neighbours(name, a, axis),
        ),
        Misconception(
            "started from 0",
            "0 + x is x, but is the product, or the maximum, of 0 and x? Begin with an element",
            lambda name, a, axis: _reduce(name, a, axis, start=0),
        ),
        Misconception(
            "folded from the right",
            "1 - 2 - 3 is (1 - 2) - 3: in which order do you fold?",
            _reduce_from_the_right,
        ),
        Misconception(
            "a list for each row",
            "one flat list, not a list of rows",
            lambda name, a, axis: nested(_reduce(name, a, axis), (*a[1][:axis], *a[1][axis + 1 :])),
        ),
        Misconception(
            "positions folded",
            "these are positions in the storage: which elements stand there?",
            lambda name, a, axis: _reduce(name, (range(10**4), *a[1:]), axis),
        ),
        Misconception(
            "always a sum",
            "which function is it? Look it up by its name",
            lambda name, a, axis: _reduce("add", a, axis),
        ),
        Misconception(
            "everything reduced",
            "one number is left: only one axis is to be reduced",
            lambda name, a, axis: _fold(name, (a[0][at] for at in positions(*a[1:]))),
        ),
    ),
)
