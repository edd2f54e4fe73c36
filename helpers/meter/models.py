"""Models by name, and inputs by sizes: as the meter takes them."""

from __future__ import annotations

import importlib
import inspect
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import nn

from helpers.meter.meta import NoValues, tensors_in

Result = TypeVar("Result")

#: Bytes of a model that a command builds with values.
_LARGEST = 4_000_000_000

#: The formats that a model can run in here, by the course's names.
TORCH_DTYPES = {
    "fp64": torch.float64,
    "fp32": torch.float32,
    "fp16": torch.float16,
    "bf16": torch.bfloat16,
}


def build(
    name: str, train: bool = False, dtype: torch.dtype | None = None, on_meta: bool = True
) -> nn.Module:
    """The timm model called `name`, what `module:factory` returns, or a model of transformers.

    Of transformers: by its kind ("gpt2") or its configuration's file (.json); nothing is fetched.
    Built without storage, or, if not `on_meta`, with values on a CPU. In eval mode, or in train
    mode to `train`; in its own number format, or converted to `dtype`.
    ValueError when there is no such model.
    """
    model = _built(name, torch.device("meta" if on_meta else "cpu")).train(train)
    return model if dtype is None else model.to(dtype)


def _built(name: str, device: torch.device) -> nn.Module:
    if ":" in name:
        module_name, _, factory_name = name.partition(":")
        if not module_name or not factory_name:
            raise ValueError(f"a model is named as module:function, not {name!r}")
        try:
            factory = getattr(importlib.import_module(module_name), factory_name)
        except (ImportError, AttributeError) as error:
            raise ValueError(f"no model {name!r}: {error}") from error
        if not callable(factory):
            raise ValueError(f"{name!r} is not a function that makes a model")
        try:
            with device:
                model = factory()
        except Exception as error:
            reason = f"{type(error).__name__}: {_said(error)}"
            raise ValueError(f"{name!r}, called without arguments, fails: {reason}") from error
        if not isinstance(model, nn.Module):
            raise ValueError(f"{name!r} returned {type(model).__name__}, not a torch.nn.Module")
        return model
    if name.endswith(".json") or not _is_timm(name):
        return _of_transformers(name, device)
    import timm

    try:
        with device:
            return timm.create_model(name)
    except NotImplementedError:
        # Before timm 1.0.30 a RegNet reads values of its tensors while it is built.
        return timm.create_model(name).to(device)


def _is_timm(name: str) -> bool:
    try:
        import timm
    except ImportError:
        return False
    return bool(timm.is_model(name))


def _of_transformers(name: str, device: torch.device) -> nn.Module:
    """The model of a configuration: a kind's own ("gpt2") or that of a file; nothing is fetched."""
    try:
        from transformers import CONFIG_MAPPING, AutoConfig
    except ImportError as error:
        known = "timm has no such model, and transformers, whose it may be, is not installed"
        raise ValueError(f"no model {name!r}: {known}") from error
    if name.endswith(".json"):
        try:
            options = json.loads(Path(name).read_text())
            if not isinstance(options, dict) or "model_type" not in options:
                raise ValueError("it has no model_type")
            kind = options.pop("model_type")
            if kind not in CONFIG_MAPPING:
                raise ValueError(f"transformers knows no model_type {kind!r}")
            config = AutoConfig.for_model(kind, **options)
        except Exception as error:  # transformers has errors of its own for wrong values
            raise ValueError(
                f"{name} is no configuration of transformers: {_said(error)}"
            ) from error
    elif name in CONFIG_MAPPING:
        config = AutoConfig.for_model(name)
    else:
        raise ValueError(
            f"timm has no model {name!r} (timm.list_models() names all of them), and transformers"
            " has no such kind"
        )
    with device:
        try:
            return _of_config(config)
        except Exception as error:
            raise ValueError(f"transformers makes no model of {name}: {_said(error)}") from error


def run_built(
    name: str, train: bool, dtype: torch.dtype | None, run: Callable[[nn.Module], Result]
) -> Result:
    """What `run` makes of the model of that name, built without storage.

    Where it needs values the model is built anew with some, if it is no larger than 4 GB.
    """
    model = build(name, train, dtype)
    try:
        return run(model)
    except NoValues:
        if sum(p.numel() * p.element_size() for p in model.parameters()) > _LARGEST:
            raise
    return run(build(name, train, dtype, on_meta=False))


def _of_config(config: Any) -> nn.Module:
    """The language model of a configuration, else the model without a head."""
    from transformers import AutoModel, AutoModelForCausalLM, AutoModelForSeq2SeqLM

    reads_and_writes = getattr(config, "is_encoder_decoder", False)
    made: Any = AutoModelForSeq2SeqLM if reads_and_writes else AutoModelForCausalLM
    if type(config) not in made._model_mapping:
        made = AutoModel
    return made.from_config(config)  # type: ignore[no-any-return]


def _said(error: Exception) -> str:
    """An error's message in one line."""
    return " ".join(str(error).split()) or type(error).__name__


def default_input(model: nn.Module) -> torch.Tensor:
    """A batch of one of what a timm model was made for; ValueError for other models."""
    config = getattr(model, "pretrained_cfg", None) or getattr(model, "default_cfg", None)
    if not config or "input_size" not in config:
        raise ValueError(f"{type(model).__name__} does not say what it takes: give its inputs")
    return torch.empty(1, *config["input_size"], device="meta")


def as_inputs(given: Any, whole: bool = False) -> Any:
    """Inputs, positional and by name, of which some are given by their sizes: tuples of whole
    numbers; also in lists and dicts, unless there are tensors, beside which such a tuple is what it
    is. With `whole`, they are tensors of whole numbers."""
    inputs, keywords = given
    inside = next(tensors_in(given), None) is None
    made = tuple(_sized(value, whole, inside) for value in inputs)
    return made, {name: _sized(value, whole, inside) for name, value in keywords.items()}


def _sized(value: Any, whole: bool, inside: bool) -> Any:
    if isinstance(value, (tuple, torch.Size)) and value and all(type(x) is int for x in value):
        if min(value) < 1:
            raise ValueError(f"an input's sizes must be whole numbers ≥ 1, not {tuple(value)}")
        return torch.empty(value, dtype=torch.long if whole else None, device="meta")
    if type(value) is list and inside:
        return [_sized(part, whole, inside) for part in value]
    if type(value) is dict and inside:
        return {name: _sized(part, whole, inside) for name, part in value.items()}
    return value


def refuse_taken_names(model: Any, **options: Any) -> None:
    """ValueError where an option that is given has the name of an argument of the model.

    `options`: those of the meter that are not as they are by default.
    """
    if isinstance(model, str) or not options:
        return
    forward = getattr(plain(model), "forward", model)
    try:
        own = inspect.signature(forward).parameters
    except (TypeError, ValueError):  # of C++
        return
    for name in own.keys() & options.keys():
        raise ValueError(
            f"{name!r} is an option of the meter and an argument of {type(model).__name__}, too:"
            " give it a model or function around that one, without such an argument"
        )


def plain(model: Any) -> Callable[..., Any]:
    """What `torch.compile` was given: the meter looks at operations, not at compiled code."""
    model = getattr(model, "_orig_mod", model)
    return getattr(model, "_torchdynamo_orig_callable", model)
