"""Results of common operations on the meta device, without the way PyTorch takes to find them.

For many operations the meta kernel is a decomposition in Python that takes a millisecond to find
out that the result looks like the input. A shortcut answers in microseconds, or not at all: where
shapes, layouts or dtypes are not of the plain kind it returns None, and PyTorch's kernel runs.
Tests hold both equal in shape, dtype and strides.
"""

# ruff: noqa: SIM905 (lists of names read better as text)

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch

Shortcut = Callable[[tuple[Any, ...], Mapping[str, Any]], Any]

#: Functions of one tensor, element by element.
_UNARY = frozenset(
    """
    gelu silu hardswish hardsigmoid sigmoid tanh exp relu leaky_relu elu mish softplus hardtanh
    neg abs sqrt rsqrt erf log clamp clamp_min clamp_max sin cos
    """.split()
)

#: Gradients of such functions: ∂y, and the input or output that was kept.
_GRADIENTS = frozenset(
    """
    gelu_backward silu_backward hardswish_backward hardsigmoid_backward sigmoid_backward
    tanh_backward threshold_backward leaky_relu_backward elu_backward mish_backward
    hardtanh_backward
    """.split()
)

_BINARY = frozenset("add sub mul div".split())


def _unary(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    x = args[0]
    return torch.empty_like(x) if x.is_floating_point() else None


def _unary_in_place(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    return args[0] if args[0].is_floating_point() else None


def _alike(x: Any, y: Any) -> bool:
    """Whether an operation on both has a result that looks like x."""
    if not x.is_floating_point():
        return False
    if isinstance(y, torch.Tensor):
        if not y.is_meta or y.dtype is not x.dtype:
            return False
        if y.shape == x.shape:
            return y.stride() == x.stride()
        return x.is_contiguous() and _broadcasts(y.shape, x.shape)
    return isinstance(y, (int, float))


def _broadcasts(small: torch.Size, large: torch.Size) -> bool:
    """Whether `small` stretches to `large`, which stays as it is."""
    return len(small) <= len(large) and all(
        a in (1, b) for a, b in zip(reversed(small), reversed(large), strict=False)
    )


def _binary(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    return torch.empty_like(args[0]) if _alike(args[0], args[1]) else None


def _binary_in_place(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    return args[0] if _alike(args[0], args[1]) else None


def _mm(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    a, b = args
    if a.shape[1] != b.shape[0] or a.dtype is not b.dtype:
        return None
    return a.new_empty((a.shape[0], b.shape[1]))


def _addmm(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    bias, a, b = args
    columns = b.shape[1]
    if a.shape[1] != b.shape[0] or bias.shape != (columns,) or not a.dtype is b.dtype is bias.dtype:
        return None
    return a.new_empty((a.shape[0], columns))


def _layer_norm(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    x, shape, weight = args[:3]
    axes = len(shape)
    if list(x.shape[-axes:]) != list(shape) or not x.is_contiguous() or not _same_dtype(x, weight):
        return None
    kept = (*x.shape[:-axes], *(1,) * axes)
    return torch.empty_like(x), x.new_empty(kept), x.new_empty(kept)


def _layer_norm_gradient(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    gradient, x, _, _, _, weight, bias, wanted = args
    if not (x.is_contiguous() and gradient.is_contiguous()) or not _same_dtype(x, weight):
        return None
    return tuple(
        torch.empty_like(like) if want and like is not None else None
        for like, want in zip((x, weight, bias), wanted, strict=True)
    )


def _batch_norm(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    x, weight, training = args[0], args[1], args[5]
    if not x.is_contiguous() or not _same_dtype(x, weight):
        return None
    kept = x.shape[1] if training else 0
    return torch.empty_like(x), x.new_empty(kept), x.new_empty(kept)


def _batch_norm_gradient(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    gradient, x, weight, wanted = args[0], args[1], args[2], args[9]
    if not (x.is_contiguous() and gradient.is_contiguous()) or not _same_dtype(x, weight):
        return None
    channels = x.shape[1]
    return (
        torch.empty_like(x) if wanted[0] else None,
        x.new_empty(channels) if wanted[1] else None,
        x.new_empty(channels) if wanted[2] else None,
    )


def _softmax_gradient(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    gradient, out, _, dtype = args
    if dtype is not gradient.dtype or not (gradient.is_contiguous() and out.is_contiguous()):
        return None
    return torch.empty_like(gradient)


def _same_dtype(x: Any, weight: Any) -> bool:
    return weight is None or weight.dtype is x.dtype


_NAMED: dict[str, Shortcut] = {
    "mm.default": _mm,
    "addmm.default": _addmm,
    "native_layer_norm.default": _layer_norm,
    "native_layer_norm_backward.default": _layer_norm_gradient,
    "native_batch_norm.default": _batch_norm,
    "native_batch_norm_backward.default": _batch_norm_gradient,
    "_softmax_backward_data.default": _softmax_gradient,
}


def shortcut(func: torch._ops.OpOverload) -> Shortcut | None:
    """The shortcut of an operation, None where it has none."""
    name, _, overload = func.name().removeprefix("aten::").partition(".")
    overload = overload or "default"
    if f"{name}.{overload}" in _NAMED:
        return _NAMED[f"{name}.{overload}"]
    in_place = name.endswith("_")
    name = name.removesuffix("_")
    if name in _UNARY and overload == "default":
        return _unary_in_place if in_place else _unary
    if name in _BINARY and overload in ("Tensor", "Scalar"):
        return _binary_in_place if in_place else _binary
    return _binary if name in _GRADIENTS and overload in ("default", "grad_input") else None
