"""Sizes that a model names, on a rank that has a part of each layer.

A layer that is cut by columns gives a rank some of its features. Code behind it names the whole: it
views 768 features as 12 heads of 64, or splits 2,304 in three. Within `LocalSizes` such a call gets
what this rank has of it: six heads of two ranks' twelve. What is part of a layer is marked, and the
mark goes on to whatever is made of it.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from itertools import takewhile
from math import prod
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

from helpers.meter.meta import tensors_in

#: Of a marked tensor: the dimension that was cut, from the last one back; None: not known which.
_MARK = "_cut_dimension"
_UNKNOWN = None


def mark(tensor: Tensor, dimension: int | None = -1) -> Tensor:
    """Says that a tensor is a rank's part, along a dimension counted from the last, -1."""
    setattr(tensor, _MARK, dimension)
    return tensor


def unmark(tensor: Tensor) -> Tensor:
    """Says that a tensor is whole."""
    if hasattr(tensor, _MARK):
        delattr(tensor, _MARK)
    return tensor


def is_marked(tensor: Any) -> bool:
    """Whether a tensor is a rank's part of something."""
    return isinstance(tensor, Tensor) and hasattr(tensor, _MARK)


class LocalSizes(TorchFunctionMode):
    """Within it, views and splits of what is marked are those of one of so many `ranks`.

    `look_up` is called for `embedding` with a table of which a rank has some rows: `tables` has its
    id.
    """

    def __init__(self, ranks: int, tables: Container[int], look_up: Callable[..., Tensor]) -> None:
        super().__init__()
        self.ranks, self.tables, self.look_up = ranks, tables, look_up

    def __torch_function__(
        self, func: Any, types: Any, args: tuple = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if func is F.embedding and id(args[1]) in self.tables:
            return self.look_up(*args, **kwargs)
        if func in _ATTRIBUTES or not any(is_marked(x) for x in tensors_in(args, kwargs)):
            return func(*args, **kwargs)
        mended = _MENDED.get(func)
        if mended and args and is_marked(args[0]):
            return mended(self.ranks, func, *args, **kwargs)
        out = func(*args, **kwargs)
        for made in tensors_in(out):
            if not is_marked(made):
                mark(made, _dimension(func, made, [*tensors_in(args, kwargs)]))
        return out


def _getter(name: str) -> Any:
    """What reads an attribute of a tensor, as a function mode is told of it."""
    return getattr(Tensor, name).__get__


#: Attributes of a tensor are functions, too; these make no tensor that goes on.
_ATTRIBUTES = frozenset(
    _getter(name)
    for name in ("shape", "dtype", "device", "requires_grad", "grad_fn", "is_leaf", "ndim", "grad")
)


def _dimension(func: Any, made: Tensor, given: Sequence[Tensor]) -> int | None:
    """Where a result is cut: as what it is made of, if it has its sizes along that dimension."""
    dimensions = {getattr(x, _MARK) for x in given if is_marked(x)}
    if len(dimensions) > 1 or func in _REORDERING:
        return _UNKNOWN
    (dimension,) = dimensions
    of = next(x for x in given if is_marked(x))
    if dimension is None or made.dim() != of.dim():
        return _UNKNOWN
    return dimension if made.shape[dimension] == of.shape[dimension] else _UNKNOWN


_REORDERING = frozenset(
    {Tensor.transpose, torch.transpose, Tensor.permute, torch.permute, _getter("mT")}
    | {Tensor.swapaxes, torch.swapaxes, Tensor.movedim, torch.movedim, _getter("T")}
    | {Tensor.__getitem__, Tensor.matmul, torch.matmul, torch.einsum, torch.bmm, Tensor.bmm}
)


def local_view(
    shape: Sequence[int], sizes: Sequence[int], ranks: int, cut: int | None = None
) -> tuple[list[int], int]:
    """The sizes of a rank's view, and the dimension of it that is cut.

    `shape`: of the rank's part, cut along its dimension `cut`, if that is known. `sizes`: the view
    of the whole; one of them may be -1. Dimensions before and behind the cut stay, or are joined or
    taken apart. Of the others the largest is divided but for the last one, as the heads are of
    (3, heads, width). ValueError where `sizes` are no view of the whole, or not divisible.

    >>> local_view((8, 100, 1152), (8, 100, 3, 12, 64), 2)
    ([8, 100, 3, 6, 64], -2)
    """
    sizes = list(sizes)
    if -1 in sizes:
        known = prod(size for size in sizes if size != -1)
        sizes[sizes.index(-1)] = prod(shape) * ranks // known
    before = shape if cut is None else shape[:cut]
    first = _same(before, sizes)
    behind = shape[::-1] if cut is None else shape[cut:][:0:-1]
    last = (
        _equal(behind, sizes[first:][::-1]) if cut is None else _same(behind, sizes[first:][::-1])
    )
    own = range(first, len(sizes) - last)
    outside = prod(sizes[:first]) * prod(sizes[len(sizes) - last :])
    if prod(sizes[i] for i in own) * outside != prod(shape) * ranks:
        raise ValueError(f"{tuple(sizes)} is no view of a whole")
    several = [i for i in own if sizes[i] > 1]
    divisible = [i for i in several[:-1] or several if sizes[i] % ranks == 0]
    if not divisible:
        raise ValueError(f"{ranks} ranks cannot share a view of {tuple(sizes)}")
    found = max(divisible, key=sizes.__getitem__)
    sizes[found] //= ranks
    return sizes, found - len(sizes)


def _same(shape: Sequence[int], sizes: Sequence[int]) -> int:
    """How many leading `sizes` are those of a tensor, some joined or taken apart."""
    i = j = found = 0
    a = b = 1
    while i < len(shape) and j < len(sizes):
        a, i = a * shape[i], i + 1
        b, j = b * sizes[j], j + 1
        while a != b and (i < len(shape) if a < b else j < len(sizes)):
            if a < b:
                a, i = a * shape[i], i + 1
            else:
                b, j = b * sizes[j], j + 1
        if a != b:
            break
        found = j
    return found


def _equal(shape: Sequence[int], sizes: Sequence[int]) -> int:
    """How many leading `sizes` are those of a tensor, one for one."""
    pairs = zip(shape, sizes, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _view(ranks: int, func: Callable[..., Any], x: Tensor, *args: Any, **kwargs: Any) -> Any:
    sizes = kwargs.get("shape", kwargs.get("size", args))
    if len(sizes) == 1 and not isinstance(sizes[0], int):
        sizes = sizes[0]
    if isinstance(sizes, (torch.dtype, Tensor)):  # other bits, or as another
        return mark(func(x, *args, **kwargs), _UNKNOWN)
    if -1 not in sizes and prod(sizes) == x.numel():
        return mark(func(x, *args, **kwargs), _UNKNOWN)
    try:
        local, cut = local_view(tuple(x.shape), sizes, ranks, getattr(x, _MARK))
    except ValueError:
        return mark(func(x, *args, **kwargs), _UNKNOWN)
    return mark(func(x, local), cut)


def _unflatten(ranks: int, func: Any, x: Tensor, dim: int, sizes: Sequence[int]) -> Any:
    before, after = x.shape[:dim], x.shape[dim:][1:]
    return _view(ranks, Tensor.view, x, (*before, *sizes, *after))


def _split(ranks: int, func: Any, x: Tensor, sizes: Any, dim: int = 0) -> Any:
    """Pieces of the dimension that was cut are smaller by so many ranks, as it is itself."""
    mine = getattr(x, _MARK)
    if mine is None or dim % x.dim() != mine % x.dim():
        return tuple(mark(part, mine) for part in func(x, sizes, dim))
    whole = x.shape[dim] * ranks
    if isinstance(sizes, int):
        sizes = [sizes] * (whole // sizes) if whole % sizes == 0 else [x.shape[dim]]
    if sum(sizes) == whole and all(size % ranks == 0 for size in sizes):
        sizes = [size // ranks for size in sizes]
    return tuple(mark(part, mine) for part in func(x, sizes, dim))


_MENDED: dict[Any, Callable[..., Any]] = {
    **dict.fromkeys((Tensor.view, Tensor.reshape, torch.reshape), _view),
    **dict.fromkeys((Tensor.unflatten, torch.unflatten), _unflatten),
    **dict.fromkeys((Tensor.split, torch.split), _split),
}
