"""One rank of several that share each layer: tensor parallelism.

A rank has a part of each weight that the plan cuts, and works on its part of the features. As
PyTorch does it (`torch.distributed.tensor.parallel`), every layer that is cut by columns sums the
gradient of its input over all ranks, every layer that is cut by rows its result; a sum is a copy
that is then added to in place. What is not cut, each rank has and computes whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from helpers.meter.memory.ranks.collectives import (
    Copied,
    Gathered,
    Group,
    LookedUp,
    Split,
    Summed,
    bytes_of,
)
from helpers.meter.memory.ranks.layer_styles import (
    Cut,
    Style,
    alike,
    found_plan,
    is_linear,
    own_plan,
    styles_of,
    wildcard,
)
from helpers.meter.memory.ranks.local_sizes import LocalSizes, mark, unmark
from helpers.meter.memory.storages import StorageTracker
from helpers.meter.meta import tensors_in
from helpers.meter.value_fallback import CannotRun


class TensorRank:
    """A model, on loan, as one of several ranks has it: with parts of weights, and hooks that note
    what is sent.

    `open`: names of layers by columns whose results have not reached one by rows. When the model
    fails, they say which pair is at fault.
    """

    def __init__(
        self, model: nn.Module, plan: Mapping[str, str], ranks: int, rank: int, on_gloo: bool
    ) -> None:
        self.group = Group(ranks, rank, on_gloo)
        whole = sum(p.numel() for p in model.parameters())
        styles = styles_of(plan, model)
        self.open: list[str] = []
        self._bias: Tensor | None = None
        self._parts: dict[int, nn.Parameter] = {}
        self._widths: dict[str, int] = {}
        #: Features of a key that are turned by its position and shared by all heads (DeepSeek's).
        self._turned = _turned(model)
        #: Tables that are cut by rows, by the id of a rank's part: how many rows they have in all.
        self._rows: dict[int, int] = {}
        self._undo = ExitStack()
        modules = dict(model.named_modules(remove_duplicate=False))
        shared = _cut_differently(modules, styles)
        for name, style in styles.items():
            owner, _, own = name.rpartition(".")
            if name not in modules:
                self._cut(modules[owner], own, style.cut, shared)
                continue
            module = modules[name]
            if style.leaves == "gathered":
                self._widths[name] = _width(module)
            for key in module._parameters:
                if f"{name}.{key}" not in styles:
                    self._cut(module, key, style.cut, shared)
            if style.vocabulary:
                self._rows[id(module._parameters["weight"])] = module.num_embeddings
            self._hook(name, module, style)
        held = sum(p.numel() for p in model.parameters())
        parts = sum(part.numel() for part in self._parts.values())
        #: The shares of all weights that are cut, and that this rank has.
        self.share, self.held = 1 - (held - parts) / max(whole, 1), held / max(whole, 1)

    @contextmanager
    def running(self, tracker: StorageTracker | None) -> Iterator[None]:
        """While a step runs under `tracker`: what is sent is noted there."""
        self.group.tracker = tracker
        with LocalSizes(self.group.ranks, self._rows, self._look_up):
            yield

    def _cut(self, module: nn.Module, key: str, cut: int | None, shared: set[int]) -> None:
        whole = module._parameters[key]
        if whole is None or cut is None or id(whole) in shared:
            return
        if whole.dim() == 1:
            if cut == -1:  # a bias beside rows is added to the sum, by all
                return
            dimension = 0
        else:
            dimension = whole.dim() + (_flipped(cut) if _is_transposed(module) else cut)
        if id(whole) not in self._parts:
            self._parts[id(whole)] = self._part(whole, dimension)
        self._undo.callback(module._parameters.__setitem__, key, whole)
        module._parameters[key] = self._parts[id(whole)]
        if _is_transposed(module) and whole.dim() == 2:  # it shapes its result by its own width
            self._undo.callback(setattr, module, "nf", module.nf)
            module.nf = self._parts[id(whole)].shape[1]  # type: ignore[assignment]

    def _part(self, whole: nn.Parameter, dimension: int) -> nn.Parameter:
        first, size = self.group.part(whole.shape[dimension])
        part = whole.detach().narrow(dimension, first, size).clone()
        return nn.Parameter(part, whole.requires_grad)

    def _hook(self, name: str, module: nn.Module, style: Style) -> None:
        hooks = [module.register_forward_hook(partial(self._leave, name, style), always_call=True)]
        if style.enters == "copied":
            hooks.append(module.register_forward_pre_hook(partial(self._enter_copied, style)))
        elif style.enters == "split":
            hooks.append(module.register_forward_pre_hook(self._enter_split))
        if style.leaves == "summed":
            hooks.append(module.register_forward_pre_hook(self._scale_bias))
        if style.sums_gradients:
            hooks += [
                parameter.register_post_accumulate_grad_hook(self._sum_gradient)
                for parameter in module.parameters(recurse=False)
                if parameter.requires_grad
            ]
        for hook in hooks:
            self._undo.callback(hook.remove)

    def said(self, plan: Mapping[str, str], whose: str) -> Cut:
        """What was cut, as data."""
        return Cut({wildcard(n): style for n, style in plan.items()}, whose, self.share, self.held)

    def undo(self) -> None:
        """The model as it was."""
        self._undo.close()

    def _enter_copied(self, style: Style, module: nn.Module, args: tuple[Any, ...]) -> Any:
        # Experts are given their tokens and the weights of these: both have gradients to be summed.
        return tuple(
            Copied.apply(self.group, x, style.in_place)
            if isinstance(x, Tensor) and x.requires_grad and (number == 0 or style.in_place)
            else x
            for number, x in enumerate(args)
        )

    def _enter_split(self, module: nn.Module, args: tuple[Any, ...]) -> Any:
        return Split.apply(self.group, args[0]), *args[1:]

    def _scale_bias(self, module: nn.Module, args: Any) -> None:
        """A bias that all have is added to a sum: each adds its part of it, a new tensor."""
        bias = module._parameters.get("bias")
        if bias is not None:
            with torch.no_grad():
                self._bias = bias / self.group.ranks

    def _leave(self, name: str, style: Style, module: nn.Module, args: Any, out: Any) -> Any:
        self._bias = None
        if out is None:  # it failed
            return None
        if style.leaves == "as it is":
            if style.enters == "copied":
                self.open.append(name)
                for tensor in tensors_in(out):
                    mark(tensor)
            return None
        self.open.clear()
        if style.leaves == "summed":
            return unmark(Summed.apply(self.group, out, style.in_place))
        if style.leaves == "gathered":
            return unmark(Gathered.apply(self.group, out, self._widths[name]))
        kept, turned = out.split([out.shape[-1] - self._turned, self._turned], dim=-1)
        return torch.cat([kept, Copied.apply(self.group, turned, True)], dim=-1)

    def _look_up(
        self, ids: Tensor, table: Tensor, padding_idx: int | None = None, *others: Any, **named: Any
    ) -> Tensor:
        padding = -1 if padding_idx is None else padding_idx
        return LookedUp.apply(self.group, ids, table, self._rows[id(table)], padding)  # type: ignore[no-any-return]

    def _sum_gradient(self, parameter: Tensor) -> None:
        assert parameter.grad is not None
        self.group.send("all-reduce", bytes_of(parameter.grad), rounds=2)


def _cut_differently(modules: Mapping[str, nn.Module], styles: Mapping[str, Style]) -> set[int]:
    """Weights that several modules have, as a table of words and a head, not all cut alike."""
    cuts: dict[int, set[int | None]] = {}
    for name, module in modules.items():
        for key, parameter in module._parameters.items():
            if parameter is not None:
                style = styles.get(f"{name}.{key}", styles.get(name))
                cuts.setdefault(id(parameter), set()).add(style.cut if style else None)
    return {number for number, found in cuts.items() if len(found) > 1}


def _turned(model: nn.Module) -> int:
    configs = (getattr(module, "config", None) for module in model.modules())
    found = (getattr(config, "qk_rope_head_dim", None) for config in configs)
    return next((width for width in found if isinstance(width, int)), 0)


def _is_transposed(module: nn.Module) -> bool:
    return is_linear(module) and not isinstance(module, nn.Linear)


def _width(module: nn.Module) -> int:
    """Features of a linear layer's result."""
    weight = module._parameters["weight"]
    assert weight is not None
    return weight.shape[1 if _is_transposed(module) else 0]


def _flipped(cut: int) -> int:
    return -3 - cut


def tensor_rank_of(
    model: nn.Module,
    named: Mapping[str, str] | None,
    ranks: int,
    rank: int,
    run: Callable[[], Any],
    on_gloo: bool = True,
) -> tuple[TensorRank, Cut]:
    """A model as one of `ranks` has it, by the plan `named`, its own, or one that is found.

    `run` runs a forward pass, and raises CannotRun where the model fails. Raises CannotRun, in one
    line, where it fails when it is cut so, and ValueError where nothing of it can be cut.
    """
    if plan := named or own_plan(model):
        cut = TensorRank(model, plan, ranks, rank, on_gloo)
        try:
            with cut.running(None):
                run()
        except CannotRun as error:
            raise CannotRun(f"cut among {ranks} ranks, {error}") from error
        return cut, cut.said(plan, "given" if named else "its own")
    whole: frozenset[str] = frozenset()
    while plan := found_plan(model, run, ranks, whole):
        cut = TensorRank(model, plan, ranks, rank, on_gloo)
        try:
            with cut.running(None):
                run()
            return cut, cut.said(plan, "found")
        except CannotRun:
            cut.undo()
            if not cut.open:
                raise
            whole |= alike(model, cut.open, plan)
    raise ValueError(
        f"{type(model).__name__} has no pair of linear layers that {ranks} ranks can cut: try"
        " another number of them, or give a plan"
    )
