"""Inputs as a command line says them: `8x3x224x224`, `mask=1x128:bool`, or a number of tokens."""

from __future__ import annotations

import inspect
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import prod
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

#: What transformers calls the longest text in a configuration, and a table of positions.
_LIMITS = ("max_position_embeddings", "max_target_positions")
_POSITIONS = re.compile("pos|wpe")

#: Inputs of transformers' models that are whole numbers.
_WHOLE = frozenset(
    {"input_ids", "decoder_input_ids", "attention_mask", "decoder_attention_mask", "labels"}
    | {"token_type_ids", "position_ids"}
)

#: Numbers that a tensor can have at most, whatever their format.
_MOST = 2**60

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
        return _text(model, batch or 1, tokens)
    if not inputs:
        own = default_input(model)
        return Given((own.new_empty(batch or 1, *own.shape[1:], dtype=dtype or own.dtype),))
    parsed = [_parsed(text, dtype, model) for text in inputs]
    found = Given(
        tuple(tensor for name, tensor in parsed if name is None),
        {name: tensor for name, tensor in parsed if name is not None},
    )
    text = found.named.get("input_ids", next(iter(found.positional), None))
    if text is not None and text.dim() == 2:
        refuse_too_long(model, text.shape[1])
    return found


def _text(model: nn.Module, batch: int, tokens: int) -> Given:
    """So many tokens; of a model that reads one text and writes another, of both."""
    text = torch.empty(batch, tokens, dtype=torch.long, device="meta")
    if not _is_transformers(model):
        return Given((text,))
    taken = inspect.signature(model.forward).parameters
    if "input_ids" not in taken:
        raise ValueError(
            f"{type(model).__name__} takes no tokens alone: give its inputs by --input"
        )
    refuse_too_long(model, tokens)
    named = {"input_ids": text}
    if getattr(model.config, "is_encoder_decoder", False) and "decoder_input_ids" in taken:
        named["decoder_input_ids"] = text
    return Given((), named)


def refuse_too_long(model: nn.Module, tokens: int) -> None:
    """ValueError where a model of transformers has a table of positions with fewer rows."""
    if not _is_transformers(model):
        return
    config = model.config.get_text_config()  # type: ignore[operator,union-attr]
    limits = {getattr(config, name, None) for name in _LIMITS}
    for name, table in model.named_modules():
        if not isinstance(table, nn.Embedding) or not _POSITIONS.search(name.rpartition(".")[2]):
            continue
        # Rows that stand for no position: before the first one, or for padding.
        unused = getattr(table, "offset", None)
        if unused is None:
            unused = 0 if table.padding_idx is None else table.padding_idx + 1
        rows = table.num_embeddings
        if {rows, rows - unused} & limits and tokens > rows - unused:
            raise ValueError(
                f"{type(model).__name__} has {rows - unused:,} positions: no text of {tokens:,}"
                " tokens"
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


def _parsed(text: str, dtype: torch.dtype | None, model: nn.Module) -> tuple[str | None, Tensor]:
    match = _INPUT.fullmatch(text)
    if not match:
        raise ValueError(
            "input sizes are whole numbers joined by x, with a name before and a format behind if"
            f" need be: 8x3x224x224 or mask=8x128:bool, not {text!r}"
        )
    wanted = dtype
    if _is_transformers(model) and (match["name"] or model.main_input_name) in _WHOLE:
        wanted = torch.int64
    if match["dtype"]:
        name = dtype_name(match["dtype"])
        if name not in INPUT_DTYPES:
            raise ValueError(f"an input is one of {', '.join(INPUT_DTYPES)}, not {name}")
        wanted = INPUT_DTYPES[name]
    sizes = tuple(map(int, match["sizes"].split("x")))
    if prod(sizes) > _MOST:
        raise ValueError(f"no input has {match['sizes']} numbers")
    return match["name"], torch.empty(sizes, dtype=wanted, device="meta")
