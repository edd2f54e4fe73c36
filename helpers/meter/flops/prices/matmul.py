"""Multiply-accumulates of the operations that are products of matrices: by shape, as dispatched.

PyTorch's own registry (`torch.utils.flop_counter`) counts two FLOP for each. It is followed here,
but for two things: the gradient of a grouped convolution's weights, which it overstates by the
number of groups, and causal masks, which it ignores. The common ones are written out because the
registry's wrapper takes longer than the operation; tests hold both equal.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod
from typing import Any

from helpers.conventions import FLOP_PER_MAC

Args = tuple[Any, ...]
Macs = Callable[[Args, Mapping[str, Any], Any], int]


def _mm(args: Args, kwargs: Mapping[str, Any], out: Any) -> int:
    return out.numel() * args[0].shape[-1]


def _addmm(args: Args, kwargs: Mapping[str, Any], out: Any) -> int:
    return out.numel() * args[1].shape[-1]


def convolution_macs(x: Any, weights: Any, out: Any, transposed: bool) -> int:
    """Every output (transposed: every input) meets one kernel of each channel of its group.

    The weights carry the groups: (out, in / groups, *kernel) or (in, out / groups, *kernel).
    """
    size = (x if transposed else out).shape
    return size[0] * prod(size[2:]) * weights.numel()


def _convolution(args: Args, kwargs: Mapping[str, Any], out: Any) -> int:
    return convolution_macs(args[0], args[1], out, args[6])


def _convolution_backward(args: Args, kwargs: Mapping[str, Any], out: Any) -> int:
    gradient, x, weights = args[:3]
    transposed, wanted = args[7], args[10]
    macs = convolution_macs(x, weights, gradient, transposed)
    return macs * (bool(wanted[0]) + bool(wanted[1]))


#: Multiply-accumulates by operation.
MACS: dict[str, Macs] = {
    "mm": _mm,
    "bmm": _mm,
    "mv": _mm,
    "dot": lambda args, kwargs, out: args[0].numel(),
    "vdot": lambda args, kwargs, out: args[0].numel(),
    "addmm": _addmm,
    "baddbmm": _addmm,
    "addmv": _addmm,
    "addbmm": lambda args, kwargs, out: args[1].numel() * args[2].shape[-1],
    "_addmm_activation": _addmm,
    "_int_mm": _mm,
    "linear": lambda args, kwargs, out: out.numel() * args[0].shape[-1],
    "convolution": _convolution,
    "_convolution": _convolution,
    "convolution_overrideable": _convolution,
    "convolution_backward": _convolution_backward,
    "convolution_backward_overrideable": _convolution_backward,
}


def registered(packet: Any) -> Macs | None:
    """PyTorch's formula for an operation that is not above, if it has one."""
    from torch.utils.flop_counter import flop_registry

    formula = flop_registry.get(packet)
    if formula is None:
        return None
    return lambda args, kwargs, out: formula(*args, **kwargs, out_val=out) // FLOP_PER_MAC
