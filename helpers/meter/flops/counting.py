"""Counts what a program of one's own runs, as it runs: a training loop, a generation.

>>> with counting(model) as counted:
...     loss = model(x).sum()
...     loss.backward()
...     optimizer.step()
>>> print(counted.result)
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, cast

import torch
from torch import nn

from helpers.meter.flops.conventions import Convention
from helpers.meter.flops.count import plain_kernels, rules_of
from helpers.meter.flops.module_stack import ModuleStack
from helpers.meter.flops.recorder import Recorder
from helpers.meter.flops.result import Count
from helpers.meter.flops.summary import summarize
from helpers.meter.loan import Values
from helpers.meter.models import plain


class _Loop(ModuleStack):
    """Modules that run in a program that goes forward and backward as it likes."""

    @property
    def backward(self) -> bool:  # type: ignore[override]
        """Whether autograd is at work."""
        return torch._C._current_autograd_node() is not None

    @backward.setter
    def backward(self, value: bool) -> None:
        """It says so itself."""


class Counting:
    """What has run since the counting began."""

    def __init__(self, models: tuple[nn.Module, ...], rules: Convention) -> None:
        self._parts = _named(models)
        self._modules = _Loop({id(part): path for path, part in self._parts.items()})
        tensors = [t for model in models for t in (*model.parameters(), *model.buffers())]
        known = {id(tensor): tensor for tensor in tensors}
        self.recorder = Recorder(rules, self._modules, known, Values.ALL)

    @property
    def result(self) -> Count:
        """The count so far; also within the block.

        What no module does, such as a loss or an optimizer's step, is in the first row alone. The
        bytes of that row are unfused: what goes into a program is not known.
        """
        counted = summarize(self.recorder, self._parts, backward=False)
        first, *rest = counted.modules
        first = replace(first, calls=1, bytes_moved=first.bytes_unfused)
        went_back = any(entry.backward for entry in counted.entries)
        return replace(counted, title="all", modules=(first, *rest), backward=went_back)

    def following(self) -> Any:
        """The modules of this thread, while they run."""
        return self._modules.following()


@contextmanager
def counting(*models: nn.Module, convention: str = "course") -> Iterator[Counting]:
    """Counts all that runs in the block, on any device, with the values that are there.

    `models`: those whose modules are to have rows of their own. `convention`: as `count` takes it,
    "timm" apart. Code that `torch.compile` made is not looked into: count the model that it was
    made of. Raises ValueError for an unknown convention.
    """
    rules = rules_of(convention)
    if rules.whole:
        raise ValueError(f"{convention} looks at one forward pass: use count")
    counted = Counting(tuple(cast(nn.Module, plain(model)) for model in models), rules)
    with plain_kernels(), counted.following(), counted.recorder:
        yield counted


def _named(models: tuple[nn.Module, ...]) -> dict[str, nn.Module]:
    """Modules by path; a model is called as its class, with a number where that is not enough."""
    parts: dict[str, nn.Module] = {}
    for model in models:
        kind = type(model).__name__
        name, number = kind, 1
        while name in parts:
            number += 1
            name = f"{kind} {number}"
        for path, part in model.named_modules(prefix=name):
            parts[path] = part
    return parts
