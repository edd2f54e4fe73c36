"""A step's allocations, played through the model of CUDA's caching allocator."""

from __future__ import annotations

from helpers.meter.memory.device.allocator import CUBLAS_WORKSPACE, CachingAllocator
from helpers.meter.memory.storages import StorageLog

#: Operations that go through cuBLAS.
_PRODUCTS = frozenset({"mm", "addmm", "bmm", "baddbmm", "mv", "addmv"})

#: What is on the device before the first step; an optimizer's states come at its end.
_FROM_THE_START = ("weights", "buffers", "inputs")


def cublas_bytes(log: StorageLog) -> int:
    """cuBLAS keeps a workspace for each thread that multiplies: backward runs in its own."""
    phases = {o.phase for o in log.operations if o.name.split(".")[-2:][0] in _PRODUCTS}
    return CUBLAS_WORKSPACE * len(phases & {"forward", "backward"})


def replay(log: StorageLog, limit: int | None = None) -> tuple[int, int]:
    """Bytes allocated at most in the second of two steps, and reserved at most.

    With a `limit` on what is reserved, raises MemoryError where the two steps do not fit.

    What is reserved depends on what came first: weights, buffers and inputs, a step without
    optimizer states, then the states, cut from what that step left free, then the steady step.
    """
    allocator = CachingAllocator(limit)
    before = [storage for storage in log.storages if storage.born < 0]
    for storage in before:
        if storage.category in _FROM_THE_START:
            allocator.allocate(storage.bytes)
    for _ in range(cublas_bytes(log) // CUBLAS_WORKSPACE):
        allocator.allocate(CUBLAS_WORKSPACE)
    _play(allocator, log)
    for storage in before:
        if storage.category not in _FROM_THE_START:
            allocator.allocate(storage.bytes)
    allocator.peak_allocated = allocator.allocated
    _play(allocator, log)
    return allocator.peak_allocated, allocator.peak_reserved


def _play(allocator: CachingAllocator, log: StorageLog) -> None:
    """One step; what outlives it (gradients, the loss) is released before the next one."""
    blocks = {}
    for number, allocated in log.events:
        storage = log.storages[number]
        if storage.born < 0:
            continue
        if allocated:
            blocks[number] = allocator.allocate(storage.bytes)
        else:
            allocator.release(blocks.pop(number))
    for block in blocks.values():
        allocator.release(block)
