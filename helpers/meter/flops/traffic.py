"""Bytes that one operation moves, when it reads what it needs and writes what it makes.

A view moves nothing. A tensor that was expanded is read as often as it has elements of its own,
once. A look-up reads only what it returns. An operation in place reads and writes its tensor.
"""

from __future__ import annotations

from typing import Any

import torch

from helpers.meter.flops.prices.op import Op
from helpers.meter.meta import tensors_in


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

    def __init__(self, func: torch._ops.OpOverload, op: Op | None) -> None:
        moves = op.moves if op else "all"
        self.moves = moves != "nothing"
        self.overwrites = moves == "overwrites" and func._schema.is_mutable
        self.looks_up = moves == "looks_up"

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
