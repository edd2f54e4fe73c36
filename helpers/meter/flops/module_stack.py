"""Which module an operation belongs to, and what goes into and out of each module.

Forward, hooks say which module runs. Backward, they do not; but PyTorch numbers the nodes of its
graph in the order in which they were made, so a node's number tells which module was running then.
"""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch.nn.modules.module import (
    register_module_forward_hook,
    register_module_forward_pre_hook,
)

from helpers.meter.flops.traffic import tensor_bytes
from helpers.meter.meta import tensors_in


@dataclass
class Scope:
    """One module: how often it ran, what went in and out, which parameters it used itself."""

    calls: int = 0
    read: int = 0
    written: int = 0
    differentiated: int = 0
    parameters: dict[int, int] = field(default_factory=dict)


class ModuleStack:
    """The modules that run, the innermost last. `paths` names modules by id.

    `backward` says that the forward pass is over.
    """

    def __init__(self, paths: Mapping[int, str]) -> None:
        self.scopes: dict[str, Scope] = {"": Scope()}
        self.backward = False
        self._paths = paths
        self._thread = threading.get_ident()
        self._running: list[str] = [""]
        # From each of these numbers of a node on, the module that was running when it was made.
        self._numbers: list[int] = [0]
        self._owners: list[str] = [""]

    @contextmanager
    def following(self) -> Iterator[None]:
        """Keeps the stack while modules of this thread run."""
        entering = register_module_forward_pre_hook(self._enter)
        leaving = register_module_forward_hook(self._leave, with_kwargs=True)
        try:
            yield
        finally:
            entering.remove()
            leaving.remove()

    def owner(self) -> str:
        """The path of the module that runs, or ran when the backward's node was made."""
        if not self.backward or len(self._running) > 1:  # recomputed by checkpointing
            return self._running[-1]
        node = torch._C._current_autograd_node()
        if node is None:
            return ""
        number = node._sequence_nr()
        if number > self._numbers[-1]:
            # Accumulation into a parameter has the largest number there is, and no module.
            return ""
        return self._owners[bisect_right(self._numbers, number) - 1]

    def use(self, parameter: torch.Tensor, size: int) -> None:
        """Notes that the module that runs reads `size` bytes of a parameter."""
        if self.backward:
            return
        used = self.scopes.setdefault(self._running[-1], Scope()).parameters
        used[id(parameter)] = max(used.get(id(parameter), 0), size)

    def saw_call(self, path: str, inputs: tuple[Any, ...], out: Any) -> None:
        """Notes what went into and came out of a module."""
        scope = self.scopes.setdefault(path, Scope())
        scope.calls += 1
        incoming = {id(tensor): tensor for tensor in tensors_in(*inputs)}
        scope.read += sum(tensor_bytes(tensor) for tensor in incoming.values())
        scope.differentiated += sum(
            tensor_bytes(tensor) for tensor in incoming.values() if tensor.requires_grad
        )
        outgoing = {id(tensor): tensor for tensor in tensors_in(out)}
        scope.written += sum(tensor_bytes(tensor) for tensor in outgoing.values())

    def _enter(self, module: torch.nn.Module, args: Any) -> None:
        if threading.get_ident() != self._thread:  # the hooks are those of all threads
            return
        path = self._paths.get(id(module), self._running[-1])
        self._running.append(path)
        self._mark()

    def _leave(self, module: torch.nn.Module, args: Any, kwargs: Any, out: Any) -> None:
        if threading.get_ident() != self._thread:
            return
        path = self._paths.get(id(module), self._running[-1])
        while self._running.pop() != path:  # modules that ended with an exception never left
            pass
        self._mark()
        if not self.backward and id(module) in self._paths:
            self.saw_call(path, (*args, *kwargs.values()), out)

    def _mark(self) -> None:
        self._numbers.append(torch._C._autograd._get_sequence_nr())
        self._owners.append(self._running[-1])
