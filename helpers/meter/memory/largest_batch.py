"""The largest batch whose training step fits a device."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from helpers.hardware import device as named_device
from helpers.meter.memory.predict import Memory, training_memory
from helpers.meter.models import build


@dataclass(frozen=True)
class LargestBatch:
    """`batch` fits into `capacity` bytes and `batch` + 1 does not; 0 where not even one fits.

    `memory` is the step at `batch` (at 1, where none fits), `margin` the bytes of the capacity that
    its tensors, kernels and the CUDA context leave free; it is negative where none fits.
    """

    batch: int
    capacity: int
    memory: Memory

    @property
    def margin(self) -> int:
        return self.capacity - self.memory.peak - self.memory.context


def largest_batch(
    model: nn.Module | str,
    input_shape: tuple[int, ...],
    device: str | int = "T4",
    *,
    kernels: str = "cuda",
    largest: int = 1 << 16,
    input_dtype: torch.dtype | None = None,
    **options: Any,
) -> LargestBatch:
    """The largest batch of inputs of `input_shape` that a training step fits on a device with.

    `input_shape`: sizes of one input, without the batch. `device`: a name from `hardware`, or
    bytes. `kernels`: "cuda" or "cpu", whose kernels and allocator to assume. `input_dtype`:
    of the inputs, such as `torch.long` for a text. `options`: as `training_memory` takes them. At
    most `largest` is looked for.

    Raises ValueError for an unknown device, a capacity below 1, or a model that fails.
    """
    capacity = device if isinstance(device, int) else int(named_device(device).usable)
    if capacity < 1:
        raise ValueError(f"a device has at least 1 byte of memory, not {capacity}")
    if largest < 1:
        raise ValueError(f"the largest batch to look for is at least 1, not {largest}")
    built = build(model) if isinstance(model, str) else model
    steps: dict[int, Memory] = {}

    def fits(batch: int) -> bool:
        if batch not in steps:
            inputs = torch.empty(batch, *input_shape, dtype=input_dtype, device="meta")
            steps[batch] = training_memory(built, inputs, device=kernels, **options)
        return steps[batch].fits(capacity)

    def guess(low: int, high: int) -> int:
        """Where the peak meets the capacity, if it grows evenly between two batches."""
        below, above = steps[low].peak, steps[high].peak
        room = capacity - steps[low].context - below
        return low + int((high - low) * room / (above - below)) if above > below else low

    batch = _last_that(fits, largest, guess)
    return LargestBatch(batch, capacity, steps[max(batch, 1)])


def _last_that(fits: Callable[[int], bool], largest: int, guess: Callable[[int, int], int]) -> int:
    """The largest batch up to `largest` that fits, if no larger one does; 0 if none does.

    Grows eightfold until one does not fit. What is between is then narrowed by guesses and, in
    turn, by halves, so that it ends soon even where guesses are bad.
    """
    low, high = 0, 1
    while fits(high):
        low = high
        if low == largest:
            return low
        high = min(8 * low, largest)
    guessing = low > 0
    while high - low > 1:
        middle = guess(low, high) if guessing else (low + high) // 2
        middle = min(max(middle, low + 1), high - 1)
        guessing = low > 0 and not guessing
        if fits(middle):
            low = middle
        else:
            high = middle
    return low
