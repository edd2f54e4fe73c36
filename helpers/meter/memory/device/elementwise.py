"""What a CPU's kernels take that go through tensors element by element.

Operands of several number formats are converted to one before the loop: each that has another is
there once more, in that format and in its own size, before it is spread over the others. A number
beside a tensor is made a tensor of fp64 first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache, reduce
from typing import Any

import torch
from torch import Tensor

from helpers.meter.meta import is_inexact

aten = torch.ops.aten

_BINARY = """
    add sub mul div remainder fmod floor_divide pow maximum minimum fmax fmin atan2 hypot copysign
    eq ne lt le gt ge logical_and logical_or logical_xor bitwise_and bitwise_or bitwise_xor
"""
#: Of whole numbers they make real ones.
_TRANSCENDENTAL = """
    sqrt rsqrt exp expm1 log log2 log10 log1p sin cos tan tanh sigmoid erf reciprocal
"""
_WITH_NUMBERS = (aten.add_.Tensor, aten.sub.Tensor, aten.mul.Tensor, aten.mul_.Tensor)


def _binary(out: Any, *args: Any, **kwargs: Any) -> int:
    operands = args[:2]
    common: torch.dtype = torch.result_type(*operands)
    if out.dtype.is_floating_point and not (common.is_floating_point or common.is_complex):
        common = out.dtype  # a quotient of whole numbers
    size = _converted(operands, common)
    if out is args[0] and out.dtype is not common:
        size += out.numel() * common.itemsize
    return size


def _binary_with_number(out: Any, source: Any, other: Any = None, *args: Any, **kwargs: Any) -> int:
    number = 8 + source.itemsize if isinstance(other, (int, float)) else 0
    return number + _binary(out, source, other)


#: They are made of several loops, or keep sums.
_IN_STEPS = ("deg2rad", "rad2deg", "isinf", "ldexp", "logit", "mvlgamma", "native_dropout_backward")


@cache
def is_elementwise(func: Any) -> bool:
    """Whether an operation goes through its tensors once, element by element."""
    name = func._schema.name.removeprefix("aten::").removesuffix("_")
    return torch.Tag.pointwise in func.tags and name not in _IN_STEPS


def converted(out: Any, *operands: Any) -> int:
    """Operands in the format in which the operation is done: the widest of theirs, or that of a
    result which is real where they are whole."""
    # A tensor of one number is converted as it is read.
    tensors = [each for each in operands if isinstance(each, Tensor) and each.dim()]
    if not tensors or not isinstance(out, Tensor):
        return 0
    formats = [each.dtype for each in tensors]
    return _converted(tensors, reduce(torch.promote_types, formats + [out.dtype] * is_inexact(out)))


def _where(out: Tensor, condition: Tensor, *choices: Any) -> int:
    return _converted(choices, out.dtype)


def _unary(out: Tensor, source: Tensor, *args: Any, **kwargs: Any) -> int:
    return _converted([source], out.dtype)


def _sum(out: Tensor, source: Tensor, *args: Any, **kwargs: Any) -> int:
    """Whole numbers and truth values are summed as int64."""
    return 0 if is_inexact(source) else _converted([source], out.dtype)


def _size_of_complex(out: Tensor, source: Tensor, *args: Any, **kwargs: Any) -> int:
    """The absolute value or the angle is made as a complex number first."""
    return source.numel() * source.itemsize if source.is_complex() else 0


def _converted(operands: Iterable[Any], common: torch.dtype) -> int:
    return sum(
        each.numel() * common.itemsize
        for each in operands
        if isinstance(each, Tensor) and each.dim() and each.dtype is not common
    )


def _overloads(names: str) -> list[Any]:
    """All overloads of operations, and of those in place, that take no result to write in."""
    packets = [
        getattr(aten, name + ending)
        for name in names.split()
        for ending in ("", "_")
        if hasattr(aten, name + ending)
    ]
    return [
        getattr(packet, overload)
        for packet in packets
        for overload in packet.overloads()
        if "out" not in overload
    ]


WORKSPACES: dict[Any, Callable[..., int]] = {
    **dict.fromkeys(_overloads(_BINARY), _binary),
    **dict.fromkeys((*_WITH_NUMBERS, aten.div.Tensor), _binary_with_number),
    **dict.fromkeys(_overloads(_TRANSCENDENTAL), _unary),
    **dict.fromkeys((aten.sum.default, aten.sum.dim_IntList, aten.cumsum.default), _sum),
    **dict.fromkeys((aten.abs.default, aten.angle.default), _size_of_complex),
    aten.where.self: _where,
}
