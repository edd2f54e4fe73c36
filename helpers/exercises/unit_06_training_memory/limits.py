"""Unit 06: the largest batch for a device, and what the device takes beside the tensors."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from helpers.exercises.exercise import Exercise, Misconception, OneOf

BLOCK = 512  # bytes; c10/cuda/CUDACachingAllocator.cpp rounds every request up to it


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
            lambda fixed, image, memory, outside: OneOf(
                ((left := (memory - outside - fixed) / image), max(0, left))
            ),
        ),
        Misconception(
            "rounded up",
            "the last image has to fit whole",
            lambda fixed, image, memory, outside: OneOf(
                tuple(max(0, -((taken - memory) // image)) for taken in (fixed + outside, fixed))
            ),
        ),
        Misconception(
            "rounded to the nearest",
            "the last image has to fit whole",
            lambda fixed, image, memory, outside: max(0, round((memory - outside - fixed) / image)),
        ),
        Misconception(
            "the context added",
            "what the context takes is not there for tensors: do you add it to the memory?",
            lambda fixed, image, memory, outside: _batch(fixed, image, memory, -outside),
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


MIB = 2**20


def _newly_reserved(
    free_blocks: Sequence[int],
    request: int,
    mib: int = MIB,
    small_below: int = MIB + 1,
    shared_below: int = 10 * MIB,
) -> int:
    """Rules of c10/cuda/CUDACachingAllocator.cpp, for blocks of the pool that the request is of."""
    size = -(-request // BLOCK) * BLOCK
    if any(block >= size for block in free_blocks):
        return 0
    if size < small_below:
        return 2 * mib
    if size < shared_below:
        return 20 * mib
    return -(-size // (2 * mib)) * 2 * mib


def _draw_requests(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    def odd(low: int, high: int) -> int:
        return draw.randrange(low * MIB // 1024, high * MIB // 1024) * 1024 + 1

    cases: list[tuple[Any, ...]] = []
    for low, high in ((0, 1), (2, 9), (11, 60), (3, 8)):
        request = odd(low, high)
        size = -(-request // BLOCK) * BLOCK
        near = [size // BLOCK * BLOCK * share // 8 // BLOCK * BLOCK for share in (7, 6, 5)]
        for blocks in near, [near[0], size, near[1]], [near[2], size + 5 * BLOCK]:
            cases.append((tuple(blocks), request))
    return cases


NEWLY_RESERVED = Exercise(
    points=1,
    topic="what the allocator asks the driver for",
    examples=[
        ((7 * MIB, 6 * MIB), 8 * MIB),
        ((6 * MIB, 8 * MIB), 8 * MIB),
        ((512, 1024), 5000),
        ((9 * MIB, 9 * MIB), 10 * MIB),
        ((4 * MIB, 30 * MIB), 31 * MIB),
        ((), 1 * MIB),
        ((3 * MIB, 30 * MIB), 12 * MIB),
        ((8 * MIB, 2 * MIB), 8 * MIB + 1),
        ((2 * MIB, 3 * MIB), 9 * MIB + 512),
    ],
    hidden=_draw_requests,
    reference=lambda free_blocks, request: _newly_reserved(free_blocks, request),
    known_slips={
        "0 → 1": "equivalent: nothing fits into one byte either",
        "0 → -1": "equivalent: nothing fits into less than nothing",
        "1 → 2": "equivalent: sizes are multiples of 512",
    },
    misconceptions=(
        Misconception(
            "free is free",
            "a tensor lies in one piece: do two free blocks make one?",
            lambda free_blocks, request: (
                0 if sum(free_blocks) >= request else _newly_reserved((), request)
            ),
        ),
        Misconception(
            "as much as is asked for",
            "the driver is asked for pieces of set sizes, from which others are cut, too",
            lambda free_blocks, request: (
                -(-request // BLOCK) * BLOCK if _newly_reserved(free_blocks, request) else 0
            ),
        ),
        Misconception(
            "a piece of its own",
            "tensors below 10 MiB share a larger piece",
            lambda free_blocks, request: _newly_reserved(free_blocks, request, shared_below=0),
        ),
        Misconception(
            "only what is missing",
            "a new piece does not join a free block of another: it has to hold the whole tensor",
            lambda free_blocks, request: (
                _newly_reserved((), request - max(free_blocks, default=0))
                if _newly_reserved(free_blocks, request)
                else 0
            ),
        ),
        Misconception(
            "free blocks not looked at",
            "may a free block be large enough? Then the driver is not asked",
            lambda free_blocks, request: _newly_reserved((), request),
        ),
        Misconception(
            "10 MiB shared, too",
            "from 10 MiB on, 10 MiB included, a tensor gets a piece of its own",
            lambda free_blocks, request: _newly_reserved(
                free_blocks, request, shared_below=10 * MIB + 1
            ),
        ),
        Misconception(
            "1 MiB is no small one",
            "up to 1 MiB, 1 MiB included: which piece is that?",
            lambda free_blocks, request: _newly_reserved(free_blocks, request, small_below=MIB),
        ),
        Misconception(
            "2 MiB more than needed",
            "10 MiB are a multiple of 2 MiB already: does the piece have to be larger?",
            lambda free_blocks, request: (
                (request // (2 * MIB) + 1) * 2 * MIB
                if (right := _newly_reserved(free_blocks, request)) and request >= 10 * MIB
                else right
            ),
        ),
        Misconception(
            "MB for MiB",
            "pieces are of so many MiB: how many bytes has one?",
            lambda free_blocks, request: _newly_reserved(
                free_blocks, request, mib=10**6, small_below=10**6 + 1, shared_below=10**7
            ),
        ),
        Misconception(
            "exactly as large is too small",
            "a block of exactly that size will do",
            lambda free_blocks, request: _newly_reserved(
                [block - BLOCK for block in free_blocks], request
            ),
        ),
    ),
)
