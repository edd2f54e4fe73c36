"""Unit 06: the largest batch for a device, and what the device takes beside the tensors."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from helpers.exercises.exercise import Exercise, Misconception
from helpers.exercises.mistakes import MEMORY_AS_GIB

BLOCK = 512  # bytes; c10/cuda/CUDACachingAllocator.cpp rounds every request up to it


def _line(batch_a: int, peak_a: int, batch_b: int, peak_b: int) -> dict[str, float]:
    slope = (peak_b - peak_a) / (batch_b - batch_a)
    return {"per image": slope, "fixed": peak_a - batch_a * slope}


def _draw_lines(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    cases = []
    for _ in range(4):
        fixed, slope = draw.randrange(10**8, 10**10), draw.randrange(10**6, 10**9)
        a = draw.randrange(2, 17)
        b = a + draw.randrange(1, 17)
        cases.append((a, fixed + a * slope, b, fixed + b * slope))
    return cases


MEMORY_LINE = Exercise(
    points=1,
    topic="fixed bytes and bytes an image, from two peaks",
    examples=[(8, 6_918_897_152, 16, 11_220_017_152), (4, 1_000_000_000, 12, 1_800_000_000)],
    hidden=_draw_lines,
    reference=_line,
    misconceptions=(
        Misconception(
            "the fixed part shared out",
            "a peak has a part that does not grow with the batch: compare the two peaks instead",
            lambda a, peak_a, b, peak_b: {"per image": peak_b / b},
        ),
        Misconception(
            "the first peak shared out",
            "some of the first peak is there without any image: how can the second tell how much?",
            lambda a, peak_a, b, peak_b: {"per image": peak_a / a},
        ),
        Misconception(
            "the first batch taken as fixed",
            "there are images in the first peak, too: how many bytes are theirs?",
            lambda a, peak_a, b, peak_b: {"fixed": peak_a},
        ),
        Misconception(
            "one image's share taken off",
            "how many images are in the first peak?",
            lambda a, peak_a, b, peak_b: {
                "fixed": peak_a - _line(a, peak_a, b, peak_b)["per image"]
            },
        ),
        Misconception(
            "difference not divided",
            "that is what all the additional images take: how many are they?",
            lambda a, peak_a, b, peak_b: {"per image": peak_b - peak_a},
        ),
    ),
)


def _batch(fixed: int, per_image: int, memory_gb: int, outside: int, giga: int = 10**9) -> int:
    return max(0, (memory_gb * giga - outside - fixed) // per_image)


def _draw_devices(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    """One where none fits, and where the context or a GiB makes a difference of several images."""
    cases = [(draw.randrange(9, 20) * 10**9, 10**8 + draw.randrange(10**6), 8, 5 * 10**8)]
    for memory_gb in (16, 24, 80):
        fixed = draw.randrange(10**9, 8 * 10**9)
        per_image = draw.randrange(30, 90) * 10**6 + draw.randrange(10**6)
        cases.append((fixed, per_image, memory_gb, draw.randrange(3, 7) * 10**8))
    return cases


BATCH_THAT_FITS = Exercise(
    points=1,
    topic="the largest batch of a straight line",
    examples=[
        (2_617_777_152, 537_640_000, 16, 524_288_000),
        (2_617_777_152, 537_640_000, 24, 524_288_000),
        (2_617_777_152, 537_640_000, 80, 524_288_000),
        (9_000_000_000, 100_000_000, 8, 524_288_000),
    ],
    hidden=_draw_devices,
    reference=_batch,
    misconceptions=(
        Misconception(
            "nothing outside",
            "what the context takes is no longer free for tensors",
            lambda fixed, image, gb, outside: _batch(fixed, image, gb, 0),
        ),
        Misconception(
            *MEMORY_AS_GIB,
            lambda fixed, image, gb, outside: _batch(fixed, image, gb, outside, giga=2**30),
        ),
        Misconception(
            "below zero",
            "a batch cannot be negative: what is the answer where not even the fixed part fits?",
            lambda fixed, image, gb, outside: (gb * 10**9 - outside - fixed) // image,
        ),
        Misconception(
            "a part of an image",
            "a batch is a whole number: what is left over does not fit",
            lambda fixed, image, gb, outside: max(0, (gb * 10**9 - outside - fixed) / image),
        ),
        Misconception(
            "rounded up",
            "the last image has to fit whole",
            lambda fixed, image, gb, outside: max(0, -((fixed + outside - gb * 10**9) // image)),
        ),
    ),
)


def _rounded(size: int) -> int:
    return -(-size // BLOCK) * BLOCK


def _allocated(elements: Sequence[int]) -> int:
    return sum(_rounded(4 * count) for count in elements)


def _draw_tensors(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    return [
        (tuple(128 * draw.randrange(9) + draw.randrange(1, 127) for _ in range(size)),)
        for size in (3, 5, 8)
    ]


ALLOCATED_BYTES = Exercise(
    points=1,
    topic="every tensor rounded up to 512 bytes",
    examples=[((64,),), ((128, 129),), ((9408, 64, 64, 1000),)],
    hidden=_draw_tensors,
    reference=_allocated,
    misconceptions=(
        Misconception(
            "no rounding",
            "this is what was asked for: the allocator hands out multiples of 512 bytes",
            lambda elements: 4 * sum(elements),
        ),
        Misconception(
            "the sum rounded",
            "every tensor is a request of its own: round each one",
            lambda elements: _rounded(4 * sum(elements)),
        ),
        Misconception(
            "elements rounded",
            "512 are bytes: how many bytes do the elements take, before rounding?",
            lambda elements: sum(4 * _rounded(count) for count in elements),
        ),
        Misconception(
            "one block more for a full one",
            "a tensor of exactly 512 bytes needs one block: is that what you count?",
            lambda elements: sum((4 * count // BLOCK + 1) * BLOCK for count in elements),
        ),
        Misconception(
            "elements for bytes",
            "an fp32 element takes four bytes",
            lambda elements: sum(map(_rounded, elements)),
        ),
    ),
)


def _room(free_blocks: Sequence[int], request: int) -> str:
    if max(free_blocks, default=0) >= request:
        return "fits"
    return "fragmented" if sum(free_blocks) >= request else "full"


def _draw_blocks(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    cases = []
    for kind in ("fits", "fragmented", "full", "exact", "together"):
        blocks = tuple(draw.randrange(10, 400) for _ in range(draw.randrange(3, 7)))
        largest, together = max(blocks), sum(blocks)
        request = {
            "fits": draw.randrange(5, largest),
            "fragmented": draw.randrange(largest + 1, together),
            "full": together + draw.randrange(1, 500),
            "exact": largest,
            "together": together,
        }[kind]
        cases.append((blocks, request))
    draw.shuffle(cases)
    return cases


FINDS_ROOM = Exercise(
    points=1,
    topic="free memory in pieces",
    examples=[((300, 500), 400), ((300, 500), 700), ((300, 500), 900), ((300, 500), 800)],
    hidden=_draw_blocks,
    reference=_room,
    misconceptions=(
        Misconception(
            "free is free",
            "a tensor lies in one piece: do two free blocks make one?",
            lambda blocks, request: "fits" if sum(blocks) >= request else "full",
        ),
        Misconception(
            "never only fragmented",
            "is there enough, only not in one piece?",
            lambda blocks, request: "fits" if max(blocks) >= request else "full",
        ),
        Misconception(
            "exactly as large is too small",
            "a block of exactly that size will do; so will a sum",
            lambda blocks, request: (
                _room([block - 1 for block in blocks], request)
                if request == max(blocks)
                else ("full" if request == sum(blocks) else _room(blocks, request))
            ),
        ),
    ),
)
