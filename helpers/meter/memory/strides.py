"""How results of elementwise operations lie, where meta has it otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor


def with_strides(func: Any, out: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """The result of an elementwise operation, with the strides of its operands where all have the
    same, are not contiguous, and no format is asked for: TensorIterator has it so. Some on meta
    choose others for a dimension of size 1, and by these PyTorch tells channels last from
    contiguous.
    """
    if torch.Tag.pointwise not in func.tags or kwargs.get("memory_format") is not None:
        return out
    if not isinstance(out, Tensor) or not out.is_meta or 1 not in out.shape:
        return out
    operands = [each for each in args if isinstance(each, Tensor) and each.dim()]
    strides = {each.stride() for each in operands if each.shape == out.shape}
    if len(strides) != 1 or out.stride() in strides:
        return out
    if any(each.shape != out.shape or not _is_dense(each) for each in operands):
        return out
    if operands[0].is_contiguous():
        return out
    return out.new_empty_strided(out.shape, *strides)


def _is_dense(tensor: Tensor) -> bool:
    """Whether every place in memory between its first and its last number is one number's."""
    expected = 1
    for step, size in sorted(zip(tensor.stride(), tensor.shape, strict=True)):
        if size > 1:
            if step != expected:
                return False
            expected *= size
    return True
