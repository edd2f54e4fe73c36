"""Activation checkpointing: modules that forget what they computed and compute it again."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

from torch import nn
from torch.utils.checkpoint import checkpoint as run_checkpointed


def checkpoint_modules(model: nn.Module, names: Sequence[str] | bool) -> None:
    """Makes modules forget their activations and compute them again in the backward pass.

    `names`: of submodules; True takes the model's own choice (timm's or
    transformers').
    Raises ValueError where a name is not in the model, or the model makes no choice.
    """
    if names is False:
        return
    if names is True:
        choose: Any = getattr(model, "set_grad_checkpointing", None)
        if choose is None and hasattr(model, "gradient_checkpointing_enable"):
            choose = _of_transformers(model)
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


def _of_transformers(model: nn.Module) -> Callable[[bool], None]:
    enable: Any = model.gradient_checkpointing_enable

    def choose(_: bool) -> None:
        with warnings.catch_warnings():  # newer versions have another name for it
            warnings.simplefilter("ignore")
            enable({"use_reentrant": False})

    return choose


def _checkpointed(forward: Callable[..., Any]) -> Callable[..., Any]:
    def run(*args: Any, **kwargs: Any) -> Any:
        return run_checkpointed(
            forward, *args, use_reentrant=False, preserve_rng_state=False, **kwargs
        )

    return run
