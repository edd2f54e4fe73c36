"""PyTorch's CUDA caching allocator, as a model: how much it reserves for what is allocated.

The allocator takes segments from the driver, cuts blocks out of them, and keeps what is freed for
later. Only where the driver has no more does it give back the segments that lie wholly free:

- a request is rounded up to 512 B;
- requests up to 1 MiB share segments of 2 MiB; larger ones come from a second pool, in segments of
  20 MiB for requests under 10 MiB, and of the request rounded up to 2 MiB otherwise;
- the smallest free block that fits is taken, and its rest split off if at least 512 B (small pool)
  or more than 1 MiB (large pool) would remain;
- a block that is freed joins its free neighbours in the same segment.

Source: c10/cuda/CUDACachingAllocator.cpp, default settings (no expandable segments).
"""

from __future__ import annotations

from bisect import bisect_left, insort
from dataclasses import dataclass, field

KIB, MIB = 1024, 1024**2

ROUND_SMALL = 512
SMALL_LIMIT = MIB
SMALL_SEGMENT = 2 * MIB
LARGE_SEGMENT = 20 * MIB
LARGE_LIMIT = 10 * MIB
ROUND_LARGE = 2 * MIB

#: Bytes of scratch space that cuBLAS keeps for each thread that calls it: 2 x 4 MiB + 8 x 16 KiB.
#: From compute capability 9.0 (H100) on it keeps 32 MiB, which no prediction here assumes.
CUBLAS_WORKSPACE = 2 * 4 * MIB + 8 * 16 * KIB

#: What a CUDA context takes outside the allocator: driver, kernels, stacks. It depends on the
#: device and the driver; between 300 and 600 MiB is usual. Not part of any allocator figure.
CUDA_CONTEXT = 500 * MIB


def rounded(request: int) -> int:
    """Bytes that a request takes from a block: the next multiple of 512; 0 for an empty tensor."""
    return -(-request // ROUND_SMALL) * ROUND_SMALL


def segment_size(size: int) -> int:
    """Bytes that the allocator asks the driver for, where no free block of `size` is left."""
    if size <= SMALL_LIMIT:
        return SMALL_SEGMENT
    if size < LARGE_LIMIT:
        return LARGE_SEGMENT
    return -(-size // ROUND_LARGE) * ROUND_LARGE


@dataclass(eq=False)
class _Block:
    """A piece of a segment, between its neighbours there."""

    segment: int
    offset: int
    size: int
    small: bool
    free: bool = False
    before: _Block | None = field(default=None, repr=False)
    after: _Block | None = field(default=None, repr=False)

    @property
    def key(self) -> tuple[int, int, int]:
        return self.size, self.segment, self.offset


class CachingAllocator:
    """Follows requests and releases; `allocated` and `reserved` are bytes now, `peak_*` the most.

    With a `limit`, no more than that many bytes are reserved: free segments go back first, and a
    request that still does not fit raises MemoryError.

    >>> allocator = CachingAllocator()
    >>> block = allocator.allocate(1_000_000)
    >>> allocator.allocated, allocator.reserved
    (1000448, 2097152)
    """

    def __init__(self, limit: int | None = None) -> None:
        self.limit = limit
        self.allocated = self.reserved = 0
        self.peak_allocated = self.peak_reserved = 0
        self._free: dict[bool, list[tuple[tuple[int, int, int], _Block]]] = {True: [], False: []}
        self._segments = 0

    def allocate(self, request: int) -> _Block | None:
        """A block for `request` bytes; none is needed for an empty tensor."""
        if request == 0:
            return None
        size = rounded(request)
        block = self._taken(size, small=size <= SMALL_LIMIT)
        rest = block.size - size
        if rest >= ROUND_SMALL if block.small else rest > SMALL_LIMIT:
            remainder = _Block(
                block.segment, block.offset + size, rest, block.small, True, block, block.after
            )
            if block.after:
                block.after.before = remainder
            block.size, block.after = size, remainder
            self._put(remainder)
        block.free = False
        self.allocated += block.size
        self.peak_allocated = max(self.peak_allocated, self.allocated)
        return block

    def release(self, block: _Block | None) -> None:
        """Gives a block back to its pool, joined with the free blocks on either side."""
        if block is None:
            return
        self.allocated -= block.size
        block.free = True
        for neighbour in (block.before, block.after):
            if neighbour is None or not neighbour.free:
                continue
            self._free[block.small].remove((neighbour.key, neighbour))
            first, second = (neighbour, block) if neighbour is block.before else (block, neighbour)
            first.size += second.size
            first.after = second.after
            if first.after:
                first.after.before = first
            block = first
        self._put(block)

    def _taken(self, size: int, small: bool) -> _Block:
        pool = self._free[small]
        found = bisect_left(pool, (size, -1, -1), key=lambda entry: entry[0])
        if found < len(pool):
            return pool.pop(found)[1]
        segment = segment_size(size)
        if self.limit is not None and self.reserved + segment > self.limit:
            self._give_back()
            if self.reserved + segment > self.limit:
                raise MemoryError(f"{self.reserved + segment:,} B are more than {self.limit:,}")
        self.reserved += segment
        self.peak_reserved = max(self.peak_reserved, self.reserved)
        self._segments += 1
        return _Block(self._segments, 0, segment, small)

    def _give_back(self) -> None:
        """Returns every segment that is one free block to the driver."""
        for small, pool in self._free.items():
            whole = [b for _, b in pool if b.before is None and b.after is None]
            self.reserved -= sum(block.size for block in whole)
            self._free[small] = [entry for entry in pool if entry[1] not in whole]

    def _put(self, block: _Block) -> None:
        insort(self._free[block.small], (block.key, block), key=lambda entry: entry[0])
