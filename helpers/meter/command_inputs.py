"""Inputs as a command line says them: `8x3x224x224`, `mask=1x128:bool`, or a number of tokens."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from helpers.conventions import dtype_name
from helpers.meter.models import TORCH_DTYPES, default_input

#: Number formats of an input; a TF32 tensor lies in memory as fp32.
INPUT_DTYPES = {
    **TORCH_DTYPES,
    "tf32": torch.float32,
    "int64": torch.int64,
    "int32": torch.int32,
    "bool": torch.bool,
}

_INPUT = re.compile(r"(?:(?P<name>\w+)=)?(?P<sizes>[1-9]\d*(?:x[1-9]\d*)*)(?::(?P<dtype>\w+))?")


@dataclass(frozen=True)
class Given:
    """The inputs of a model: by position and by name, on meta."""

    positional: tuple[Tensor, ...] = ()
    named: dict[str, Tensor] = field(default_factory=dict)

    @property
    def tokens(self) -> int:
        """How many tokens a language model is given: of its `input_ids`, or of one input of whole
        numbers; 0 where there are none."""
        only = self.positional[0] if len(self.positional) == 1 and not self.named else None
        ids = self.named.get("input_ids", only)
        return ids.numel() if ids is not None and ids.dtype == torch.int64 else 0

    def sizes(self) -> list[int] | dict[str, list[int]]:
        """Plain data: the sizes of a single input, or those of each by name or number."""
        if len(self.positional) == 1 and not self.named:
            return list(self.positional[0].shape)
        numbered = {str(number): tensor for number, tensor in enumerate(self.positional)}
        return {name: list(tensor.shape) for name, tensor in {**numbered, **self.named}.items()}

    def __str__(self) -> str:
        named = [f"{name} {_shown(tensor)}" for name, tensor in self.named.items()]
        return ", ".join([*map(_shown, self.positional), *named])


def _shown(tensor: Tensor) -> str:
    return "x".join(map(str, tensor.shape))


def given(
    model: nn.Module,
    inputs: Sequence[str],
    tokens: int | None,
    batch: int | None,
    dtype: torch.dtype | None = None,
) -> Given:
    """The inputs that a command names, or else the model's own, of `batch` (1, if None).

    `inputs`: each `sizes`, `name=sizes` or `name=sizes:dtype`. `tokens`: the length of a text,
    whose tokens a language model takes as `input_ids`. Raises ValueError, in one line.
    """
    for what, number in (("tokens", tokens), ("a batch", batch)):
        if number is not None and number < 1:
            raise ValueError(f"{what} must be a whole number ≥ 1, not {number}")
    if inputs and (tokens or batch):
        raise ValueError("an input's sizes hold its batch and its tokens: give one or the other")
    if tokens:
        text = torch.empty(batch or 1, tokens, dtype=torch.long, device="meta")
        return Given((), {"input_ids": text}) if _is_transformers(model) else Given((text,))
    if not inputs:
        own = default_input(model)
        return Given((own.new_empty(batch or 1, *own.shape[1:], dtype=dtype or own.dtype),))
    parsed = [_parsed(text, dtype) for text in inputs]
    return Given(
        tuple(tensor for name, tensor in parsed if name is None),
        {name: tensor for name, tensor in parsed if name is not None},
    )


def training_options(model: nn.Module, inputs: Given) -> dict[str, Any]:
    """What a language model trains on: its tokens are its labels, its loss is its own."""
    if "input_ids" not in inputs.named or not _is_transformers(model):
        return {}
    named = {"use_cache": False}
    if "labels" not in inputs.named:
        named["labels"] = inputs.named["input_ids"]  # type: ignore[assignment]
    return {**named, "loss": lambda output: output.loss}


def _is_transformers(model: nn.Module) -> bool:
    return any(kind.__module__.startswith("transformers.") for kind in type(model).__mro__)


def _parsed(text: str, dtype: torch.dtype | None) -> tuple[str | None, Tensor]:
    match = _INPUT.fullmatch(text)
    if not match:
        raise ValueError(
            "input sizes are whole numbers joined by x, with a name before and a format behind if"
            f" need be: 8x3x224x224 or mask=8x128:bool, not {text!r}"
        )
    wanted = dtype
    if match["dtype"]:
        name = dtype_name(match["dtype"])
        if name not in INPUT_DTYPES:
            raise ValueError(f"an input is one of {', '.join(INPUT_DTYPES)}, not {name}")
        wanted = INPUT_DTYPES[name]
    sizes = tuple(map(int, match["sizes"].split("x")))
    return match["name"], torch.empty(sizes, dtype=wanted, device="meta")
