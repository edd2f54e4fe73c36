"""How results of elementwise operations lie, where meta has it otherwise.

They differ in dimensions of size 1, whose strides nothing needs, but by which PyTorch tells
channels last from contiguous. The rules are TensorIterator's (`compute_fast_setup_type`).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch._prims_common import (
    make_channels_last_strides_for,
    make_contiguous_strides_for,
)

from helpers.meter.meta import is_dense

#: A number beside a tensor is an operand of these, as a tensor of no dimensions is.
_OF_TWO = """
    add sub rsub mul div remainder fmod floor_divide maximum minimum atan2 hypot copysign xlogy
    eq ne lt le gt ge logical_and logical_or logical_xor bitwise_and bitwise_or bitwise_xor
"""
_OF_ITS_LIKE = "clone empty_like zeros_like ones_like full_like rand_like randn_like"
_BINARY, _LIKE = frozenset(_OF_TWO.split()), frozenset(_OF_ITS_LIKE.split())


def with_strides(func: Any, out: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """The result of an elementwise operation, or of one that makes the like of a tensor."""
    kind = _kind(func)
    if not kind or not isinstance(out, Tensor) or not out.is_meta or 1 not in out.shape:
        return out
    if kwargs.get("memory_format") is not None:
        return out
    operands = [each for each in args if isinstance(each, Tensor)]
    wanted = _strides(kind, operands, args, out)
    if wanted is None or wanted == out.stride():
        return out
    return out.new_empty_strided(out.shape, wanted)


@cache
def _kind(func: Any) -> str:
    """A name where the result is a tensor of its own; empty for all other operations."""
    name = str(func._schema.name.removeprefix("aten::"))
    pointwise = torch.Tag.pointwise in func.tags and not name.endswith("_")
    if name == "pow" and func._overloadname == "Tensor_Scalar":
        return "unary"
    return name if pointwise or name in _LIKE else ""


def _strides(
    kind: str, operands: list[Tensor], args: tuple[Any, ...], out: Tensor
) -> tuple[int, ...] | None:
    whole = [each for each in operands if each.dim()]
    if not whole or any(each.shape != out.shape for each in whole):
        return None
    if kind == "masked_fill":
        return make_contiguous_strides_for(out.shape)
    number = kind in _BINARY and any(isinstance(each, (int, float, complex)) for each in args[:2])
    if number or kind in _LIKE or len(whole) < len(operands):
        return whole[0].stride() if len(whole) == 1 and is_dense(whole[0]) else None
    if all(each.is_contiguous() for each in whole):
        return make_contiguous_strides_for(out.shape)
    last = torch.channels_last
    if out.dim() == 4 and all(each.is_contiguous(memory_format=last) for each in whole):
        return make_channels_last_strides_for(out.shape)
    alike = len({each.stride() for each in whole}) == 1
    return whole[0].stride() if alike and is_dense(whole[0]) else None
