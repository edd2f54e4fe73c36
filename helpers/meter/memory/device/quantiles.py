"""Quantiles on a CPU: PyTorch selects a few numbers there, where that takes less than to sort all.

While a mode watches, or on meta, it always sorts. So the selection is made again here, with each
tensor held as long as it is there, and PyTorch itself is asked which of the two it would do.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from typing import Any

import torch
from torch import Tensor

from helpers.meter.interception import Handler

aten = torch.ops.aten

#: How a rank between two numbers becomes one of theirs; both are looked up otherwise.
_TO_WHOLE = {"lower": Tensor.floor_, "higher": Tensor.ceil_, "nearest": Tensor.round_}


def _quantile(
    func: Any,
    x: Tensor,
    q: Tensor | float,
    dim: int | None = None,
    keepdim: bool = False,
    *,
    interpolation: str = "linear",
) -> Tensor:
    numbers = 1 if isinstance(q, float) else q.numel()
    along = x.numel() if dim is None else x.shape[dim] if x.dim() else 1
    follows = isinstance(q, Tensor) and q.requires_grad
    leaves_out = func in _LEAVING_OUT
    if follows or not _selects(leaves_out, along, numbers, interpolation):
        q = q.to(x.device) if isinstance(q, Tensor) else q
        out: Tensor = func.decompose(x, q, dim, keepdim, interpolation=interpolation)
        return out
    if dim is None:
        rows = x.flatten().view((*(1 for _ in x.shape), -1))
    else:
        dim %= max(x.dim(), 1)
        rows = x.unsqueeze(-1).transpose(dim, -1)
    found = _selected(rows, numbers, interpolation, leaves_out)
    if not keepdim:
        found = found.view(-1) if dim is None else found.squeeze(dim)
    several = isinstance(q, Tensor) and q.dim() == 1
    return found.movedim(-1, 0) if several else found.squeeze(-1)


def _selected(x: Tensor, numbers: int, interpolation: str, leaves_out: bool) -> Tensor:
    """Of each row, the numbers at some ranks, or what is between two."""
    ranks = _ranks(x, numbers, leaves_out)
    if interpolation in _TO_WHOLE:
        below = _TO_WHOLE[interpolation](ranks).long()
        return x.contiguous().gather(-1, torch.empty_like(below))
    below = ranks.long()
    weights = torch.full_like(ranks, 0.5) if interpolation == "midpoint" else ranks - below
    weights = weights.to(x.dtype)
    above = ranks.ceil_().long()
    x = x.contiguous()
    both = torch.cat([below, above], -1)
    places = torch.empty_like(both)
    del both
    low = x.gather(-1, places[..., :numbers])
    high = x.gather(-1, places[..., numbers:])
    return low.lerp_(high, weights)


def _ranks(x: Tensor, numbers: int, leaves_out: bool) -> Tensor:
    """In fp64; where a number is not one, all ranks are the last, or it is left out."""
    q = torch.empty(numbers, dtype=torch.float64, device=x.device)
    if leaves_out:
        real = x.isnan().logical_not_()
        ranks: Tensor = q * (real.sum(-1, True) - 1)
        del real
        return ranks.masked_fill_(ranks < 0, 0)
    last = x.shape[-1] - 1
    return (q * last).masked_fill(x.isnan().any(-1, True), last)


@cache
def _selects(leaves_out: bool, along: int, numbers: int, interpolation: str) -> bool:
    """Whether PyTorch, unwatched, selects so many of a row: then nothing sorted has a gradient."""
    find = torch.nanquantile if leaves_out else torch.quantile
    with ThreadPoolExecutor(1) as elsewhere:  # no mode of this thread watches there
        return elsewhere.submit(_no_sort, find, along, numbers, interpolation).result()


def _no_sort(find: Any, along: int, numbers: int, interpolation: str) -> bool:
    row = torch.zeros(along, requires_grad=True)
    waiting = [find(row, torch.zeros(numbers), interpolation=interpolation).grad_fn]
    while waiting:
        node = waiting.pop()
        if node is not None:
            if node.name().startswith("Sort"):
                return False
            waiting += [before for before, _ in node.next_functions]
    return True


_LEAVING_OUT = frozenset({aten.nanquantile.default, aten.nanquantile.scalar})

#: Handlers of `interception`.
QUANTILES: dict[torch._ops.OpOverload, Handler] = {
    func: partial(_quantile, func)
    for func in (aten.quantile.default, aten.quantile.scalar, *_LEAVING_OUT)
}
