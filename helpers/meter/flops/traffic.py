"""Bytes that one operation moves, when it reads what it needs and writes what it makes.

A view moves nothing. A tensor that was expanded is read as often as it has elements of its own,
once. A look-up reads only what it returns. An operation in place reads and writes its tensor.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from helpers.meter.flops.prices.zero_flop import LOOK_UP, OVERWRITE, UNWRITTEN


def tensors_in(*values: Any) -> Iterator[torch.Tensor]:
    """All tensors in arguments or results, however nested."""
    for value in values:
        if isinstance(value, torch.Tensor):
            yield value
        elif isinstance(value, (list, tuple)):
            yield from tensors_in(*value)
        elif isinstance(value, dict):
            yield from tensors_in(*value.values())
        elif hasattr(value, "__dataclass_fields__"):
            yield from tensors_in(*vars(value).values())


def tensor_bytes(tensor: torch.Tensor) -> int:
    """Bytes of a tensor's distinct elements: a dimension of stride 0 repeats the same ones."""
    count = tensor.numel()
    strides = tensor.stride() if tensor.layout is torch.strided else ()
    if 0 in strides:
        count = 1
        for size, stride in zip(tensor.shape, strides, strict=True):
            count *= size if stride else min(size, 1)
    return count * tensor.element_size()


class Traffic:
    """How one operation moves its arguments and results; found once, asked at every call."""

    def __init__(self, func: torch._ops.OpOverload, name: str) -> None:
        self.moves = not (func.is_view or name in UNWRITTEN)
        self.overwrites = name in OVERWRITE and func._schema.is_mutable
        self.looks_up = name in LOOK_UP

    def read(self, place: int, tensor: torch.Tensor, out: Any) -> int:
        """Bytes read of the argument at `place`."""
        if not self.moves or (place == 0 and self.overwrites):
            return 0
        if place == 0 and self.looks_up:
            return tensor_bytes(out)
        return tensor_bytes(tensor)

    def written(self, out: Any) -> int:
        """Bytes written."""
        if not self.moves:
            return 0
        if isinstance(out, torch.Tensor):
            return tensor_bytes(out)
        return sum(tensor_bytes(tensor) for tensor in tensors_in(out))
