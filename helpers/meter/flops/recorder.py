"""Watches a model run on the meta device and writes down what each operation costs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from helpers.meter.flops.conventions import Convention, Cost, nothing
from helpers.meter.flops.meta_fast_paths import shortcut
from helpers.meter.flops.module_stack import ModuleStack
from helpers.meter.flops.prices import OPS, name_of, record_of
from helpers.meter.flops.prices.op import Call, places_of
from helpers.meter.flops.prices.quantized import packed_weights
from helpers.meter.flops.traffic import Traffic, tensor_bytes
from helpers.meter.loan import Values
from helpers.meter.meta import is_made_of_others, tensors_in
from helpers.meter.mixed_meta import Dispatcher


@dataclass
class Sums:
    """Over all calls of one operation in one module. Bytes are those that each call moves."""

    calls: int = 0
    macs: int = 0
    flops: int = 0
    bytes: int = 0


class _Operation:
    """What is worth finding out only once for each operation."""

    __slots__ = ("assumes", "cost", "name", "places", "shortcut", "traffic")

    def __init__(self, func: torch._ops.OpOverload, convention: Convention) -> None:
        op, plain = record_of(func), name_of(func)
        self.name = func._schema.name.removeprefix("aten::")
        self.cost = convention.cost(plain, op) if op else None
        self.assumes = f"{plain}: {op.assumes}" if op and op.assumes else ""
        self.places = places_of(func)
        self.traffic = Traffic(func, op)
        self.shortcut = shortcut(func)


class Recorder(TorchDispatchMode):
    """The mode under which a model is counted.

    `modules` says which module runs, `parameters` holds parameters and buffers by id, `values` says
    which tensors have values.
    """

    supports_higher_order_operators = True

    def __init__(
        self,
        convention: Convention,
        modules: ModuleStack,
        parameters: Mapping[int, torch.Tensor],
        values: Values = Values.NONE,
    ) -> None:
        super().__init__()
        self.convention = convention
        self.modules = modules
        self.sums: dict[tuple[str, str, bool], Sums] = {}
        self.unknown: dict[str, tuple[int, set[tuple[tuple[int, ...], ...]]]] = {}
        self.assumptions: dict[str, None] = {}
        self._is_muted = False
        self._parameters = dict(parameters)
        self._operations: dict[Any, _Operation] = {}
        self._dispatcher = Dispatcher(values, self._brought)

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        if types and is_made_of_others(types):
            return NotImplemented
        kwargs = kwargs or {}
        operation = self._operations.get(func)
        if operation is None:
            if isinstance(func, torch._ops.HigherOrderOperator):
                return self._in_parts(func, args, kwargs)
            if _composite(func):
                with self:
                    return func.decompose(*args, **kwargs)
            operation = self._operations[func] = _Operation(func, self.convention)
        out = None
        if operation.shortcut and args[0].is_meta:
            out = operation.shortcut(args, kwargs)
        if out is None:
            out, args, kwargs = self._dispatcher.run(func, args, kwargs)
        moved = self._moved(operation.traffic, args, kwargs, out)
        if operation.cost is nothing:
            self._book(operation.name, 0, 0, moved)
        else:
            call = Call(args, kwargs, out, operation.places)
            self.record(operation.name, operation.cost, call, moved, operation.assumes)
        return out

    def _in_parts(self, func: Any, args: Any, kwargs: Any) -> Any:
        """An operation that is given functions: of a condition the branch that is taken is counted,
        of others the whole, where it has a record."""
        name = func.name()
        if name == "cond":
            condition, if_true, if_false, operands = args
            with self:
                return (if_true if condition else if_false)(*operands)
        out = func(*args, **kwargs)
        if name == "out_dtype":  # an operation whose result is wider than its arguments
            inner, _, *operands = args
            operation = _Operation(inner, self.convention)
            call = Call(tuple(operands), {}, out, operation.places)
            moved = self._moved(operation.traffic, call.args, {}, out)
            self.record(operation.name, operation.cost, call, moved)
            return out
        op, call = OPS.get(name), Call(args, kwargs, out, {})
        self.record(name, self.convention.cost(name, op) if op else None, call, 0)
        return out

    def _brought(self, twin: torch.Tensor) -> None:
        """A function may have tensors beside a model's parameters: they are such, too."""
        self._parameters[id(twin)] = twin

    def _moved(
        self, traffic: Traffic, args: tuple[Any, ...], kwargs: Mapping[str, Any], out: Any
    ) -> int:
        """Bytes that a call moves; notes the parameters that it uses."""
        parameters = self._parameters
        if not traffic.moves:
            for value in args:
                if id(value) in parameters:
                    self.use(value)
            return 0
        moved = traffic.written(out)
        for place, value in enumerate(args):
            if isinstance(value, torch.Tensor):
                read = traffic.read(place, value, out)
                moved += read
                if id(value) in parameters:
                    self.use(value, read if traffic.looks_up else None)
            elif isinstance(value, (list, tuple)):
                for part in value:
                    if isinstance(part, torch.Tensor):
                        moved += traffic.read(-1, part, out)
                        self.use(part)
            elif isinstance(value, torch.ScriptObject):
                moved += sum(map(tensor_bytes, tensors_in(packed_weights(value))))
        for value in kwargs.values():
            if isinstance(value, torch.Tensor):
                moved += traffic.read(-1, value, out)
        return moved

    def charge(self, name: str, call: Call, moved: int) -> None:
        """Enters a call of an operation that is counted as a whole."""
        op = OPS[name]
        self.record(name, self.convention.cost(name, op), call, moved)

    def record(
        self, name: str, cost: Cost | None, call: Call, moved: int, assumes: str = ""
    ) -> None:
        """Enters a call of an operation in the books, under the module that it belongs to."""
        macs = flops = 0
        if not self._is_muted:
            counted = cost(call) if cost else None
            if counted is None:
                self._note_unknown(name, call)
            else:
                macs, flops = counted
                if assumes and flops:
                    self.assume(assumes)
        self._book(name, macs, flops, moved)

    def _note_unknown(self, name: str, call: Call) -> None:
        seen = tuple(tuple(tensor.shape) for tensor in tensors_in(call.args))
        if not seen and next(tensors_in(call.out), None) is None:
            return  # it asks for a version or a setting: there is nothing to compute with
        calls, shapes = self.unknown.get(name, (0, set()))
        shapes.add(seen)
        self.unknown[name] = calls + 1, shapes

    def _book(self, name: str, macs: int, flops: int, moved: int) -> None:
        if not (macs or flops or moved):
            return
        key = (self.modules.owner(), name, self.modules.backward)
        sums = self.sums.get(key)
        if sums is None:
            sums = self.sums[key] = Sums()
        sums.calls += 1
        sums.macs += macs
        sums.flops += flops
        sums.bytes += moved

    def assume(self, statement: str) -> None:
        """Notes something that the count takes for granted."""
        self.assumptions[statement] = None

    def use(self, parameter: torch.Tensor, read: int | None = None) -> None:
        """Notes that a tensor is used, if it is a parameter, and how many bytes of it are read."""
        if id(parameter) in self._parameters:
            self.modules.use(parameter, tensor_bytes(parameter) if read is None else read)

    @contextmanager
    def muted(self) -> Iterator[None]:
        """Enters what operations move, and not what they cost."""
        before, self._is_muted = self._is_muted, True
        try:
            yield
        finally:
            self._is_muted = before


def _composite(func: Any) -> bool:
    """Whether an operation is made of others, which then are the ones to count."""
    return torch._C._dispatch_has_kernel_for_dispatch_key(
        func.name(), torch._C.DispatchKey.CompositeImplicitAutograd
    )
