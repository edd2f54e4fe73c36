"""A model's twin on the meta device: same modules, same ties between tensors, no memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_map_only
from torch.utils.checkpoint import checkpoint as run_checkpointed


def to_meta(tensor: Tensor, dtype: torch.dtype | None = None) -> Tensor:
    """A meta tensor of the same shape, strides and, unless `dtype` is given, number format.

    `dtype` replaces floating-point formats only.
    """
    wanted = dtype if dtype is not None and tensor.is_floating_point() else tensor.dtype
    with torch.no_grad():
        twin = torch.empty_strided(tensor.shape, tensor.stride(), dtype=wanted, device="meta")
    return twin.requires_grad_(tensor.requires_grad)


def meta_twin(model: nn.Module, dtype: torch.dtype | None = None) -> nn.Module:
    """A copy of the model whose tensors are on meta; the model itself is not touched or copied.

    Tied weights stay tied. Hooks and tensors kept as plain attributes come along.
    """
    memo: dict[int, Any] = {}
    for module in model.modules():
        own = chain(module._parameters.values(), module._buffers.values(), vars(module).values())
        for tensor in own:
            if isinstance(tensor, nn.Parameter):
                memo[id(tensor)] = nn.Parameter(to_meta(tensor.data, dtype), tensor.requires_grad)
            elif isinstance(tensor, Tensor):
                memo[id(tensor)] = to_meta(tensor, dtype)
    return deepcopy(model, memo)


def meta_inputs(inputs: Any, dtype: torch.dtype | None = None) -> Any:
    """The inputs with every tensor replaced by its twin on meta."""
    return tree_map_only(Tensor, lambda t: to_meta(t, dtype), inputs)


def checkpoint_modules(model: nn.Module, names: Sequence[str] | bool) -> None:
    """Makes modules forget their activations and compute them again in the backward pass.

    `names`: of submodules; True takes the model's own choice (timm's `set_grad_checkpointing`).
    Raises ValueError where a name is not in the model, or the model makes no choice.
    """
    if names is False:
        return
    if names is True:
        choose: Any = getattr(model, "set_grad_checkpointing", None)
        if choose is None:
            raise ValueError(
                f"{type(model).__name__} does not choose what to checkpoint: name its submodules"
            )
        choose(True)
        return
    modules = dict(model.named_modules())
    for name in names:
        if name not in modules:
            raise ValueError(f"no submodule {name!r} to checkpoint in {type(model).__name__}")
        modules[name].forward = _checkpointed(modules[name].forward)  # type: ignore[method-assign]


def _checkpointed(forward: Callable[..., Any]) -> Callable[..., Any]:
    def run(*args: Any, **kwargs: Any) -> Any:
        return run_checkpointed(
            forward, *args, use_reentrant=False, preserve_rng_state=False, **kwargs
        )

    return run
