"""The largest batch whose training step fits a device."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from helpers.hardware import device as named_device
from helpers.meter.memory import Memory, training_memory
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
    **options: Any,
) -> LargestBatch:
    """The largest batch of inputs of `input_shape` that a training step fits on a device with.

    `input_shape`: sizes of one input, without the batch. `device`: a name from `hardware`, or
    bytes. `kernels`: "cuda" or "cpu", whose kernels and allocator to assume. `options`: as
    `training_memory` takes them. At most `largest` is looked for.

    Raises ValueError for an unknown device, a capacity below 1, or a model that fails.
    """
    capacity = device if isinstance(device, int) else int(named_device(device).memory)
    if capacity < 1:
        raise ValueError(f"a device has at least 1 byte of memory, not {capacity}")
    if largest < 1:
        raise ValueError(f"the largest batch to look for is at least 1, not {largest}")
    built = build(model) if isinstance(model, str) else model
    steps: dict[int, Memory] = {}

    def fits(batch: int) -> bool:
        if batch not in steps:
            inputs = torch.empty(batch, *input_shape, device="meta")
            steps[batch] = training_memory(built, inputs, device=kernels, **options)
        return steps[batch].fits(capacity)

    batch = _last_that(fits, largest, lambda low: _next_guess(steps, low, capacity))
    return LargestBatch(batch, capacity, steps[max(batch, 1)])


def _last_that(fits: Callable[[int], bool], largest: int, guess: Callable[[int], int]) -> int:
    """The largest batch up to `largest` that fits, if no larger one does; 0 if none does.

    Goes up by guesses, each at least twice the step before it, until one does not fit; then halves
    what is between.
    """
    low, high, step = 0, largest + 1, 1
    while high - low > 1 and fits(wanted := min(max(guess(low), low + step), high - 1)):
        step, low = 2 * step, wanted
    high = min(high, wanted) if low < wanted else high
    while high - low > 1:
        middle = (low + high) // 2
        if fits(middle):
            low = middle
        else:
            high = middle
    return low


def _next_guess(steps: dict[int, Memory], low: int, capacity: int) -> int:
    """Where the peak reaches the capacity if it grows on as between the last two that fit."""
    fitting = sorted(batch for batch in steps if batch <= low)
    if len(fitting) < 2:
        return max(1, 2 * low)
    before, last = fitting[-2:]
    growth = (steps[last].peak - steps[before].peak) / (last - before)
    room = capacity - steps[last].context - steps[last].peak
    return last + int(room / growth) if growth > 0 else 2 * low
