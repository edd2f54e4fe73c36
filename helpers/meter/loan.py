"""Lends a model and its inputs to one run; afterwards everything is as it was.

A run gets twins of all tensors: on meta, where they have shapes and no storage, or copies on a CPU
where their values are needed (`Values`). Twins take the tensors' places in modules, in lists and
dicts, and in objects such as a cache of keys and values. Whatever these get meanwhile (gradients,
hooks, buffers, a mode, a longer cache) is gone at the end. The tensors themselves are not touched.
"""

from __future__ import annotations

import functools
import inspect
import operator
import random
import sys
import types
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, MutableMapping
from contextlib import contextmanager
from enum import Enum
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_map

from helpers.meter.function_caches import emptied
from helpers.meter.meta import PLAIN, NoValues, is_inexact, is_uninitialized, tensors_in, to_meta


class Values(Enum):
    """The tensors whose values a run sees."""

    NONE = "none"
    INTEGERS = "integers and truth values"
    ALL = "all"


_CONTAINERS = frozenset({list, dict, OrderedDict, defaultdict, deque, set})

#: Attributes that every module has; its parameters, buffers and submodules apart, no tensor is
#: in them.
_OF_EVERY_MODULE = frozenset(vars(nn.Module()))
_STORES = ("_parameters", "_buffers", "_modules")
_BOOKKEEPING = tuple(
    name
    for name, value in vars(nn.Module()).items()
    if isinstance(value, (dict, set)) and name not in _STORES
)
_bookkeeping = operator.itemgetter(*_BOOKKEEPING)

#: Objects of these types have no tensors of the model's own.
_SKIPPED = (
    *(type, types.ModuleType, types.FunctionType, types.BuiltinFunctionType, types.MethodType),
    *(torch.Generator, torch.jit.ScriptFunction, Enum),
)
_SKIPPED_PACKAGES = frozenset({"logging", "threading", "weakref", "typing"})


def constants(model: nn.Module) -> Iterator[Tensor]:
    """Tensors that modules keep as plain attributes, neither parameters nor buffers."""
    for module in model.modules():
        for name in vars(module).keys() - _OF_EVERY_MODULE:
            for tensor in tensors_in(vars(module)[name]):
                if not isinstance(tensor, nn.Parameter):
                    yield tensor


class Loan:
    """What was lent, with what it was like before. A tensor has one twin, wherever it occurs."""

    def __init__(self, values: Values = Values.NONE, dtype: torch.dtype | None = None) -> None:
        self.values = values
        self.modules: list[nn.Module] = []
        self._dtype = dtype
        self._twins: dict[int, tuple[Tensor, Tensor]] = {}
        self._taken: dict[int, Any] = {}
        self._kept: list[tuple[Any, Any]] = []
        self._bookkeeping: list[tuple[Any, ...]] = []
        self._classes: list[tuple[nn.Module, type]] = []
        self._gradients: list[tuple[Tensor, Tensor | None]] = []

    def lend(self, value: Any) -> Any:
        """A value with its tensors exchanged: containers are copied, objects change in place."""
        return tree_map(self._lent, value)

    def _lent(self, leaf: Any) -> Any:
        if isinstance(leaf, Tensor):
            return self._twin(leaf, is_input=True)
        self.take(leaf)
        return leaf

    def take(self, value: Any) -> None:
        """Exchanges the tensors in a module, a container or an object, and in what is in it."""
        if type(value) in PLAIN or id(value) in self._taken:
            return
        if isinstance(value, nn.Module):
            todo: list[nn.Module | None] = [value]
            while todo:
                module = todo.pop()
                if module is not None and id(module) not in self._taken:
                    self._take_module(module)
                    todo.extend(reversed(module._modules.values()))
        elif isinstance(value, (list, deque, set, MutableMapping)):
            self._take_container(value)
        elif _is_object(value):
            self._taken[id(value)] = value
            self._keep(vars(value))
            for name, attribute in list(vars(value).items()):
                self._exchange(vars(value), name, attribute)

    def _take_module(self, module: nn.Module) -> None:
        self._taken[id(module)] = module
        self.modules.append(module)
        attributes = vars(module)
        self._keep(attributes)
        if isinstance(module, nn.modules.lazy.LazyModuleMixin):  # becomes another class as it runs
            self._classes.append((module, type(module)))
        try:
            bookkeeping = _bookkeeping(attributes)
        except KeyError:
            bookkeeping = tuple(attributes[name] for name in _BOOKKEEPING if name in attributes)
        for container in filter(None, bookkeeping):
            self._keep(container)
        for name in attributes.keys() - _OF_EVERY_MODULE:
            self._exchange(attributes, name, attributes[name])
        for container in (module._parameters, module._buffers):
            if container or type(container) is not dict:
                self._take_container(container)
            else:
                bookkeeping = (*bookkeeping, container)
        self._bookkeeping.append(bookkeeping)
        self._keep(module._modules)

    def _take_container(self, container: Any) -> None:
        if id(container) in self._taken:
            return
        self._taken[id(container)] = container
        before = self._keep(container)
        if isinstance(container, set):
            return
        items = enumerate(before) if isinstance(before, list) else before.items()
        for key, value in items:
            self._exchange(container, key, value)

    def _keep(self, container: Any) -> Any:
        if type(container) is dict:
            before: Any = container.copy()
        elif isinstance(container, (list, deque, set)):
            before = list(container)
        else:
            before = dict(container.items())
        self._kept.append((container, before))
        return before

    def _exchange(self, container: Any, key: Any, value: Any) -> None:
        if type(value) in PLAIN:
            return
        if isinstance(value, Tensor):
            twin = self._twin(value)
            if twin is not value:
                _put(container, key, twin)
        elif type(value) is tuple:
            if all(type(each) in PLAIN for each in value):  # a size, as most are
                return
            exchanged = tree_map(self._in_tuple, value)
            if any(a is not b for a, b in zip(value, exchanged, strict=True)):
                _put(container, key, exchanged)
        else:
            self.take(value)

    def _in_tuple(self, value: Any) -> Any:
        if isinstance(value, Tensor):
            return self._twin(value)
        self.take(value)
        return value

    def _twin(self, tensor: Tensor, is_input: bool = False) -> Tensor:
        if id(tensor) not in self._twins:
            self._twins[id(tensor)] = tensor, self._made(tensor, is_input)
        return self._twins[id(tensor)][1]

    def _made(self, tensor: Tensor, is_input: bool) -> Tensor:
        if is_uninitialized(tensor):
            device = "cpu" if self.values is Values.ALL else "meta"
            kind: Any = type(tensor)
            return kind(device=device, dtype=self._dtype or tensor.dtype)  # type: ignore[no-any-return]
        if self.values is Values.ALL:
            twin = _copy(tensor, self._dtype, is_input)
        elif self.values is Values.INTEGERS and is_input and not is_inexact(tensor):
            twin = _copy(tensor, None, is_input)
        elif tensor.is_meta and not is_input and self._dtype is None and not tensor.is_inference():
            if tensor.is_leaf and tensor.requires_grad:
                self._gradients.append((tensor, tensor.grad))
                tensor.grad = None
            return tensor
        else:
            twin = to_meta(tensor, self._dtype)
        if isinstance(tensor, nn.Parameter):
            return nn.Parameter(twin.detach(), tensor.requires_grad)
        return twin.requires_grad_(tensor.requires_grad)

    def give_back(self) -> None:
        """Everything as it was."""
        for module, before in self._classes:
            module.__class__ = before
        for bookkeeping in self._bookkeeping:
            for container in filter(None, bookkeeping):
                container.clear()
        for container, before in self._kept:
            if isinstance(container, (dict, list, deque, set)):
                _restore(container, before)
            else:
                for key, value in before.items():  # of a scripted module: a view of its C++ side
                    if container[key] is not value:
                        container[key] = value
        for tensor, gradient in reversed(self._gradients):
            tensor.grad = gradient


def _is_object(value: Any) -> bool:
    """Whether a value has attributes of its own, in which tensors may be."""
    return (
        isinstance(getattr(value, "__dict__", None), dict)
        and not isinstance(value, _SKIPPED)
        and type(value).__module__.partition(".")[0] not in _SKIPPED_PACKAGES
    )


#: Kinds of containers, and what changes them whatever a class made of them forbids (diffusers keeps
#: a model's configuration in a dict that lets nobody write).
_BUILT_IN: tuple[Any, ...] = (OrderedDict, dict, list, deque, set)


def _kind(container: Any) -> Any:
    return next((kind for kind in _BUILT_IN if isinstance(container, kind)), type(container))


def _put(container: Any, key: Any, value: Any) -> None:
    _kind(container).__setitem__(container, key, value)


def _restore(container: Any, before: Any) -> None:
    kind = _kind(container)
    if kind is set:
        set.intersection_update(container, before)
        set.update(container, before)
        return
    kind.clear(container)
    if type(container) is dict:
        container.update(before)
    elif isinstance(container, dict):
        for key, value in before.items():
            kind.__setitem__(container, key, value)
    else:
        kind.extend(container, before)


def _copy(tensor: Tensor, dtype: torch.dtype | None, is_input: bool) -> Tensor:
    """A copy on a CPU. A meta tensor has no values: of an input, some are made up."""
    wanted = dtype if dtype is not None and is_inexact(tensor) else tensor.dtype
    if not tensor.is_meta:
        with torch.inference_mode(False), torch.no_grad():
            return tensor.detach().to("cpu", wanted, copy=True)
    if not is_input:
        raise NoValues(
            "it needs the values of tensors, and its weights are on meta: build it on a CPU"
        )
    if wanted.is_floating_point or wanted.is_complex:
        return torch.rand(tensor.shape, dtype=torch.float32).to(wanted)
    return torch.ones(tensor.shape, dtype=wanted)


@contextmanager
def lending(
    model: Callable[..., Any], values: Values = Values.NONE, dtype: torch.dtype | None = None
) -> Iterator[Loan]:
    """A model on loan, with what belongs to it: what a function refers to, what a method is of."""
    loan = Loan(values, dtype)
    try:
        for owner in owners(model):
            loan.take(owner)
        with emptied(loan.modules):
            yield loan
    finally:
        loan.give_back()


def owners(model: Callable[..., Any]) -> Iterable[Any]:
    """The modules and objects that a callable works with."""
    found: dict[int, Any] = {}
    _find(model, found)
    return [value for value in found.values() if not isinstance(value, types.FunctionType)]


def _find(value: Any, found: dict[int, Any]) -> None:
    if type(value) in PLAIN or id(value) in found:
        return
    if isinstance(value, functools.partial):
        for part in (value.func, *value.args, *value.keywords.values()):
            _find(part, found)
    elif inspect.ismethod(value):
        _find(value.__self__, found)
    elif isinstance(value, types.FunctionType):
        found[id(value)] = value
        if value.__module__.partition(".")[0] != "torch":
            for part in _referred(value):
                _find(part, found)
    elif isinstance(value, (nn.Module, *_CONTAINERS)) or _is_object(value):
        found[id(value)] = value


def _referred(function: types.FunctionType) -> Iterator[Any]:
    """What a function refers to: closed-over values, and what its module defines or imported."""
    for cell in function.__closure__ or ():
        try:
            yield cell.cell_contents
        except ValueError:  # not assigned yet
            continue
    for name in function.__code__.co_names:
        value = function.__globals__.get(name)
        is_own = isinstance(value, types.FunctionType) and value.__module__ == function.__module__
        if is_own or isinstance(value, (nn.Module, *_CONTAINERS)) or _is_object(value):
            yield value


@contextmanager
def random_state_kept() -> Iterator[None]:
    """PyTorch's, Python's and NumPy's random numbers go on as if nothing had been drawn."""
    numpy = sys.modules.get("numpy")
    before = torch.get_rng_state(), random.getstate(), numpy.random.get_state() if numpy else None
    try:
        yield
    finally:
        torch.set_rng_state(before[0])
        random.setstate(before[1])
        if numpy:
            numpy.random.set_state(before[2])
