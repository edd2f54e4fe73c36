"""Unit 06: the largest batch for a device, and what the device takes beside the tensors."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from helpers.exercises.exercise import Exercise, Misconception, OneOf

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
    examples=[(8, 6_918_897_152, 16, 11_220_017_152), (2, 1000, 5, 2000)],
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
        Misconception(
            "divided by the larger batch",
            "by how many images do the two batches differ?",
            lambda a, peak_a, b, peak_b: {
                "per image": OneOf(((peak_b - peak_a) / b, (peak_b - peak_a) / a))
            },
        ),
        Misconception(
            "the other peak's images taken off",
            "of the images of which batch do you take the bytes off which peak?",
            lambda a, peak_a, b, peak_b: {
                "fixed": OneOf(
                    (
                        peak_a - b * _line(a, peak_a, b, peak_b)["per image"],
                        peak_b - a * _line(a, peak_a, b, peak_b)["per image"],
                    )
                )
            },
        ),
    ),
)


def _batch(fixed: int, per_image: int, memory: int, outside: int) -> int:
    return max(0, (memory - outside - fixed) // per_image)


def _draw_devices(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    """One where none fits, one that is full to its last byte, one for hundreds of images, and some
    where the context or the fixed part makes a difference of several."""
    cases = [(draw.randrange(9, 20) * 10**9, 10**8 + draw.randrange(10**6), 8 * 2**30, 5 * 10**8)]
    for gib in (14.75, 23.64, 79.15):
        fixed = draw.randrange(10**9, 8 * 10**9)
        per_image = draw.randrange(30, 90) * 10**6 + draw.randrange(10**6)
        cases.append((fixed, per_image, int(gib * 2**30), draw.randrange(3, 7) * 10**8))
    fixed, per_image, _, outside = cases[-1]
    cases.append((fixed, per_image, outside + fixed + draw.randrange(2, 99) * per_image, outside))
    return [*cases, (fixed, per_image // 20, int(79.15 * 2**30), outside)]


BATCH_THAT_FITS = Exercise(
    points=1,
    topic="the largest batch of a straight line",
    examples=[
        (2_617_777_152, 537_640_000, 15_837_691_904, 524_288_000),
        (2_617_777_152, 537_640_000, 84_986_665_369, 524_288_000),
        (2_000_000_000, 10_000_000, 12_500_000_000, 500_000_000),
        (2_000_000_000, 1_000_000_000, 11_500_000_000, 500_000_000),
        (10_000_000, 500_000_000, 15_837_691_904, 524_288_000),
        (9_000_000_000, 100_000_000, 8_000_000_000, 524_288_000),
    ],
    hidden=_draw_devices,
    reference=_batch,
    misconceptions=(
        Misconception(
            "nothing outside",
            "what the context takes is no longer free for tensors",
            lambda fixed, image, memory, outside: _batch(fixed, image, memory, 0),
        ),
        Misconception(
            "nothing fixed",
            "what is there without any image?",
            lambda fixed, image, memory, outside: _batch(0, image, memory, outside),
        ),
        Misconception(
            "a full device does not count",
            "a batch that fills the memory to its last byte fits",
            lambda fixed, image, memory, outside: _batch(fixed, image, memory - 1, outside),
        ),
        Misconception(
            "below zero",
            "a batch cannot be negative: what is the answer where not even the fixed part fits?",
            lambda fixed, image, memory, outside: (memory - outside - fixed) // image,
        ),
        Misconception(
            "1 at least",
            "where not even one image fits, the answer is 0",
            lambda fixed, image, memory, outside: max(1, _batch(fixed, image, memory, outside)),
        ),
        Misconception(
            "a part of an image",
            "a batch is a whole number: what is left over does not fit",
            lambda fixed, image, memory, outside: max(0, (memory - outside - fixed) / image),
        ),
        Misconception(
            "rounded up",
            "the last image has to fit whole",
            lambda fixed, image, memory, outside: OneOf(
                tuple(max(0, -((taken - memory) // image)) for taken in (fixed + outside, fixed))
            ),
        ),
        Misconception(
            "a search that stops early",
            "right for small batches: how far does your search go?",
            lambda fixed, image, memory, outside: OneOf(
                tuple(
                    min(_batch(fixed, image, memory, outside), most)
                    for end in (100, 128, 200, 256, 300, 400, 500, 512)
                    for most in (end - 1, end)
                )
            ),
        ),
    ),
)


def _rounded(size: int) -> int:
    return -(-size // BLOCK) * BLOCK


def _allocated(elements: Sequence[int]) -> int:
    return sum(_rounded(4 * count) for count in elements)


def _draw_tensors(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    """The last one of each list fills its blocks exactly."""
    return [
        (
            (
                *(128 * draw.randrange(9) + draw.randrange(1, 127) for _ in range(size)),
                128 * draw.randrange(1, 9),
            ),
        )
        for size in (2, 4, 7)
    ]


ALLOCATED_BYTES = Exercise(
    points=1,
    topic="every tensor rounded up to 512 bytes",
    examples=[((64,),), ((128, 129),), ((9408, 147_456, 64, 1000),)],
    hidden=_draw_tensors,
    reference=_allocated,
    known_slips={"511 → 510": "equivalent: the bytes of fp32 tensors are multiples of 4"},
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
        Misconception(
            "rounded down",
            "a tensor does not fit into less than it takes: which multiple of 512 does it need?",
            lambda elements: sum(4 * count // BLOCK * BLOCK for count in elements),
        ),
        Misconception(
            "rounded to the nearest",
            "a tensor does not fit into less than it takes: which multiple of 512 does it need?",
            lambda elements: sum(round(4 * count / BLOCK) * BLOCK for count in elements),
        ),
        Misconception(
            "blocks for bytes",
            "this is the number of blocks: how many bytes has one?",
            lambda elements: _allocated(elements) // BLOCK,
        ),
        Misconception(
            "a list for each tensor",
            "what is asked for is one number, for all of them",
            lambda elements: [_rounded(4 * count) for count in elements],
        ),
    ),
)


def _room(free_blocks: Sequence[int], request: int, together: int | None = None) -> str:
    """`together`: what the blocks add up to, for those who add others."""
    if max(free_blocks, default=0) >= request:
        return "fits"
    total = sum(free_blocks) if together is None else together
    return "fragmented" if total >= request else "full"


def _draw_blocks(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    cases = []
    for kind in ("fits", "fragmented", "full", "exact", "together"):
        small = [draw.randrange(60, 300) for _ in range(draw.randrange(3, 6))]
        # The largest stands neither first nor last.
        place, largest = draw.randrange(1, len(small)), draw.randrange(301, 400)
        blocks = (*small[:place], largest, *small[place:])
        together = sum(blocks)
        request = {
            # No other block is large enough; nor are two.
            "fits": draw.randrange(max(small) + 1, largest + 1),
            "fragmented": draw.randrange(largest + max(small) + 1, together),
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
    examples=[
        ((300, 500, 200, 100), 400),
        ((500, 300, 200, 100), 1050),
        ((200, 100, 500, 300, 400), 1100),
        ((300, 500), 900),
        ((300, 500), 800),
        ((500, 300), 500),
    ],
    hidden=_draw_blocks,
    reference=lambda free_blocks, request: _room(free_blocks, request),
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
            "the last block only",
            "any of the free blocks will do: do you look at all of them?",
            lambda blocks, request: (
                "fits" if blocks[-1] >= request else _room((), request, sum(blocks))
            ),
        ),
        Misconception(
            "the first block only",
            "any of the free blocks will do: do you look at all of them?",
            lambda blocks, request: (
                "fits" if blocks[0] >= request else _room((), request, sum(blocks))
            ),
        ),
        Misconception(
            "two blocks together",
            "all free blocks together could be more than two of them",
            lambda blocks, request: _room(blocks, request, sum(sorted(blocks)[-2:])),
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
