"""The meta device, where tensors have shapes and no storage, and tensors wherever they are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import is_traceable_wrapper_subclass
from torch.utils._pytree import tree_leaves

#: Types in which there is no tensor: nearly all that stands beside tensors in arguments.
PLAIN = frozenset({type(None), bool, int, float, str, torch.dtype, torch.device})


def tensors_in(*values: Any) -> Iterator[Tensor]:
    """All tensors in arguments or results, however nested."""
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif type(value) not in PLAIN:
            for leaf in tree_leaves(value):
                if isinstance(leaf, Tensor):
                    yield leaf
                elif type(leaf) not in PLAIN:
                    yield from tensors_in(*_unregistered(leaf))


def _unregistered(leaf: Any) -> list[Any]:
    """What is in a container of a type that pytree does not know: it looks at exact types only."""
    if isinstance(leaf, Mapping):
        return list(leaf.values())
    if isinstance(leaf, (list, tuple)):
        return list(leaf)
    if is_dataclass(leaf) and not isinstance(leaf, type):
        # What it holds, not what it works out when asked: a configuration may refuse to say.
        held = getattr(leaf, "__dict__", None)
        if held is not None:
            return [held[field.name] for field in fields(leaf) if field.name in held]
        return [getattr(leaf, field.name) for field in fields(leaf)]
    return []


_PLAIN_TENSORS = frozenset(
    {Tensor, nn.Parameter, nn.Buffer, nn.UninitializedParameter, nn.UninitializedBuffer}
)


class NeedsValues(ValueError):
    """A model cannot run with shapes alone."""


class NoValues(ValueError):
    """Values are needed that are not there."""


def to_meta(tensor: Tensor, dtype: torch.dtype | None = None) -> Tensor:
    """A meta tensor of the same shape, strides and, unless `dtype` is given, number format.

    `dtype` replaces floating-point formats only. Raises NeedsValues for tensors whose shape does
    not say where their numbers are: sparse, nested and quantized ones.
    """
    if tensor.layout is not torch.strided or tensor.is_nested or tensor.is_quantized:
        raise NeedsValues(f"{_kind(tensor)} tensors have no twin of shapes alone")
    wanted = dtype if dtype is not None and tensor.is_floating_point() else tensor.dtype
    if parts := inner_tensors(tensor):
        return _remade(tensor, {name: to_meta(part) for name, part in parts.items()})
    with torch.no_grad():
        twin = torch.empty_strided(tensor.shape, tensor.stride(), dtype=wanted, device="meta")
    return twin.requires_grad_(tensor.requires_grad)


def inner_tensors(tensor: Tensor) -> dict[str, Tensor]:
    """Of a tensor that is made of others, such as a quantized weight and its scales: those, by
    name; of a plain one, or one that is shared among ranks, none."""
    if type(tensor) in _PLAIN_TENSORS or not is_traceable_wrapper_subclass(tensor):
        return {}
    if type(tensor).__name__ == "DTensor":
        return {}
    names, _ = tensor.__tensor_flatten__()
    return {name: getattr(tensor, name) for name in names}


def _remade(tensor: Any, parts: dict[str, Tensor]) -> Tensor:
    _, kept = tensor.__tensor_flatten__()
    with torch.no_grad():
        twin = type(tensor).__tensor_unflatten__(parts, kept, tensor.shape, tensor.stride())
    return twin.requires_grad_(tensor.requires_grad)  # type: ignore[no-any-return]


def _kind(tensor: Tensor) -> str:
    if tensor.is_nested:
        return "nested"
    return "quantized" if tensor.is_quantized else str(tensor.layout).removeprefix("torch.")


def is_dense(tensor: Tensor) -> bool:
    """Whether a tensor has a place for each of its numbers and none between them."""
    expected = 1
    for stride, size in sorted(zip(tensor.stride(), tensor.shape, strict=True)):
        if size != 1:
            if stride != expected:
                return False
            expected *= size
    return True


def is_inexact(tensor: Tensor) -> bool:
    """Whether a tensor holds real or complex numbers, not integers or truth values."""
    return tensor.is_floating_point() or tensor.is_complex()


def is_made_of_others(types: Iterable[type]) -> bool:
    """Whether tensors of these classes, which a mode is told, dispatch operations on others."""
    return any(kind not in _PLAIN_TENSORS for kind in types)


def is_uninitialized(tensor: Tensor) -> bool:
    """Whether it is a lazy module's, without a shape yet."""
    return isinstance(tensor, (nn.UninitializedParameter, nn.UninitializedBuffer))
