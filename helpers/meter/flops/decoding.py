"""One more token of a language model, with others before it: what it costs, and its cache."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from helpers.meter.flops.count import count
from helpers.meter.flops.result import Count
from helpers.meter.flops.traffic import tensor_bytes
from helpers.meter.meta import PLAIN, tensors_in

#: What a cache is called as an argument and in a result: transformers has had three names for it,
#: of which it warns of two, and RWKV has one of its own.
_NAMES = ("cache", "past_key_values", "cache_params", "state")


@dataclass(frozen=True)
class Decoding:
    """The count of one more token for each text of a batch.

    `before`: tokens that each text has. `cache`, `cache_after`: bytes that are kept of them, before
    and after. `bytes_moved`: weights, the cache and the result, each once.
    """

    before: int
    count: Count
    cache: int
    cache_after: int
    bytes_moved: int


def decoding(model: nn.Module, before: int, batch: int = 1, convention: str = "course") -> Decoding:
    """Counts one token after `before` others, of a model that keeps a cache as transformers' do.

    It takes `input_ids`, `use_cache` and the cache, and its result has that. Raises ValueError, in
    one line, for another model, and where there is no token before.
    """
    if before < 1 or batch < 1:
        raise ValueError(f"decoding needs ≥ 1 token before and ≥ 1 text, not {before}, {batch}")
    if getattr(getattr(model, "config", None), "is_encoder_decoder", False):
        raise ValueError(
            f"{type(model).__name__} reads one text and writes another: what is decoded goes on in"
            " a model of one text"
        )
    taken = inspect.signature(model.forward).parameters
    name = next((each for each in _NAMES if each in taken), "")
    if not name:
        known = ", ".join(_NAMES)
        raise ValueError(
            f"{type(model).__name__} keeps no cache to go on from: it takes none of {known}"
        )
    cache: Any = None
    after = 0

    def run(ids: Tensor) -> Any:
        nonlocal cache
        out = model(input_ids=ids, use_cache=True)
        cache = _cache_of(out)
        return out

    run.__name__ = type(model).__name__
    count(run, torch.empty(batch, before, dtype=torch.long, device="meta"))
    if cache is None:
        raise ValueError(f"{type(model).__name__} gave no cache back")
    held = _bytes(cache)

    class Next(nn.Module):
        """The model, called with one token and the cache."""

        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, ids: Tensor) -> Tensor:
            nonlocal after
            out = self.model(input_ids=ids, use_cache=True, **{name: cache})
            after = _bytes(_cache_of(out))
            return next(tensors_in(out))

    token = torch.empty(batch, 1, dtype=torch.long, device="meta")
    counted = _of_the_model(count(Next(), token, convention=convention), type(model).__name__)
    return Decoding(before, counted, held, after, counted.bytes_moved + after)


def _of_the_model(counted: Count, kind: str) -> Count:
    """The count of `Next` as one of the model in it, by the model's own names."""

    def own(path: str) -> str:
        return path.removeprefix("model").removeprefix(".")

    whole, _, *parts = counted.modules
    rows = (replace(whole, kind=kind), *(replace(row, name=own(row.name)) for row in parts))
    entries = tuple(replace(entry, module=own(entry.module)) for entry in counted.entries)
    return replace(counted, title=kind, modules=rows, entries=entries)


def _cache_of(out: Any) -> Any:
    found = (getattr(out, name, None) for name in _NAMES)
    return next((cache for cache in found if cache is not None), None)


def _bytes(cache: Any) -> int:
    return sum(tensor_bytes(tensor) for tensor in {id(t): t for t in _tensors(cache, {})}.values())


def _tensors(value: Any, seen: dict[int, Any]) -> Iterator[Tensor]:
    """The tensors in a cache: in containers, and in objects' attributes."""
    if type(value) in PLAIN or id(value) in seen:
        return
    seen[id(value)] = value
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from _tensors(part, seen)
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from _tensors(part, seen)
    elif not isinstance(value, type):
        yield from _tensors(getattr(value, "__dict__", {}), seen)
