"""Watches a model run on the meta device, operation by operation, and writes down what each costs.

Forward, hooks say which module runs. Backward, they do not; but PyTorch numbers the nodes of its
graph in the order in which they were made, so a node's number tells which module was running then.
"""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch.nn.modules.module import (
    register_module_forward_hook,
    register_module_forward_pre_hook,
)
from torch.utils._python_dispatch import TorchDispatchMode

from helpers.meter.flops.conventions import Convention, Cost
from helpers.meter.flops.meta_fast_paths import shortcut
from helpers.meter.flops.prices.elementwise import DATA_DEPENDENT
from helpers.meter.flops.traffic import Traffic, tensor_bytes, tensors_in
from helpers.meter.flops.whole_ops import recording

_META = torch.device("meta")


@dataclass
class Tally:
    """Sums over all calls of one operation in one module."""

    calls: int = 0
    macs: int = 0
    flops: int = 0
    bytes: int = 0


@dataclass
class Scope:
    """One module: how often it ran, what went in and out, which parameters it used itself."""

    calls: int = 0
    read: int = 0
    written: int = 0
    differentiated: int = 0
    parameters: dict[int, int] = field(default_factory=dict)


class _Operation:
    """What is worth finding out only once for each operation."""

    __slots__ = ("assumption", "cost", "name", "shortcut", "traffic")

    def __init__(self, func: torch._ops.OpOverload, convention: Convention) -> None:
        packet = func._schema.name
        self.name = packet.removeprefix("aten::")
        plain = self.name if self.name.endswith("__") else self.name.removesuffix("_")
        self.cost: Cost | None = convention.cost(func, plain)
        self.traffic = Traffic(func, plain)
        self.shortcut = shortcut(func)
        self.assumption = f"{plain}: every element taken as ≤ 0" if plain in DATA_DEPENDENT else ""


class Recorder(TorchDispatchMode):
    """The mode under which a model is counted.

    `paths` names modules by id, `parameters` holds parameters and buffers by id. With
    `keep_integers`, tensors of integers that have values are not sent to the meta device, where
    they would lose them.
    """

    def __init__(
        self,
        convention: Convention,
        paths: Mapping[int, str],
        parameters: Mapping[int, torch.Tensor],
        keep_integers: bool = False,
    ) -> None:
        super().__init__()
        self.convention = convention
        self.tallies: dict[tuple[str, str, bool], Tally] = {}
        self.scopes: dict[str, Scope] = {"": Scope()}
        self.unknown: dict[str, tuple[int, set[tuple[tuple[int, ...], ...]]]] = {}
        self.assumptions: dict[str, None] = {}
        self.backward = False
        self.muted = 0
        self.keep_integers = keep_integers
        self._thread = threading.get_ident()
        self._paths = paths
        self._parameters = dict(parameters)
        self._operations: dict[Any, _Operation] = {}
        self._stack: list[str] = [""]
        self._numbers: list[int] = [0]
        self._owners: list[str] = [""]
        self._converted: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        operation = self._operations.get(func)
        if operation is None:
            if _composite(func):
                with self:
                    return func.decompose(*args, **kwargs)
            operation = self._operations[func] = _Operation(func, self.convention)
        out = operation.shortcut(args, kwargs) if operation.shortcut else None
        if out is None:
            out, args, kwargs = self._run(func, args, kwargs)
        self._write_down(operation, args, kwargs, out)
        return out

    def _run(self, func: Any, args: Any, kwargs: Any) -> tuple[Any, Any, Any]:
        """The result of an operation, and the arguments that it was given in the end."""
        if self.keep_integers and kwargs.get("device") == _META:
            out = func(*args, **kwargs)
            made_of_meta = any(tensor.is_meta for tensor in tensors_in(args))
            if out.is_floating_point() or made_of_meta:
                return out, args, kwargs
            kwargs = {**kwargs, "device": torch.device("cpu")}
        try:
            return func(*args, **kwargs), args, kwargs
        except (RuntimeError, NotImplementedError):
            if all(tensor.is_meta for tensor in tensors_in(args, kwargs)):
                raise
            args, kwargs = self._to_meta(args), self._to_meta(kwargs)
            return func(*args, **kwargs), args, kwargs

    def _write_down(
        self, operation: _Operation, args: tuple[Any, ...], kwargs: dict[str, Any], out: Any
    ) -> None:
        moved = 0
        traffic, parameters = operation.traffic, self._parameters
        for place, value in enumerate(args):
            if isinstance(value, torch.Tensor):
                read = traffic.read(place, value, out)
                moved += read
                if id(value) in parameters:
                    self.use(value, read if traffic.looks_up else None)
            elif isinstance(value, (list, tuple)):
                for tensor in tensors_in(value):
                    moved += traffic.read(-1, tensor, out)
                    if id(tensor) in parameters:
                        self.use(tensor)
        for value in kwargs.values():
            if isinstance(value, torch.Tensor):
                moved += traffic.read(-1, value, out)
        moved += traffic.written(out)
        macs = flops = 0
        if not self.muted:
            if operation.cost is None:
                calls, shapes = self.unknown.get(operation.name, (0, set()))
                shapes.add(tuple(tuple(tensor.shape) for tensor in tensors_in(args)))
                self.unknown[operation.name] = calls + 1, shapes
            else:
                macs, flops = operation.cost(args, kwargs, out)
            if operation.assumption and self.convention.name == "course":
                self.assume(operation.assumption)
        self.add(operation.name, macs, flops, moved)

    def add(self, name: str, macs: int, flops: int, moved: int) -> None:
        """Adds one call to the module that runs, or ran when the backward's node was made."""
        if not (macs or flops or moved):
            return
        key = (self._owner(), name, self.backward)
        tally = self.tallies.get(key)
        if tally is None:
            tally = self.tallies[key] = Tally()
        tally.calls += 1
        tally.macs += macs
        tally.flops += flops
        tally.bytes += moved

    def assume(self, statement: str) -> None:
        """Notes something that the count takes for granted."""
        self.assumptions[statement] = None

    def _owner(self) -> str:
        if not self.backward or len(self._stack) > 1:  # recomputed by checkpointing
            return self._stack[-1]
        node = torch._C._current_autograd_node()
        if node is None:
            return ""
        number = node._sequence_nr()
        if number > self._numbers[-1]:
            # Accumulation into a parameter has the largest number there is, and no module.
            return ""
        return self._owners[bisect_right(self._numbers, number) - 1]

    def use(self, parameter: torch.Tensor, read: int | None = None) -> None:
        """Notes that the module that runs uses a parameter, of which it reads `read` bytes."""
        if self.backward or id(parameter) not in self._parameters:
            return
        size = tensor_bytes(parameter) if read is None else read
        used = self.scopes.setdefault(self._stack[-1], Scope()).parameters
        used[id(parameter)] = max(used.get(id(parameter), 0), size)

    def _to_meta(self, value: Any) -> Any:
        """Tensors that a function brought along from another device, as meta tensors."""
        if isinstance(value, torch.Tensor):
            if value.is_meta or value.dim() == 0:
                return value
            if id(value) not in self._converted:
                meta = torch.empty_like(value, device="meta")
                self._converted[id(value)] = value, meta
                self._parameters[id(meta)] = meta
            return self._converted[id(value)][1]
        if isinstance(value, (list, tuple)):
            return type(value)(self._to_meta(item) for item in value)
        if isinstance(value, dict):
            return {key: self._to_meta(item) for key, item in value.items()}
        return value

    def _mark(self) -> None:
        self._numbers.append(torch._C._autograd._get_sequence_nr())
        self._owners.append(self._stack[-1])

    def _enter(self, module: torch.nn.Module, args: Any) -> None:
        if threading.get_ident() != self._thread:  # the hooks are those of all threads
            return
        path = self._paths.get(id(module), self._stack[-1])
        self._stack.append(path)
        self._mark()

    def _leave(self, module: torch.nn.Module, args: Any, kwargs: Any, out: Any) -> None:
        if threading.get_ident() != self._thread:
            return
        path = self._paths.get(id(module), self._stack[-1])
        while self._stack.pop() != path:  # modules that ended with an exception never left
            pass
        self._mark()
        if not self.backward and id(module) in self._paths:
            self.crossed(path, (args, kwargs), out)

    def crossed(self, path: str, inputs: Any, out: Any) -> None:
        """Notes what went into and came out of a module."""
        scope = self.scopes.setdefault(path, Scope())
        scope.calls += 1
        incoming = {id(tensor): tensor for tensor in tensors_in(inputs)}
        scope.read += sum(tensor_bytes(tensor) for tensor in incoming.values())
        scope.differentiated += sum(
            tensor_bytes(tensor) for tensor in incoming.values() if tensor.requires_grad
        )
        outgoing = {id(tensor): tensor for tensor in tensors_in(out)}
        scope.written += sum(tensor_bytes(tensor) for tensor in outgoing.values())

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Runs a block with this mode and the hooks on."""
        with ExitStack() as stack:
            handles = (
                register_module_forward_pre_hook(self._enter),
                register_module_forward_hook(self._leave, with_kwargs=True),
            )
            for handle in handles:
                stack.callback(handle.remove)
            stack.enter_context(recording(self))
            stack.enter_context(self)
            yield


def _composite(func: Any) -> bool:
    """Whether an operation is made of others, which then are the ones to count."""
    return torch._C._dispatch_has_kernel_for_dispatch_key(
        func.name(), torch._C.DispatchKey.CompositeImplicitAutograd
    )
