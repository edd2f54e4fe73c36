"""Gradients of a tensor that is used many times, added up as autograd does when nobody watches.

Where two gradients of one tensor meet, autograd adds the second to the first in place, if it holds
the only reference to that. While a dispatch mode watches, or on meta, it makes a new tensor for the
sum instead. So the sums that autograd itself makes have to be told from those of the formulas for
gradients: they are made between the end of one node of the graph and the start of the next.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

_add = torch.ops.aten.add.Tensor


class Accumulation:
    """Follows a backward pass; `adds` says whether it is autograd that calls an operation."""

    def __init__(self) -> None:
        self._between_nodes = False
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
            node.register_prehook(self._enter)
            node.register_hook(self._leave)
            for before, _ in node.next_functions:
                if before is not None and before not in seen:
                    seen.add(before)
                    waiting.append(before)

    def _enter(self, *_: Any) -> None:
        self._between_nodes = False

    def _leave(self, *_: Any) -> None:
        self._between_nodes = True

    def in_place(self, func: Any, args: tuple[Any, ...]) -> bool:
        """Whether a call is autograd's sum, and it would be made in the first tensor's place."""
        if not self._between_nodes or func is not _add or torch.is_grad_enabled():
            return False
        first = args[0]
        return _is_dense(first) and _references(first) == self._alone


def _is_dense(tensor: Tensor) -> bool:
    """Whether a tensor has a place for each of its numbers and none between them."""
    expected = 1
    for stride, size in sorted(zip(tensor.stride(), tensor.shape, strict=True)):
        if size != 1:
            if stride != expected:
                return False
            expected *= size
    return True


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
