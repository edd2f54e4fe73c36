"""The meta device, where tensors have shapes and no storage: how models and inputs get there."""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves, tree_map_only

#: Types in which there is no tensor: nearly all that stands beside tensors in arguments.
_PLAIN = frozenset({type(None), bool, int, float, str, torch.dtype, torch.device})


def tensors_in(*values: Any) -> Iterator[Tensor]:
    """All tensors in arguments or results, however nested."""
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif type(value) not in _PLAIN:
            for leaf in tree_leaves(value):
                if isinstance(leaf, Tensor):
                    yield leaf
                elif type(leaf) not in _PLAIN:
                    yield from tensors_in(*_unregistered(leaf))


def _unregistered(leaf: Any) -> list[Any]:
    """What is in a container of a type that pytree does not know: it looks at exact types only."""
    if isinstance(leaf, Mapping):
        return list(leaf.values())
    if isinstance(leaf, (list, tuple)):
        return list(leaf)
    if is_dataclass(leaf) and not isinstance(leaf, type):
        return [getattr(leaf, field.name) for field in fields(leaf)]
    return []


def to_meta(tensor: Tensor, dtype: torch.dtype | None = None) -> Tensor:
    """A meta tensor of the same shape, strides and, unless `dtype` is given, number format.

    `dtype` replaces floating-point formats only.
    """
    wanted = dtype if dtype is not None and tensor.is_floating_point() else tensor.dtype
    with torch.no_grad():
        twin = torch.empty_strided(tensor.shape, tensor.stride(), dtype=wanted, device="meta")
    return twin.requires_grad_(tensor.requires_grad)


def as_meta(value: Any, dtype: torch.dtype | None = None, keep_integers: bool = False) -> Any:
    """A value with each tensor in it, however nested, as a tensor on meta; one stays one.

    With `keep_integers`, tensors of integers and truth values stay what and where they are.
    """
    twins: dict[int, Tensor] = {}

    def twin(tensor: Tensor) -> Tensor:
        if keep_integers and not (tensor.is_floating_point() or tensor.is_complex()):
            return tensor
        if id(tensor) not in twins:
            twins[id(tensor)] = to_meta(tensor, dtype)
        return twins[id(tensor)]

    return tree_map_only(Tensor, twin, value)


@contextmanager
def on_meta(modules: Iterable[nn.Module], dtype: torch.dtype | None = None) -> Iterator[None]:
    """Puts the modules of a model on meta, and at the end everything in them back as it was.

    Parameters, buffers and tensors in attributes, lists and dicts are exchanged, shared ones for
    shared ones. Whatever the modules get meanwhile (gradients, a mode, buffers, caches) is gone at
    the end. Nothing is copied, and the model's own tensors are not touched.
    """
    loan = _Loan(dtype)
    try:
        for module in modules:
            loan.take_module(module)
        yield
    finally:
        loan.give_back()


_CONTAINERS = frozenset({list, dict, OrderedDict, defaultdict})

#: Attributes that every module has; its parameters, buffers and submodules apart, they stay.
_OF_EVERY_MODULE = frozenset(vars(nn.Module()))


class _Loan:
    """Containers whose tensors were exchanged, each with what was in it."""

    def __init__(self, dtype: torch.dtype | None) -> None:
        self._dtype = dtype
        self._twins: dict[int, Tensor] = {}
        self._taken: set[int] = set()
        self._kept: list[tuple[Any, Any]] = []
        self._gradients: list[tuple[Tensor, Tensor | None]] = []

    def take_module(self, module: nn.Module) -> None:
        """Exchanges the tensors that a module has, not those of its submodules."""
        attributes = vars(module)
        self._kept.append((attributes, dict(attributes)))
        for name in attributes.keys() - _OF_EVERY_MODULE:
            self._exchange(attributes, name, attributes[name])
        for store in (module._parameters, module._buffers, module._modules):
            self.take(store)

    def take(self, container: Any) -> None:
        """Exchanges the tensors in a list or mapping, and in those that are in it."""
        if id(container) in self._taken:
            return
        self._taken.add(id(container))
        before = list(container) if isinstance(container, list) else dict(container.items())
        self._kept.append((container, before))
        for key, value in enumerate(before) if isinstance(before, list) else before.items():
            self._exchange(container, key, value)

    def _exchange(self, container: Any, key: Any, value: Any) -> None:
        if isinstance(value, Tensor):
            twin = self._twin(value)
            if twin is not value:
                container[key] = twin
        elif type(value) in _CONTAINERS:
            self.take(value)
        elif type(value) is tuple and any(isinstance(item, Tensor) for item in value):
            container[key] = tuple(map(self._exchanged, value))

    def _exchanged(self, value: Any) -> Any:
        return self._twin(value) if isinstance(value, Tensor) else value

    def _twin(self, tensor: Tensor) -> Tensor:
        if tensor.is_meta and self._dtype is None and not tensor.is_inference():
            if tensor.is_leaf and tensor.requires_grad:
                self._gradients.append((tensor, tensor.grad))
                tensor.grad = None
            return tensor
        if id(tensor) not in self._twins:
            twin = to_meta(tensor.detach(), self._dtype)
            if isinstance(tensor, nn.Parameter):
                twin = nn.Parameter(twin, tensor.requires_grad)
            self._twins[id(tensor)] = twin
        return self._twins[id(tensor)]

    def give_back(self) -> None:
        for container, before in self._kept:
            if isinstance(container, list):
                container[:] = before
            elif isinstance(container, dict):
                container.clear()
                container.update(before)
            else:
                for key, value in before.items():  # of a scripted module: a view of its C++ side
                    if container[key] is not value:
                        container[key] = value
        for tensor, gradient in reversed(self._gradients):
            tensor.grad = gradient
