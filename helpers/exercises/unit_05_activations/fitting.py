"""Unit 05: what fits into a microcontroller."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import accumulate, pairwise
from math import isqrt
from typing import Any

from helpers.exercises.exercise import Exercise, Misconception


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
        cases.append((numbers, width, kilobytes))
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
            lambda sizes, width, kilobytes: _first_over(
                [width * held for held in accumulate(sizes)][1:], 1000 * kilobytes
            ),
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

#: MobileNetV2's peak for each pixel of its image: 96 channels at a quarter of the pixels go in
#: and 96 at a sixteenth come out.
PER_PIXEL = 30
STEP = 32


def _side(width: int, kilobytes: int, kilo: int = 1000, per_pixel: int = PER_PIXEL) -> int:
    pixels = kilo * kilobytes // (per_pixel * width)
    return isqrt(pixels) // STEP * STEP


def _draw_memories(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    drawn = [(draw.choice([1, 2, 4]), draw.randrange(200, 4000)) for _ in range(3)]
    # One per cent too little for this side, enough if a kB had 1024 bytes; then just enough.
    side, width = STEP * draw.randrange(3, 8), draw.choice([1, 2])
    needed = PER_PIXEL * width * side**2 / 1000
    # And exactly enough: 30 · 160² and 30 · 320² are whole thousands.
    exactly = draw.choice([160, 320]), draw.choice([1, 2, 4])
    full = exactly[1], PER_PIXEL * exactly[1] * exactly[0] ** 2 // 1000
    return [*drawn, (width, int(needed / 1.01)), (width, int(needed) + 1), full]


LARGEST_SIDE = Exercise(
    points=1,
    topic="largest image for a microcontroller",
    # 30 · 64² is 122,880: 120 KiB, but not 120 kB. With 24 for 30 the third is two steps too large,
    # with 31 one too small. 768,000 is 30 · 160², exactly full. The last is 1 % short of 608².
    examples=[(1, 256), (1, 120), (4, 39_900), (4, 100), (1, 768), (1, 10_980)],
    hidden=_draw_memories,
    reference=_side,
    misconceptions=(
        Misconception(
            "kB taken as KiB",
            "a kB has 1000 bytes: here that decides",
            lambda width, kilobytes: _side(width, kilobytes, kilo=1024),
        ),
        Misconception(
            "always one byte",
            "the width is an argument: how many bytes do 30 numbers a pixel take?",
            lambda width, kilobytes: _side(1, kilobytes),
        ),
        Misconception(
            "any side",
            "the side has to be a multiple of 32",
            lambda width, kilobytes: isqrt(1000 * kilobytes // (PER_PIXEL * width)),
        ),
        Misconception(
            "rounded up",
            "the next multiple up does not fit any more",
            lambda width, kilobytes: _side(width, kilobytes) + STEP,
        ),
        Misconception(
            "rounded to the nearest",
            "where the nearest multiple is the next one up, it does not fit any more",
            lambda width, kilobytes: (
                round((1000 * kilobytes / (PER_PIXEL * width)) ** 0.5 / STEP) * STEP
            ),
        ),
        Misconception(
            "exactly full is too much",
            "an image that needs exactly as much as there is: does it not fit?",
            lambda width, kilobytes: _side(width, 1000 * kilobytes - 1, kilo=1),
        ),
        Misconception(
            "at least 32",
            "where not even 32 fits, no image can be taken",
            lambda width, kilobytes: max(STEP, _side(width, kilobytes)),
        ),
        Misconception(
            "pixels for the side",
            "this is how many pixels fit: how long is the side of a square of them?",
            lambda width, kilobytes: 1000 * kilobytes // (PER_PIXEL * width),
        ),
        Misconception(
            "what comes out left out",
            "24 numbers a pixel go into the layer: what comes out of it?",
            lambda width, kilobytes: _side(width, kilobytes, per_pixel=24),
        ),
    ),
)
