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

from helpers.meter.memory.local_sizes import LocalSizes, mark, unmark
from helpers.meter.memory.storages import StorageTracker
from helpers.meter.memory.tensor_plan import (
    Cut,
    Style,
    alike,
    found_plan,
    is_linear,
    own_plan,
    styles_of,
    wildcard,
)
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
        self.ranks, self.rank, self.on_gloo = ranks, rank, on_gloo
        whole = sum(p.numel() for p in model.parameters())
        styles = styles_of(plan, model)
        self.open: list[str] = []
        self._bias: Tensor | None = None
        self._tracker: StorageTracker | None = None
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
        kept = sum(
            p.numel() for p in model.parameters() if id(p) not in set(map(id, self._parts.values()))
        )
        #: The shares of all weights that are cut, and that this rank has.
        self.share, self.held = 1 - kept / max(whole, 1), held / max(whole, 1)

    @contextmanager
    def running(self, tracker: StorageTracker | None) -> Iterator[None]:
        """While a step runs under `tracker`: what is sent is noted there."""
        self._tracker = tracker
        with LocalSizes(self.ranks, self._rows, self._look_up):
            yield

    def send(self, name: str, size: int, rounds: int = 1, workspace: int = 0) -> None:
        """Notes a collective on so many bytes, of all ranks together where they are gathered."""
        if self._tracker:
            sent = rounds * size * (self.ranks - 1) // self.ranks
            self._tracker.transfer(name, sent, workspace)

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
        size = whole.shape[dimension]
        most = -(-size // self.ranks)
        first = min(size, self.rank * most)
        part = whole.detach().narrow(dimension, first, min(most, size - first)).clone()
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
            _Copied.apply(self, x, style.in_place)
            if isinstance(x, Tensor) and x.requires_grad and (number == 0 or style.in_place)
            else x
            for number, x in enumerate(args)
        )

    def _enter_split(self, module: nn.Module, args: tuple[Any, ...]) -> Any:
        return _Split.apply(self, args[0]), *args[1:]

    def _scale_bias(self, module: nn.Module, args: Any) -> None:
        """A bias that all have is added to a sum: each adds its part of it, a new tensor."""
        bias = module._parameters.get("bias")
        if bias is not None:
            with torch.no_grad():
                self._bias = bias / self.ranks

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
            return unmark(_Summed.apply(self, out, style.in_place))
        if style.leaves == "gathered":
            return unmark(_Gathered.apply(self, out, self._widths[name]))
        kept, turned = out.split([out.shape[-1] - self._turned, self._turned], dim=-1)
        return torch.cat([kept, _Copied.apply(self, turned, True)], dim=-1)

    def _look_up(
        self, ids: Tensor, table: Tensor, padding_idx: int | None = None, *others: Any, **named: Any
    ) -> Tensor:
        padding = -1 if padding_idx is None else padding_idx
        return _LookedUp.apply(self, ids, table, self._rows[id(table)], padding)  # type: ignore[no-any-return]

    def _sum_gradient(self, parameter: Tensor) -> None:
        assert parameter.grad is not None
        self.send("all-reduce", _bytes(parameter.grad), rounds=2)


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


def _bytes(tensor: Tensor) -> int:
    return tensor.numel() * tensor.itemsize


def _all_reduced(owner: TensorRank, tensor: Tensor, in_place: bool) -> Tensor:
    """The sum over all ranks: a copy, unless it may lie where it was."""
    if not in_place:
        tensor = tensor.clone(memory_format=torch.contiguous_format)
    owner.send("all-reduce", _bytes(tensor), rounds=2)
    return tensor


class _Copied(torch.autograd.Function):
    """Its input; the gradient is summed over all ranks."""

    @staticmethod
    def forward(ctx: Any, owner: TensorRank, x: Tensor, in_place: bool) -> Tensor:
        ctx.how = owner, in_place
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        owner, in_place = ctx.how
        return None, _all_reduced(owner, gradients[0], in_place), None


class _Summed(torch.autograd.Function):
    """Its input, summed over all ranks; the gradient is the same for all."""

    @staticmethod
    def forward(ctx: Any, owner: TensorRank, x: Tensor, in_place: bool) -> Tensor:
        return _all_reduced(owner, x.view_as(x), in_place)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        return None, gradients[0], None


class _LookedUp(torch.autograd.Function):
    """Rows of a table of which a rank has some; those of others are zero, and the sum is whole.

    The gradient is that of the whole table, of which a rank keeps a view of its rows.
    """

    @staticmethod
    def forward(
        ctx: Any, owner: TensorRank, ids: Tensor, table: Tensor, rows: int, padding: int
    ) -> Tensor:
        ctx.how = rows, padding, table.shape[0]
        ctx.save_for_backward(ids)
        elsewhere = (ids < 0) | (ids >= table.shape[0])
        own = ids.clone().sub(0).masked_fill_(elsewhere, 0)
        found = torch.embedding(table, own).masked_fill_(elsewhere.unsqueeze(-1), 0)
        return _all_reduced(owner, found, in_place=False)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        rows, padding, own = ctx.how
        (ids,) = ctx.saved_tensors
        whole = torch.ops.aten.embedding_dense_backward(gradients[0], ids, rows, padding, False)
        return None, None, whole[:own], None, None


def _gathered(owner: TensorRank, part: Tensor, width: int) -> Tensor:
    """The parts of all ranks side by side: gathered one after another, then put together."""
    most = -(-width // owner.ranks)
    if part.shape[-1] != most:  # a last part may be smaller, and is sent as large as the others
        part = nn.functional.pad(part, (0, most - part.shape[-1]))
    gathered = part.new_zeros((owner.ranks * part.shape[0], *part.shape[1:]))
    size = _bytes(gathered)
    owner.send("all-gather", size, workspace=size if owner.on_gloo else 0)
    return torch.cat(gathered.chunk(owner.ranks), dim=-1)[..., :width]


class _Gathered(torch.autograd.Function):
    """The features of all ranks; each needs the gradient of its own."""

    @staticmethod
    def forward(ctx: Any, owner: TensorRank, x: Tensor, width: int) -> Tensor:
        ctx.width = x.shape[-1]
        return _gathered(owner, x, width)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        return None, gradients[0][..., : ctx.width].contiguous(), None


class _Split(torch.autograd.Function):
    """A rank's part of the features; their gradients are gathered."""

    @staticmethod
    def forward(ctx: Any, owner: TensorRank, x: Tensor) -> Tensor:
        ctx.how = owner, x.shape[-1]
        most = -(-x.shape[-1] // owner.ranks)
        return x[..., owner.rank * most : (owner.rank + 1) * most].contiguous()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        owner, width = ctx.how
        return None, _gathered(owner, gradients[0], width)


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
