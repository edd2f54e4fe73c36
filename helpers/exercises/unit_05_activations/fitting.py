"""Unit 05: what fits into a microcontroller."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from itertools import accumulate, pairwise
from typing import Any

from helpers.exercises.exercise import Exercise, Misconception, OneOf


def _first_over(needed: Sequence[int], capacity: int) -> int | None:
    over = (number for number, held in enumerate(needed, start=1) if held > capacity)
    return next(over, None)


def _overflowing(
    sizes: Sequence[int], width: int, kilobytes: int, *, kilo: int = 1000
) -> int | None:
    return _first_over([width * (a + b) for a, b in pairwise(sizes)], kilo * kilobytes)


def _last_over(sizes: Sequence[int], width: int, kilobytes: int) -> int | None:
    over = [width * (a + b) > 1000 * kilobytes for a, b in pairwise(sizes)]
    return max((number for number, is_over in enumerate(over, start=1) if is_over), default=None)


def _largest_of_all(sizes: Sequence[int], width: int, kilobytes: int) -> int | None:
    needed = [width * (a + b) for a, b in pairwise(sizes)]
    return needed.index(max(needed)) + 1 if max(needed) > 1000 * kilobytes else None


def _all_so_far(sizes: Sequence[int], width: int, kilobytes: int) -> OneOf:
    held = [width * each for each in accumulate(sizes)]
    from_image = _first_over(held, 1000 * kilobytes)
    return OneOf(
        (
            _first_over(held[1:], 1000 * kilobytes),
            None if from_image is None else from_image - 1,
        )
    )


def _exactly_full_is_over(sizes: Sequence[int], width: int, kilobytes: int) -> int | None:
    return _first_over([width * (a + b) + 1 for a, b in pairwise(sizes)], 1000 * kilobytes)


#: Activations as parts of the memory. In turn: the third layer overflows and a later one is
#: larger; one lies between kB and KiB; all fit; a single output is too large.
_PATTERNS = (
    (0.1, 0.3, 0.4, 0.7, 0.2, 0.9, 0.6),
    (0.2, 0.3, 0.712, 0.2, 0.1),
    (0.3, 0.4, 0.5, 0.2),
    (0.1, 0.2, 1.2, 0.1),
)


def _draw_devices(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    cases = []
    for pattern in _PATTERNS:
        width, kilobytes = draw.choice([1, 2, 4]), draw.choice([128, 256, 320, 512])
        # Never more than the pattern says: jitter must not move a layer across the limit.
        numbers = [int(part * 1000 * kilobytes / width) for part in pattern]
        numbers[0] -= draw.randrange(100)
        # Small layers before, so that the place is another one each time.
        before = [draw.randrange(1, numbers[0]) for _ in range(draw.randrange(12))]
        cases.append(([*before, *numbers], width, kilobytes))
    return [*cases, _draw_full(draw)]


def _draw_full(draw: random.Random) -> tuple[Any, ...]:
    """The second layer fills the memory exactly; the fourth is the first that is over."""
    width, kilobytes = draw.choice([1, 2, 4]), draw.choice([128, 256, 320, 512])
    numbers = 1000 * kilobytes // width
    half = draw.randrange(numbers // 3, numbers // 2)
    return [100, half, numbers - half, half - 1, numbers - half + 2], width, kilobytes


OVERFLOWING_LAYER = Exercise(
    points=1,
    topic="does it fit, and where not",
    examples=[
        ([27_648, 73_728, 73_728, 221_184, 13_824], 1, 256),
        ([3072, 16_384, 4096, 10], 4, 256),
        # Up to layer 2 all tensors together are over, its own two fit; layer 4 is the largest that
        # is over, and layer 5 the last.
        ([3000, 3700, 3400, 8200, 8800, 6000], 4, 32),
        # AlexNet's conv2 lies between 256 kB and 256 KiB.
        ([69_984, 186_624, 43_264], 1, 256),
        # The first layer needs 32,000 bytes: exactly what there is. The second needs one more.
        ([10_000, 22_000, 10_001, 30_000], 1, 32),
        ([9000, 100, 50], 4, 32),
        ([3000, 4000, 8100, 10], 4, 32),
    ],
    hidden=_draw_devices,
    reference=_overflowing,
    misconceptions=(
        Misconception(
            "kB taken as KiB",
            "a kB has 1000 bytes: here that decides",
            lambda *args: _overflowing(*args, kilo=1024),
        ),
        Misconception(
            "exactly full is over",
            "a layer that needs exactly as much as there is: does it exceed the memory?",
            _exactly_full_is_over,
        ),
        Misconception(
            "outputs only",
            "a layer needs its input and its output at the same time",
            lambda sizes, width, kilobytes: _first_over(
                [width * size for size in sizes[1:]], 1000 * kilobytes
            ),
        ),
        Misconception(
            "inputs only",
            "a layer needs its input and its output at the same time",
            lambda sizes, width, kilobytes: _first_over(
                [width * size for size in sizes[:-1]], 1000 * kilobytes
            ),
        ),
        Misconception(
            "all tensors so far",
            "when the second layer runs, is the input of the first still needed?",
            _all_so_far,
        ),
        Misconception(
            "numbers for bytes",
            "how many bytes does one number take? That is an argument",
            lambda sizes, width, kilobytes: _overflowing(sizes, 1, kilobytes),
        ),
        Misconception(
            "the largest layer, not the first",
            "layers run in turn: which one is the first that finds no room?",
            _largest_of_all,
        ),
        Misconception(
            "the last layer, not the first",
            "layers run in turn: which one is the first that finds no room?",
            _last_over,
        ),
        Misconception(
            "counted from zero",
            "the first layer is number 1",
            lambda *args: None if (number := _overflowing(*args)) is None else number - 1,
        ),
        Misconception(
            "0 where all fit",
            "where every layer fits there is no such layer: what should come back then?",
            lambda *args: _overflowing(*args) or 0,
        ),
    ),
)


def _rows_at_once(side: int, strips: int) -> int:
    """Of the widest strip: one more row on each side of it, where the image goes on."""
    return -(-side // strips) + min(2, strips - 1)


def _plan(
    narrow: int,
    wide: int,
    side: int,
    kilobytes: int,
    *,
    rows_at_once: Callable[[int, int], int] = _rows_at_once,
    whole: int = 2,
    kilo: int = 1000,
    less: int = 0,
    divides: bool = True,
) -> dict[str, Any]:
    """The fewest strips that fit. `whole`: tensors of `narrow` channels; `less`: bytes to spare."""
    for strips in range(1, side + 1):
        held = whole * narrow * side**2 + wide * side * rows_at_once(side, strips)
        if held <= kilo * kilobytes - less and (side % strips == 0 or not divides):
            return {"strips": strips, "rows": side + 2 * (strips - 1)}
    return {"strips": None, "rows": None}


def _other_rows(rows: Callable[[int, int], int]) -> Callable[..., dict[str, Any]]:
    """A right plan with another count of its rows."""

    def gives(narrow: int, wide: int, side: int, kilobytes: int) -> dict[str, Any]:
        return {"rows": rows(side, _plan(narrow, wide, side, kilobytes)["strips"])}

    return gives


def _other_plan(**changed: Any) -> Callable[..., dict[str, Any]]:
    """Another number of strips, and the rows that follow from it."""
    return lambda *args: _plan(*args, **changed)


def _draw_blocks(draw: random.Random) -> Sequence[tuple[int, ...]]:
    """Blocks whose best plan is not the one that any of the mistakes finds."""
    cases = []
    for mistake in _PLAN_MISTAKES:
        while True:
            side = draw.choice((24, 48, 60, 72, 96, 120))
            narrow = draw.randrange(4, 25)
            wide = narrow * draw.randrange(3, 7)
            strips = draw.choice([each for each in range(1, side // 2) if side % each == 0])
            full = 2 * narrow * side**2 + wide * side * _rows_at_once(side, strips)
            block = narrow, wide, side, -(-full // 1000) + draw.choice((0, 0, 1, 3))
            if _plan(*block, **mistake)["strips"] != _plan(*block)["strips"]:
                cases.append(block)
                break
    return cases


#: What a wrong plan of each kind leaves out or puts in, as `_plan` has it.
_PLAN_MISTAKES: Sequence[dict[str, Any]] = (
    {"rows_at_once": lambda side, strips: -(-side // strips)},
    {"rows_at_once": lambda side, strips: -(-side // strips) + 2},
    {"rows_at_once": lambda side, strips: -(-side // strips) + min(1, strips - 1)},
    {"whole": 1},
    {"kilo": 1024},
    {"divides": False},
    # Of two strips, each without its border.
    {"rows_at_once": lambda side, strips: -(-side // strips) + max(0, min(2, strips - 2))},
)
_BARE, _BORDER_EVERYWHERE, _ONE_BORDER, _ONE_WHOLE, _KIB, _ANY_NUMBER, _ = _PLAN_MISTAKES

STRIP_PLAN = Exercise(
    points=1,
    topic="fewest strips with which a block fits",
    # The third fits whole, the fourth fills the memory exactly.
    examples=[
        (16, 96, 64, 256),
        (10, 30, 48, 60),
        (8, 48, 24, 37),
        (20, 60, 60, 162),
        (10, 40, 24, 24),
        (20, 60, 60, 190),
        (8, 32, 24, 19),
    ],
    hidden=_draw_blocks,
    reference=_plan,
    known_slips={
        **dict.fromkeys(
            ("side + 1 → side", "side + 1 → side - 1", "1 → 0", "1 → 2"),
            "where the search ends: some plan of fewer strips fits",
        ),
        "side // strips → side / strips": "equivalent: only divisors of the side are taken",
    },
    misconceptions=(
        Misconception(
            "each row computed once",
            "strips share rows at their borders, and what a strip has made is gone: who computes "
            "those rows again?",
            _other_rows(lambda side, strips: side),
        ),
        Misconception(
            "no border rows",
            "a 3×3 convolution looks one row up and one row down: which rows of the wide tensor "
            "does a strip need?",
            lambda *args: _plan(*args, **_BARE) | {"rows": args[2]},
        ),
        Misconception(
            "no border rows held",
            "a 3×3 convolution looks one row up and one row down: how many rows of the wide "
            "tensor are there at once?",
            _other_plan(**_BARE),
        ),
        Misconception(
            "a border beyond the image, held and computed",
            "the first strip has nothing above it and the last nothing below: how many more rows "
            "do one strip, or two, need?",
            lambda *args: (
                (plan := _plan(*args, **_BORDER_EVERYWHERE))
                | {"rows": plan["strips"] and args[2] + 2 * plan["strips"]}
            ),
        ),
        Misconception(
            "a border beyond the image",
            "the first strip has nothing above it and the last nothing below: how many more rows "
            "do one strip, or two, need?",
            _other_plan(**_BORDER_EVERYWHERE),
        ),
        Misconception(
            "a border on one side",
            "a strip in the middle has neighbours above and below",
            _other_plan(**_ONE_BORDER),
        ),
        Misconception(
            "both borders with two strips",
            "of two strips each has one neighbour: how many more rows does it need?",
            _other_plan(rows_at_once=lambda side, strips: -(-side // strips) + 2 * (strips > 1)),
        ),
        Misconception(
            "one of the whole tensors",
            "input and output of the block are both there whole",
            _other_plan(**_ONE_WHOLE),
        ),
        Misconception(
            "kB taken as KiB",
            "a kB has 1000 bytes: here that decides",
            _other_plan(**_KIB),
        ),
        Misconception(
            "bits for bytes",
            "a number of int8 is one byte, and memory is in kilobytes: is there a factor of 8?",
            _other_plan(kilo=8000),
        ),
        Misconception(
            "strips of unequal height",
            "the number of strips divides the side",
            _other_plan(**_ANY_NUMBER),
        ),
        Misconception(
            "exactly full is too much",
            "a plan that needs exactly as much as there is: does it not fit?",
            _other_plan(less=1),
        ),
        Misconception(
            "one row twice at each border",
            "at a border between two strips, each needs a row of the other",
            _other_rows(lambda side, strips: side + strips - 1),
        ),
        Misconception(
            "rows beyond the image computed",
            "above the first strip and below the last there is padding: is that computed?",
            _other_rows(lambda side, strips: side + 2 * strips),
        ),
        Misconception(
            "only what is computed twice",
            "how many rows in all, not only those that are computed again?",
            _other_rows(lambda side, strips: 2 * (strips - 1)),
        ),
        Misconception(
            "rows of one strip",
            "these are the rows of one strip: how many do all of them compute?",
            _other_rows(_rows_at_once),
        ),
    ),
)
