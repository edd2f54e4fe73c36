"""Products over a dimension, and running ones, with the gradients that they have without zeros.

PyTorch's formulas divide by the input, unless they find a zero in it. Where they cannot look, on
meta, they multiply what is left and right of each number instead, which holds more.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

aten = torch.ops.aten


def _below_autograd(func: Any, *args: Any, **kwargs: Any) -> Tensor:
    with torch._C._AutoDispatchBelowAutograd():  # type: ignore[attr-defined]
        out: Tensor = func(*args, **kwargs)
    return out


class _Product(torch.autograd.Function):
    """Of all numbers, or along one dimension, which the result keeps."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, dim: int | None) -> Tensor:
        if dim is None:
            out = _below_autograd(aten.prod.default, x)
        else:
            out = _below_autograd(aten.prod.dim_int, x, dim, True)
        ctx.save_for_backward(x, out)
        ctx.dim = dim
        return out

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        x, out = ctx.saved_tensors
        # Along a dimension, zeros and how many there are stay until the gradient is there.
        kept: list[Tensor] = []
        zeros = x == 0
        if ctx.dim is not None:
            kept = [zeros, zeros.sum(ctx.dim, True)]
        del zeros
        slope = gradient * (out / x)
        del kept
        return slope, None


class _Running(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, dim: int) -> Tensor:
        out = _below_autograd(aten.cumprod.default, x, dim)
        ctx.save_for_backward(x, out)
        ctx.dim = dim
        return out

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        x, out = ctx.saved_tensors
        weighted = out * gradient
        zeros = x == 0
        sums = _sums_from_the_end(weighted, ctx.dim)
        slope = sums / x
        del zeros
        return slope, None


def _sums_from_the_end(x: Tensor, dim: int) -> Tensor:
    turned = x.flip(dim)
    summed = turned.cumsum(dim)
    return summed.flip(dim)


def _in_format(x: Tensor, dtype: torch.dtype | None) -> Tensor:
    return x if dtype is None else x.to(dtype)


def _all(x: Tensor, *, dtype: torch.dtype | None = None) -> Tensor:
    x = _in_format(x, dtype)
    if not x.is_floating_point():
        return _below_autograd(aten.prod.default, x)
    return _Product.apply(x, None)  # type: ignore[no-any-return]


def _along(
    x: Tensor, dim: int, keepdim: bool = False, *, dtype: torch.dtype | None = None
) -> Tensor:
    x = _in_format(x, dtype)
    if not x.is_floating_point() or not x.dim():
        return _below_autograd(aten.prod.dim_int, x, dim, keepdim)
    out: Tensor = _Product.apply(x, dim)
    return out if keepdim else out.squeeze(dim)


def _running(x: Tensor, dim: int, *, dtype: torch.dtype | None = None) -> Tensor:
    x = _in_format(x, dtype)
    if not x.is_floating_point():
        return _below_autograd(aten.cumprod.default, x, dim)
    return _Running.apply(x, dim)  # type: ignore[no-any-return]


#: Handlers of `interception`.
PRODUCTS: dict[torch._ops.OpOverload, Callable[..., Tensor]] = {
    aten.prod.default: _all,
    aten.prod.dim_int: _along,
    aten.cumprod.default: _running,
}
