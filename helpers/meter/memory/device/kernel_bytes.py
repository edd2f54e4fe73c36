"""What a CPU's kernel takes beside its results, and how sure that is: of any operation.

Formulas (`cpu_kernels`) are held against the allocator for what models are mostly made of. Whatever
else runs has bounds here, wide enough for all that was seen, and `asking` finds the figure.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import torch
from torch import Tensor

from helpers.meter.memory.device import elementwise
from helpers.meter.memory.device.cpu_kernels import (
    WORKSPACES,
    ConvolutionBackwardCall,
    ConvolutionCall,
    shapes_of,
)
from helpers.meter.memory.device.onednn import POINTERS
from helpers.meter.memory.device.plain import is_plain
from helpers.meter.memory.device.recurrent import rnn_layer_unsure
from helpers.meter.memory.storages import Taken
from helpers.meter.meta import tensors_in

aten = torch.ops.aten

_PAGE = 4096
#: What kernels for 16 bits were seen to keep beside their blocks, at most.
_HALF_PRECISION_BOOKS = 16 * 1024
#: How often kernels were seen to hold their arguments and results, at most.
_TIMES, _TIMES_OF_POWERS = 4, 16
_LARGEST_IN_BAG = 2  # PyTorch's number of the mode


def taken_on_cpu(func: Any, out: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Taken:
    """Bytes that the kernel of a call takes beside its results."""
    formula = WORKSPACES.get(func)
    known = formula(out, *args, **kwargs) if formula else 0
    bounds = _BOUNDS.get(func)
    if bounds:
        return bounds(known, out, *args, **kwargs)
    if formula or is_plain(func, args, kwargs):
        return Taken(known, known, known)
    if elementwise.is_elementwise(func):
        known = elementwise.converted(out, *args)
        return Taken(known, known, known)
    return Taken(0, 0, _TIMES * _bytes(args, kwargs, out) + _PAGE)


def _bytes(*values: Any) -> int:
    return sum(tensor.numel() * tensor.itemsize for tensor in tensors_in(*values))


def _convolution(known: int, out: Any, *args: Any) -> Taken:
    backward = isinstance(out, tuple)
    call = ConvolutionBackwardCall(*args) if backward else ConvolutionCall(*args)
    if call.weight.itemsize == 2:
        # 16 x 16 weights for each of several groups, in fp32
        blocks = call.groups * 16 * 16 * prod(call.weight.shape[2:]) * 4 if call.groups > 1 else 0
        return Taken(known, 0, known + _half_precision_bytes(out, args) + blocks)
    shapes = shapes_of(call, args[0] if backward else out)
    if shapes is None:
        return Taken(known, 0, 2 * known + POINTERS)
    if shapes.is_usual:
        return Taken(known, known, known + POINTERS)
    least = known if shapes.is_plain and shapes.groups == 1 else 0
    return Taken(known, least, max(known, shapes.at_most()) + POINTERS)


def _half_precision_bytes(*values: Any) -> int:
    """The most that a product of 16-bit numbers was seen to take: its operands once more, in
    blocks, and its results in fp32."""
    operands = [t for t in tensors_in(values) if t.itemsize == 2 and t.is_floating_point()]
    return sum(t.numel() * 4 for t in operands) + _HALF_PRECISION_BOOKS if operands else 0


def _product(known: int, out: Tensor, *args: Any, **kwargs: Any) -> Taken:
    """Of numbers that lie neither in rows nor in columns, there is a copy."""
    copied = sum(t.numel() * t.itemsize for t in tensors_in(args) if not _in_rows_or_columns(t))
    return Taken(0, 0, copied + _half_precision_bytes(args, out))


def _in_rows_or_columns(tensor: Tensor) -> bool:
    if tensor.dim() < 2:
        return True
    smaller, larger = sorted(zip(tensor.stride()[-2:], tensor.shape[-2:], strict=True))
    fits = larger[0] >= smaller[1] or larger[1] == 1
    return (smaller[0] == 1 or smaller[1] == 1) and fits


def _rnn(known: int, *values: Any) -> Taken:
    return Taken(known, known, known + rnn_layer_unsure(*values))


def _by_values(times: int) -> Callable[..., Taken]:
    def bound(known: int, *values: Any, **named: Any) -> Taken:
        return Taken(0, 0, times * _bytes(values, named) + _PAGE, "twice")

    return bound


def _bag_backward(known: int, out: Any, *args: Any, **kwargs: Any) -> Taken:
    """Of the largest in each bag, the places are looked for."""
    most = _TIMES * _bytes(args, out) + _PAGE
    return Taken(0, 0, most, "never" if _LARGEST_IN_BAG in args[8:9] else "once")


_BOUNDS: dict[Any, Callable[..., Taken]] = {
    **dict.fromkeys(
        (aten.mm.default, aten.addmm.default, aten.bmm.default, aten.baddbmm.default), _product
    ),
    **dict.fromkeys((aten.convolution.default, aten.convolution_backward.default), _convolution),
    aten.mkldnn_rnn_layer.default: _rnn,
    aten.linalg_matrix_exp.default: _by_values(_TIMES_OF_POWERS),
    aten._embedding_bag_backward.default: _bag_backward,
    **dict.fromkeys(
        (aten._to_sparse.default, aten._to_sparse.sparse_dim, aten._sparse_addmm.default),
        _by_values(_TIMES),
    ),
}
