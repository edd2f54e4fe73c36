"""A step's allocations, played through the model of CUDA's caching allocator."""

from __future__ import annotations

from helpers.meter.allocator import CUBLAS_WORKSPACE, CachingAllocator
from helpers.meter.storages import StorageLog

#: Parts of the names of operations that go through cuBLAS.
_PRODUCTS = (".mm.", ".addmm.", ".bmm.", ".baddbmm.", ".addmv.", ".mv.")


def cublas_bytes(log: StorageLog) -> int:
    """cuBLAS keeps a workspace for each thread that multiplies: backward runs in its own."""
    phases = {
        operation.phase
        for operation in log.operations
        if any(product in operation.name for product in _PRODUCTS)
    }
    return CUBLAS_WORKSPACE * len(phases & {"forward", "backward"})


def replay(log: StorageLog) -> int:
    """Bytes reserved at most over two steps: weights and inputs, a step, the states, a step.

    In the first step the optimizer's states do not exist until its end, so they are cut from what
    the backward pass left free, as they are on a real device.
    """
    allocator = CachingAllocator()
    resident = [s for s in log.storages if s.born < 0 and s.category in _FROM_THE_START]
    states = [s for s in log.storages if s.born < 0 and s.category not in _FROM_THE_START]
    for storage in resident:
        allocator.allocate(storage.bytes)
    workspaces = cublas_bytes(log)
    if workspaces:
        for _ in range(workspaces // CUBLAS_WORKSPACE):
            allocator.allocate(CUBLAS_WORKSPACE)
    _step(allocator, log)
    for storage in states:
        allocator.allocate(storage.bytes)
    _step(allocator, log)
    return allocator.peak_reserved


_FROM_THE_START = ("weights", "buffers", "inputs")


def _step(allocator: CachingAllocator, log: StorageLog) -> None:
    blocks = {}
    for event in log.events:
        if event is None:
            continue
        number, allocated = event
        storage = log.storages[number]
        if storage.born < 0:
            continue
        if allocated:
            blocks[number] = allocator.allocate(storage.bytes)
        else:
            allocator.release(blocks.pop(number))
    for block in blocks.values():
        # What outlives the step (gradients, the loss) goes before the next one starts.
        allocator.release(block)
