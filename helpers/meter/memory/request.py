"""A call of an operation without its numbers: enough to make it again, alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import TreeSpec, tree_flatten, tree_unflatten

from helpers.meter.flops.prices import record_of
from helpers.meter.flops.prices.op import Call, places_of
from helpers.meter.meta import is_inexact, tensors_in

#: Whole numbers that have values keep them up to this size: they may say where to look.
_KEPT = 1 << 20


@dataclass(frozen=True)
class Look:
    """How a tensor lies, without its numbers."""

    shape: tuple[int, ...]
    stride: tuple[int, ...]
    dtype: torch.dtype

    @property
    def places(self) -> int:
        """Numbers in a storage that holds it."""
        reach = sum((n - 1) * step for n, step in zip(self.shape, self.stride, strict=True))
        return reach + 1 if all(self.shape) else 0

    @property
    def bytes(self) -> int:
        return self.places * self.dtype.itemsize

    def made(self, whole: int, scale: float) -> Tensor:
        """A tensor that lies so, of random numbers up to `scale`; where it holds whole ones, of
        these."""
        flat = torch.full((self.places,), whole, dtype=self.dtype)
        if self.dtype.is_floating_point or self.dtype.is_complex:
            chosen = torch.Generator().manual_seed(0)
            flat.copy_(torch.rand(self.places, generator=chosen) * scale)
        return flat.as_strided(self.shape, self.stride)


@dataclass(frozen=True)
class Request:
    """A call of `func`; tensors among its arguments are looks, but for small ones with values.

    `made` are the bytes of its results that were not there before, `work` is about how many
    operations on numbers it is.
    """

    func: Callable[..., Any]
    leaves: tuple[Any, ...]
    structure: TreeSpec
    made: int
    work: int

    @property
    def bytes(self) -> int:
        """Of its arguments and its results."""
        return self.made + sum(x.bytes for x in self.leaves if isinstance(x, Look))

    @property
    def key(self) -> tuple[Any, ...] | None:
        """What two equal calls have in common; None where values matter."""
        if any(isinstance(leaf, Tensor) for leaf in self.leaves):
            return None
        return self.func, self.made, str(self.structure), *map(repr, self.leaves)

    def arguments(self, whole: int, scale: float) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Arguments of a call; `whole` is what whole numbers are that have no value, `scale` how
        large others are at most."""
        leaves = [
            leaf.made(whole, scale) if isinstance(leaf, Look) else leaf for leaf in self.leaves
        ]
        args, kwargs = tree_unflatten(leaves, self.structure)
        device = {"device": torch.device("cpu")} if "device" in kwargs else {}
        return args, {**kwargs, **device}


def request_of(
    func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], out: Any, made: int
) -> Request | None:
    """A call as a request; None where a tensor among its arguments has no look."""
    leaves, structure = tree_flatten((args, kwargs))
    if any(isinstance(x, Tensor) and x.layout is not torch.strided for x in leaves):
        return None
    work = _work(func, Call(args, kwargs, out, places_of(func)))
    return Request(func, tuple(_look(leaf) for leaf in leaves), structure, made, work)


def _look(leaf: Any) -> Any:
    if not isinstance(leaf, Tensor):
        return leaf
    if not leaf.is_meta and not is_inexact(leaf) and leaf.numel() * leaf.itemsize <= _KEPT:
        return leaf.detach().clone()
    return Look(tuple(leaf.shape), tuple(leaf.stride()), leaf.dtype)


def _work(func: Any, call: Call) -> int:
    """By the record of the operation's cost; what has none goes through its numbers some times."""
    numbers = sum(tensor.numel() for tensor in tensors_in(call.args, call.out))
    record = record_of(func)
    if record is None:
        return 100 * numbers
    tally = record.scalars(call)
    macs = record.macs(call) if record.macs else 0
    return macs + numbers + (tally.flops if tally else 0)
