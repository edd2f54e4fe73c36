"""Models and inputs as the meter wants them: on the meta device, where tensors have no storage."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from helpers.meter.meta import meta_twin, to_meta

#: The formats that a model can run in here, by the course's names.
TORCH_DTYPES = {
    "fp64": torch.float64,
    "fp32": torch.float32,
    "fp16": torch.float16,
    "bf16": torch.bfloat16,
}


def build(name: str) -> nn.Module:
    """The timm model called `name`, or what `module:factory` returns, built without storage.

    ValueError when there is no such model.
    """
    if ":" in name:
        module_name, _, factory_name = name.partition(":")
        try:
            factory = getattr(importlib.import_module(module_name), factory_name)
        except (ImportError, AttributeError) as error:
            raise ValueError(f"no model {name!r}: {error}") from error
        if not callable(factory):
            raise ValueError(f"{name!r} is not a function that makes a model")
        with torch.device("meta"):
            model = factory()
        if not isinstance(model, nn.Module):
            raise ValueError(f"{name!r} returned {type(model).__name__}, not a torch.nn.Module")
        return model
    try:
        import timm
    except ImportError as error:
        raise ValueError(f"{name!r} names a timm model, and timm is not installed") from error
    if not timm.is_model(name):
        raise ValueError(f"timm has no model {name!r}; timm.list_models() names all of them")
    try:
        with torch.device("meta"):
            return timm.create_model(name)
    except NotImplementedError:
        # Before timm 1.0.30 a RegNet reads values of its tensors while it is built.
        return meta_twin(timm.create_model(name))


def default_input(model: nn.Module) -> torch.Tensor:
    """A batch of one of what a timm model was made for; ValueError for other models."""
    config = getattr(model, "pretrained_cfg", None) or getattr(model, "default_cfg", None)
    if not config or "input_size" not in config:
        raise ValueError(f"{type(model).__name__} does not say what it takes: give its inputs")
    return torch.empty(1, *config["input_size"], device="meta")


def as_meta(value: Any, keep_integers: bool = False) -> Any:
    """Tensors as meta tensors of the same shape, dtype and requires_grad, however nested.

    With `keep_integers`, tensors of integers and truth values stay what and where they are.
    """
    if isinstance(value, torch.Tensor):
        if keep_integers and not (value.is_floating_point() or value.is_complex()):
            return value
        if value.is_meta and not value.is_inference():
            return value
        return to_meta(value)
    if isinstance(value, (list, tuple)) and not hasattr(value, "_fields"):
        return type(value)(as_meta(item, keep_integers) for item in value)
    if isinstance(value, dict):
        return {key: as_meta(item, keep_integers) for key, item in value.items()}
    return value


def as_input(value: Any, keep_integers: bool = False) -> Any:
    """An input as the meter takes it: a tensor, or its sizes as a tuple of whole numbers."""
    if isinstance(value, (tuple, torch.Size)) and value and all(type(x) is int for x in value):
        if min(value) < 1:
            raise ValueError(f"an input's sizes must be whole numbers ≥ 1, not {tuple(value)}")
        return torch.empty(value, device="meta")
    return as_meta(value, keep_integers)


def plain(model: Any) -> Callable[..., Any]:
    """What `torch.compile` was given: the meter looks at operations, not at compiled code."""
    model = getattr(model, "_orig_mod", model)
    return getattr(model, "_torchdynamo_orig_callable", model)


@contextmanager
def on_meta(model: nn.Module) -> Iterator[None]:
    """Exchanges all tensors of a model for meta tensors, and puts them back at the end.

    Shared tensors stay shared. It finds parameters, buffers and tensors that are attributes, alone
    or in a list. Nothing is copied, and the model's own tensors are not touched.
    """
    exchanged: dict[int, torch.Tensor] = {}
    undo: list[tuple[dict[str, Any], str, Any]] = []

    def exchange(tensor: torch.Tensor) -> torch.Tensor:
        if tensor.is_meta and not tensor.is_inference():
            return tensor
        if id(tensor) not in exchanged:
            meta = as_meta(tensor.detach())
            if isinstance(tensor, nn.Parameter):
                meta = nn.Parameter(meta, tensor.requires_grad)
            exchanged[id(tensor)] = meta
        return exchanged[id(tensor)]

    try:
        for module in model.modules():
            for store in (module._parameters, module._buffers, vars(module)):
                for name, value in list(store.items()):
                    if isinstance(value, torch.Tensor):
                        new: Any = exchange(value)
                    elif isinstance(value, list) and any(
                        isinstance(item, torch.Tensor) for item in value
                    ):
                        new = [exchange(x) if isinstance(x, torch.Tensor) else x for x in value]
                    else:
                        continue
                    undo.append((store, name, value))
                    store[name] = new
        yield
    finally:
        for store, name, value in reversed(undo):
            store[name] = value
