"""Unit 03: where the elements of a tensor lie."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import pairwise, zip_longest
from math import ceil, prod
from typing import Any

from helpers.exercises.exercise import Exercise, Misconception, OneOf
from helpers.exercises.mistakes import OFFSET_FORGOTTEN

Sizes = tuple[int, ...]

#: fp32 elements in a cache line of 64 bytes.
LINE = 16


def _row_major(shape: Sizes) -> list[int]:
    return [prod(shape[axis + 1 :]) for axis in range(len(shape))]


def _draw_shape(draw: random.Random, axes: int) -> Sizes:
    return tuple(draw.sample(range(2, 10), axes))


ROW_MAJOR_STRIDES = Exercise(
    points=1,
    topic="strides of a row-major tensor",
    examples=[((3, 4),), ((8, 3, 32, 32),), ((5,),), ((2, 3, 5),)],
    hidden=lambda draw: [(_draw_shape(draw, axes),) for axes in (1, 2, 3, 4, 4)],
    reference=_row_major,
    misconceptions=(
        Misconception(
            "column-major",
            "these are the strides of a column-major tensor: which index moves fastest here?",
            lambda shape: [prod(shape[:axis]) for axis in range(len(shape))],
        ),
        Misconception(
            "strides in bytes",
            "PyTorch counts strides in elements, not in bytes",
            lambda shape: [4 * stride for stride in _row_major(shape)],
        ),
        Misconception(
            "strides in bytes, as NumPy counts them",
            "NumPy counts strides in bytes; here they are counted in elements",
            lambda shape: [8 * stride for stride in _row_major(shape)],
        ),
        Misconception(
            "the next size instead of the product",
            "one step along the first axis skips all that lies inside: how many elements is that?",
            lambda shape: [*shape[1:], 1],
        ),
    ),
    library="a tensor tells its strides, as the text shows; the questions below need them by hand",
)


def _position(index: Sizes, strides: Sizes, offset: int) -> int:
    return offset + sum(i * stride for i, stride in zip(index, strides, strict=True))


def _draw_positions(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    cases = []
    for axes in (1, 2, 2, 3, 4):
        index = tuple(draw.randrange(1, 9) for _ in range(axes))
        cases.append((index, tuple(draw.sample(range(1, 60), axes)), draw.randrange(1, 40)))
    return cases


STORAGE_POSITION = Exercise(
    points=1,
    topic="from an index to a position in storage",
    examples=[
        *(((1, 2), (4, 1), 0), ((1, 2), (1, 4), 0), ((2, 0), (4, 1), 3)),
        # Three axes, and no stride of 1; one axis.
        *(((1, 0, 2), (3, 50, 7), 5), ((4,), (6,), 1)),
    ],
    hidden=_draw_positions,
    reference=_position,
    known_slips={"zip(index, strides) → zip(strides, index)": "equivalent: the product is one"},
    misconceptions=(
        Misconception(
            *OFFSET_FORGOTTEN,
            lambda index, strides, offset: _position(index, strides, 0),
        ),
        Misconception(
            "offset stretched by the last stride",
            "the offset is a position in storage already, not a number of steps",
            lambda index, strides, offset: _position(index, strides, offset * strides[-1]),
        ),
        Misconception(
            "two axes only",
            "a tensor can have more than two axes: does every index get its stride?",
            lambda index, strides, offset: _position(index[:2], strides[:2], offset),
        ),
        Misconception(
            "strides in reverse order",
            "the first stride belongs to the first index",
            lambda index, strides, offset: _position(index, strides[::-1], offset),
        ),
    ),
)


def _can_flatten(shape: Sizes, strides: Sizes) -> bool:
    """Whether `view(-1)` works: each axis steps over exactly what lies inside it."""
    axes = [(size, stride) for size, stride in zip(shape, strides, strict=True) if size > 1]
    return all(outer == size * inner for (_, outer), (size, inner) in pairwise(axes))


def _draw_layouts(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    cases: list[tuple[Any, ...]] = []
    for axes in (2, 3, 4):
        shape = _draw_shape(draw, axes)
        whole = _row_major(shape)
        step = draw.choice([2, 3, 5])
        cases += [
            (shape, tuple(whole)),
            (shape, tuple(step * stride for stride in whole)),  # every second, third, … element
            (shape[::-1], tuple(whole[::-1])),  # axes reversed
            ((2, *shape[1:]), (0, *whole[1:])),  # expanded
            (shape, (0,) * axes),  # one number, expanded
        ]
        # A gap between two neighbouring axes, each pair once.
        for inner in range(1, axes):
            gap = draw.randrange(1, 4)
            cases.append((shape, tuple(_row_major(_longer(shape, inner, gap)))))
        cases.append(_first_two_swapped(shape, whole))
    return cases


def _longer(shape: Sizes, axis: int, by: int) -> Sizes:
    return (*shape[:axis], shape[axis] + by, *shape[axis + 1 :])


def _first_two_swapped(shape: Sizes, strides: list[int]) -> tuple[Sizes, Sizes]:
    a, b, *rest = shape
    outer, inner, *others = strides
    return (b, a, *rest), (inner, outer, *others)


CAN_FLATTEN = Exercise(
    points=1,
    topic="when view needs no copy",
    examples=[
        *(((3, 4), (4, 1)), ((4, 3), (1, 4)), ((3, 2), (4, 2)), ((3, 2), (4, 1))),
        # Whole; with a gap inside; expanded; two of three axes swapped in a part of a tensor.
        *(((2, 3, 4), (12, 4, 1)), ((2, 3, 4), (24, 8, 1)), ((2, 3, 4), (0, 4, 1))),
        ((2, 3, 2), (6, 12, 1)),
        ((2, 3), (0, 0)),
    ],
    hidden=_draw_layouts,
    reference=_can_flatten,
    misconceptions=(
        Misconception(
            "only row-major tensors",
            "(3, 2) with strides (4, 2) has gaps, but they are even: can one stride describe it?",
            lambda shape, strides: list(strides) == _row_major(shape),
        ),
        Misconception(
            "the last stride decides",
            "the last stride is 1, but is the step from the end of a row to the next also 1?",
            lambda shape, strides: strides[-1] == 1,
        ),
        Misconception(
            "only the innermost pair of axes",
            "this compares the last two axes: what of those before them?",
            lambda shape, strides: strides[-2] == shape[-1] * strides[-1],
        ),
        Misconception(
            "only the outermost pair of axes",
            "this compares the first two axes: what of those after them?",
            lambda shape, strides: strides[0] == shape[1] * strides[1],
        ),
        Misconception(
            "the first stride against all that lies inside",
            "the first stride may fit all that lies inside it while the axes inside do not fit "
            "each other: compare neighbours",
            lambda shape, strides: strides[0] == prod(shape[1:]) * strides[-1],
        ),
        Misconception(
            "no stride of zero",
            "with every stride 0 all elements are one: is that not evenly spaced?",
            lambda shape, strides: 0 not in strides and _can_flatten(shape, strides),
        ),
        Misconception(
            "strides that fall are enough",
            "falling strides say that rows come one after another, not that nothing lies between",
            lambda shape, strides: list(strides) == sorted(strides, reverse=True),
        ),
    ),
    library="trying `view` is what the text does; when it works is what the question is about",
)


def _broadcast(a: Sizes, b: Sizes) -> list[int] | str:
    return _stretched(a[::-1], b[::-1], reverse=True)


def _stretched(a: Sizes, b: Sizes, reverse: bool = False) -> list[int] | str:
    pairs = list(zip_longest(a, b, fillvalue=1))
    if any(m != n and 1 not in (m, n) for m, n in pairs):
        return "error"
    sizes = [max(pair) for pair in pairs]
    return sizes[::-1] if reverse else sizes


def _never_an_error(a: Sizes, b: Sizes) -> list[int]:
    pairs = zip_longest(a[::-1], b[::-1], fillvalue=1)
    return [max(pair) for pair in pairs][::-1]


def _draw_broadcasts(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    cases: list[tuple[Any, ...]] = []
    for axes in (2, 3, 4):
        full = _draw_shape(draw, axes)
        ones = list(full)
        ones[draw.randrange(axes)] = 1
        cases += [(full, tuple(ones)), (full[1:], full), (full, full[1:]), (full, full[:-1])]
        cases.append((full, (*full[:-1], 2 * full[-1])))
    return cases


def _stretched_by_divisors(a: Sizes, b: Sizes) -> list[int] | str:
    pairs = list(zip_longest(a[::-1], b[::-1], fillvalue=1))
    if any(max(pair) % min(pair) for pair in pairs):
        return "error"
    return [max(pair) for pair in pairs][::-1]


BROADCAST_SHAPE = Exercise(
    points=1,
    topic="shapes that broadcast",
    examples=[
        *(((3, 1), (1, 4)), ((5, 3, 4), (3, 1)), ((3, 4), (3,))),
        *(((4,), (5, 1, 4)), ((2, 3), (2, 3)), ((4, 3), (2, 3))),
    ],
    hidden=_draw_broadcasts,
    reference=_broadcast,
    known_slips={"zip(a, b) → zip(b, a)": "equivalent: a + b is b + a"},
    misconceptions=(
        Misconception(
            "aligned on the left",
            "shapes are laid one above the other from the right: missing sizes come on the left",
            _stretched,
        ),
        Misconception(
            "every size stretches",
            "only a size of 1 stretches: what of two unequal sizes where neither is 1?",
            _never_an_error,
        ),
        Misconception(
            "a size that divides the other stretches",
            "PyTorch stretches a size of 1, and repeats no 2 to make a 4",
            _stretched_by_divisors,
        ),
        Misconception(
            "as many sizes as the shorter shape",
            "zip stops at the shorter shape: how many axes does the sum have?",
            lambda a, b: _broadcast(a[-len(b) :], b[-len(a) :]),
        ),
        Misconception(
            "aligned on the left, and cut",
            "zip begins on the left and stops at the shorter shape: where do shapes meet?",
            lambda a, b: _broadcast(a[: len(b)], b[: len(a)]),
        ),
    ),
)


def _lines(count: int, stride: int) -> int:
    return (count - 1) * min(stride, LINE) // LINE + 1


def _draw_walks(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    strides = [1, 2, 4, 8, 3, 16, draw.randrange(17, 100), draw.choice([512, 1024, 4096])]
    return [(draw.randrange(40, 2000), stride) for stride in strides]


LINES_TOUCHED = Exercise(
    points=1,
    topic="cache lines that a strided read loads",
    # In the last two the elements end before a line does, and just behind its beginning.
    examples=[(1024, 1), (1024, 4), (1024, 4096), (11, 6), (20, 3)],
    hidden=_draw_walks,
    reference=_lines,
    misconceptions=(
        Misconception(
            "stride ignored",
            "that many lines hold the elements if they lie side by side: do they?",
            lambda count, stride: ceil(count / LINE),
        ),
        Misconception(
            "one line for each element",
            "with a short stride several elements lie in one line",
            lambda count, stride: count,
        ),
        Misconception(
            "the lines between counted too",
            "with a long stride lines are stepped over: those are never loaded",
            lambda count, stride: (count - 1) * stride // LINE + 1,
        ),
        Misconception(
            "a line behind the last element",
            "where does the last element lie? What comes after it is not read",
            lambda count, stride: min(count, ceil(count * stride / LINE)),
        ),
        Misconception(
            "the whole stretch, end included",
            "with a long stride lines are stepped over: are they loaded?",
            lambda count, stride: ceil(count * stride / LINE),
        ),
        Misconception(
            "the whole stretch, not rounded up",
            "two things: a line that is begun is loaded as a whole, and with a long stride lines "
            "are stepped over",
            lambda count, stride: OneOf(
                (
                    count * stride // LINE,
                    (count - 1) * stride // LINE,
                    count * stride / LINE,
                )
            ),
        ),
        Misconception(
            "rounded down",
            "a line that is begun is loaded as a whole: does the last one count?",
            lambda count, stride: OneOf(
                (min(count, count * stride // LINE), (count - 1) * min(stride, LINE) // LINE)
            ),
        ),
    ),
)
