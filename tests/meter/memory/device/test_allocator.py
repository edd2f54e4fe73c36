"""The model of CUDA's caching allocator, held against its rules, worked out by hand."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.meter.memory.device.allocator import MIB, CachingAllocator, rounded, segment_size


@pytest.mark.parametrize(
    ("request_bytes", "taken"),
    [(0, 0), (1, 512), (512, 512), (513, 1024), (1_000_000, 1_000_448)],
)
def test_requests_are_rounded_to_512_bytes(request_bytes: int, taken: int) -> None:
    assert rounded(request_bytes) == taken


@pytest.mark.parametrize(
    ("size", "segment"),
    [
        (512, 2 * MIB),
        (MIB, 2 * MIB),  # the largest small block
        (MIB + 512, 20 * MIB),
        (10 * MIB - 512, 20 * MIB),
        (10 * MIB, 10 * MIB),  # from here on: the block itself, rounded up to 2 MiB
        (11 * MIB, 12 * MIB),
    ],
)
def test_segments_depend_on_the_size(size: int, segment: int) -> None:
    assert segment_size(size) == segment


def test_small_blocks_share_a_segment() -> None:
    allocator = CachingAllocator()
    for _ in range(4):
        allocator.allocate(512 * 1024)
    assert (allocator.allocated, allocator.reserved) == (2 * MIB, 2 * MIB)
    allocator.allocate(1)
    assert (allocator.allocated, allocator.reserved) == (2 * MIB + 512, 4 * MIB)


def test_a_large_segment_is_cut_while_more_than_a_mebibyte_remains() -> None:
    allocator = CachingAllocator()
    # 9 + 9 MiB leave 2 MiB of the segment of 20; 1.5 more leaves 0.5, which stays uncut.
    for size in (9 * MIB, 9 * MIB, 3 * MIB // 2):
        allocator.allocate(size)
    assert allocator.reserved == 20 * MIB
    assert allocator.allocated == 20 * MIB


def test_the_smallest_block_that_fits_is_taken() -> None:
    allocator = CachingAllocator()
    large, small = allocator.allocate(40 * MIB), allocator.allocate(12 * MIB)
    allocator.release(large)
    allocator.release(small)
    again = allocator.allocate(12 * MIB)
    assert again is small
    assert allocator.reserved == 52 * MIB


def test_freed_neighbours_join() -> None:
    allocator = CachingAllocator()
    blocks = [allocator.allocate(5 * MIB) for _ in range(4)]
    for block in (blocks[0], blocks[2], blocks[1]):
        allocator.release(block)
    # 15 MiB in one piece: no new segment is needed.
    allocator.allocate(15 * MIB)
    assert allocator.reserved == 20 * MIB


def test_nothing_is_given_back_to_the_device() -> None:
    allocator = CachingAllocator()
    allocator.release(allocator.allocate(100 * MIB))
    assert (allocator.allocated, allocator.reserved) == (0, 100 * MIB)
    # 102 MiB do not fit the 100 that are cached.
    allocator.allocate(102 * MIB)
    assert allocator.reserved == 202 * MIB


def test_free_segments_go_back_where_a_limit_is_reached() -> None:
    allocator = CachingAllocator(limit=120 * MIB)
    kept = allocator.allocate(10 * MIB)
    allocator.release(allocator.allocate(100 * MIB))
    # 10 + 100 MiB are reserved and 105 do not fit the free 100: those go back, 106 come.
    allocator.allocate(105 * MIB)
    assert allocator.reserved == 116 * MIB
    with pytest.raises(MemoryError):
        allocator.allocate(20 * MIB)
    allocator.release(kept)


def test_an_empty_tensor_takes_no_block() -> None:
    allocator = CachingAllocator()
    allocator.release(allocator.allocate(0))
    assert allocator.reserved == 0


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(1, 30 * MIB), st.booleans()), max_size=40))
def test_allocated_stays_between_what_is_asked_for_and_what_is_reserved(
    requests: list[tuple[int, bool]],
) -> None:
    allocator = CachingAllocator()
    held = []
    for size, release_one in requests:
        held.append((rounded(size), allocator.allocate(size)))
        if release_one:
            allocator.release(held.pop(0)[1])
        asked = sum(size for size, _ in held)
        # An uncut rest is at most 1 MiB a block.
        assert asked <= allocator.allocated <= asked + len(held) * MIB
        assert allocator.allocated <= allocator.reserved == allocator.peak_reserved
    for _, block in held:
        allocator.release(block)
    assert allocator.allocated == 0
