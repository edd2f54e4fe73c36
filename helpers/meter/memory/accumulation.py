"""Sums and formulas of a backward pass that autograd makes in place when nobody watches.

Where two gradients of one tensor meet, autograd adds the second to the first in place, if it holds
the only reference to that. While a dispatch mode watches, or on meta, it makes a new tensor for the
sum instead. So the sums that autograd itself makes have to be told from those of the formulas for
gradients: they are made between the end of one node of the graph and the start of the next.

Some formulas for gradients do the same: what they made themselves is changed in place, but not
while a mode watches, nor on meta. Which ones is a table here, by node of the graph.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache, partial
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from helpers.meter.meta import is_dense

aten = torch.ops.aten
_add = aten.add.Tensor

#: Operations that a formula does in place, and the nodes whose formula it is.
_IN_FORMULAS: dict[Any, tuple[Callable[..., Tensor], str]] = {
    aten.scatter.src: (aten.scatter_.src, "Max Min Median Nanmedian Mode Kthvalue Topk Sort"),
    aten.scatter_add.default: (aten.scatter_add_.default, "Gather Cummax Cummin"),
    aten.index_add.default: (aten.index_add_.default, "IndexSelect"),
    aten.index_put.default: (aten.index_put_.default, "Index"),
    aten.masked_scatter.default: (aten.masked_scatter_.default, "MaskedSelect"),
    aten.masked_fill.Scalar: (
        aten.masked_fill_.Scalar,
        "Maximum Minimum Fmax Fmin Clamp ClampMin ClampMax Norm LinalgVectorNorm Std StdMean"
        " Renorm",
    ),
    aten.sub.Tensor: (aten.sub_.Tensor, "BinaryCrossEntropyWithLogits"),
    aten.mul.Tensor: (aten.mul_.Tensor, "BinaryCrossEntropyWithLogits"),
}
#: A formula has more of these than it does in place: those on what it alone holds.
_OF_SEVERAL = (aten.sub.Tensor, aten.mul.Tensor)
_in_place = {
    (func, node): changed
    for func, (changed, nodes) in _IN_FORMULAS.items()
    for node in nodes.split()
}


class Accumulation:
    """Follows a backward pass; `adds` says whether it is autograd that calls an operation."""

    def __init__(self) -> None:
        self._between_nodes = False
        self._node = ""
        #: The storage that the formula of this node changes.
        self._changed = 0
        self._alone = _of_its_own()

    @contextmanager
    def followed(self) -> Iterator[None]:
        """Every backward pass that begins in here, one inside another as well, is followed."""
        run = torch.autograd._engine_run_backward  # type: ignore[attr-defined]

        def follow(tensors: Any, *args: Any, **kwargs: Any) -> Any:
            self.follow(tensors)
            try:
                return run(tensors, *args, **kwargs)
            finally:
                self._between_nodes = False

        torch.autograd._engine_run_backward = follow  # type: ignore[assignment, attr-defined]
        try:
            yield
        finally:
            torch.autograd._engine_run_backward = run  # type: ignore[attr-defined]
            self._between_nodes = False

    def follow(self, results: Iterable[Tensor]) -> None:
        """Follows the backward pass of these results, which is about to begin."""
        waiting = [result.grad_fn for result in results if result.grad_fn is not None]
        seen = set(waiting)
        while waiting:
            node = waiting.pop()
            node.register_prehook(partial(self._enter, node.name().partition("Backward")[0]))
            node.register_hook(self._leave)
            for before, _ in node.next_functions:
                if before is not None and before not in seen:
                    seen.add(before)
                    waiting.append(before)

    def _enter(self, node: str, *_: Any) -> None:
        self._between_nodes = False
        self._node, self._changed = node, 0

    def _leave(self, *_: Any) -> None:
        self._between_nodes = True
        self._node = ""

    def in_place(self, func: Any, args: tuple[Any, ...]) -> Callable[..., Tensor] | None:
        """What autograd would call, where it would change the first tensor in its place."""
        if torch.is_grad_enabled():
            return None
        if self._between_nodes:
            sums = func is _add and is_dense(args[0]) and _references(args[0]) == self._alone
            return aten.add_.Tensor if sums else None
        changed = _in_place.get((func, self._node))
        if changed is None:
            return None
        own = func not in _OF_SEVERAL or _references(args[0]) == self._alone
        return changed if own or args[0].untyped_storage()._cdata == self._changed else None

    def changed(self, tensor: Tensor) -> None:
        """Notes what a formula has just changed, and may change again."""
        self._changed = tensor.untyped_storage()._cdata


def _references(tensor: Tensor) -> tuple[int, int]:
    """References to a tensor and to its storage."""
    storage: Callable[[int], int] = torch._C._storage_Use_Count  # type: ignore[attr-defined]
    return tensor._use_count(), storage(tensor.untyped_storage()._cdata)  # type: ignore[attr-defined]


@cache
def _of_its_own() -> tuple[int, int]:
    """The references that a mode sees to a gradient to which autograd holds the only one."""
    seen: list[tuple[int, int]] = []

    class Watch(TorchDispatchMode):
        def __torch_dispatch__(
            self, func: Any, types: Any, args: tuple = (), kwargs: dict[str, Any] | None = None
        ) -> Any:
            if func is _add:
                seen.append(_references(args[0]))
            return func(*args, **(kwargs or {}))

    x = torch.ones(2, device="meta", requires_grad=True)
    with torch.enable_grad():
        y = x * 1
        results = (y * 2).sum(), (y * 3).sum()
    with Watch():
        torch.autograd.grad(results, x)
    return seen[-1]
