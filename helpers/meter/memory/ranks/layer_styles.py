"""Which weights of a model its ranks cut among them, and how.

A plan has a style for each layer, by name; `*` stands for a number. Its words are those of
transformers' own plans, which a model of that package brings along:

    {"layers.*.mlp.up_proj": "colwise", "layers.*.mlp.down_proj": "rowwise"}

For other models a plan is found, as Megatron-LM has it: a linear layer is cut by columns, and the
one that its result reaches by rows, if what is between the two works on each feature or head alone.
What is in no such pair stays whole on every rank.

Source of the pairs: Shoeybi et al., Megatron-LM (2019), section 3.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from helpers.meter.meta import tensors_in


@dataclass(frozen=True)
class Style:
    """What a rank does in a layer.

    Attributes:
        cut: the dimension of its weights that is cut, from the last one back; None: none.
        enters: "copied": the input is the same for all, its gradient is summed; "split": each takes
            its part of the input; "as it is".
        leaves: "summed" or "gathered" over all ranks, or "as it is".
        sums_gradients: of its weights, over all ranks.
        in_place: sums its result where it lies.
        vocabulary: each has some rows of a table, looks up what is in them, and results are summed.
    """

    cut: int | None = None
    enters: Literal["as it is", "copied", "split"] = "as it is"
    leaves: Literal["as it is", "summed", "gathered", "summed in part"] = "as it is"
    sums_gradients: bool = False
    in_place: bool = False
    vocabulary: bool = False


_COLUMNS, _ROWS = -2, -1
_GATHERED = Style(_COLUMNS, "copied", "gathered")
_SPLIT = Style(_ROWS, "split", "summed")

#: The styles that are followed, by transformers' names.
STYLES: Mapping[str, Style] = {
    "colwise": Style(_COLUMNS, "copied"),
    "packed_colwise": Style(_COLUMNS, "copied"),
    "colwise_gather_output": _GATHERED,
    "colwise_rep": _GATHERED,
    "rowwise": Style(_ROWS, leaves="summed"),
    "packed_rowwise": Style(_ROWS),
    "rowwise_split_input": _SPLIT,
    "rowwise_rep": _SPLIT,
    "replicated_with_grad_allreduce": Style(sums_gradients=True),
    "embedding_rowwise": Style(_COLUMNS, vocabulary=True),
    "moe_tp_experts": Style(enters="copied", leaves="summed", in_place=True),
    "all_reduce": Style(leaves="summed"),
    "mla_kv_a_proj": Style(leaves="summed in part"),
    "local_params": Style(),
    "replicate": Style(),
}


@dataclass(frozen=True)
class Cut:
    """How a model was cut: styles by names with wildcards, whose plan it is ("given", "its own" or
    "found"), the share of all weights that is cut, and the share of them that a rank has."""

    plan: Mapping[str, str]
    whose: str
    share: float
    held: float

    def __str__(self) -> str:
        whose = {"given": "the plan that is given", "its own": "its own plan"}
        by = whose.get(self.whose, "pairs of layers that were found")
        share, held = 100 * self.share, 100 * self.held
        return f"{share:.1f} % of the weights are cut, by {by}; a rank has {held:.1f} % of all"


def wildcard(name: str) -> str:
    """A name with `*` for its numbers: that of a layer and of those like it."""
    return re.sub(r"(?<![^.])\d+(?![^.])", "*", name)


def own_plan(model: nn.Module) -> dict[str, str]:
    """The plan that a model of transformers brings along; empty where it has none."""
    plan = getattr(model, "tp_plan", None)
    return dict(plan) if isinstance(plan, Mapping) else {}


def styles_of(plan: Mapping[str, str], model: nn.Module) -> dict[str, Style]:
    """The styles of a plan by the whole names of modules and parameters.

    Raises ValueError for a style that is not followed, or for a name that nothing has.
    """
    unknown = sorted({style for style in plan.values() if style not in STYLES})
    if unknown:
        raise ValueError(f"no style {unknown[0]!r} is followed: use {', '.join(STYLES)}")
    names = [name for name, _ in model.named_modules(remove_duplicate=False)]
    names += [name for name, _ in model.named_parameters(remove_duplicate=False)]
    found = {}
    for name in names:
        style = plan.get(name, plan.get(wildcard(name)))
        if name and style is not None:
            found[name] = STYLES[style]
    if not found:
        raise ValueError(f"no layer of {type(model).__name__} has a name of the plan")
    return found


def is_linear(module: nn.Module) -> bool:
    """Whether a module multiplies by one matrix; transformers has one of its own for GPT-2."""
    return isinstance(module, nn.Linear) or type(module).__name__ == "Conv1D"


def alike(model: nn.Module, names: Iterable[str], plan: Mapping[str, str]) -> frozenset[str]:
    """The layers of a plan that have the names of others but for their numbers, and their sizes."""

    def kind(name: str) -> tuple[str, torch.Size]:
        return wildcard(name), model.get_parameter(f"{name}.weight").shape

    kinds = {kind(name) for name in names}
    return frozenset(name for name in plan if kind(name) in kinds)


def found_plan(
    model: nn.Module, run: Callable[[], Any], ranks: int, whole: frozenset[str] = frozenset()
) -> dict[str, str]:
    """A plan for pairs of linear layers, by following what each result reaches while `run` runs.

    `whole`: names of layers that are not cut by columns in any case. Empty where no pair is left.
    """
    while True:
        flow = _Flow(model, ranks, whole)
        flow.follow(run)
        if not flow.spoilt:
            return flow.plan()
        whole |= flow.spoilt


class _Flow(TorchFunctionMode):
    """Follows results of linear layers. `spoilt` has those that cannot be cut by columns."""

    def __init__(self, model: nn.Module, ranks: int, whole: frozenset[str]) -> None:
        super().__init__()
        self.ranks, self.whole = ranks, whole
        self.spoilt: frozenset[str] = frozenset()
        self._layers = {name: each for name, each in model.named_modules() if is_linear(each)}
        self._widths: dict[str, int] = {}
        #: Of each second layer, the first ones whose results reach it.
        self._firsts: dict[str, set[str]] = {}
        #: Layers that were given something whole.
        self._given_whole: set[str] = set()
        self._inside = 0

    def follow(self, run: Callable[[], Any]) -> None:
        """Runs. What reaches the end, or a layer that cannot be a second one, is spoilt."""
        hooks = []
        for name, module in self._layers.items():
            hooks.append(module.register_forward_pre_hook(self._enter))
            hooks.append(module.register_forward_hook(self._leaving(name), always_call=True))
        try:
            with self:
                out = run()
            for tensor in tensors_in(out):
                self._spoil(_firsts_of(tensor))
        finally:
            for hook in hooks:
                hook.remove()
        for second, firsts in self._firsts.items():
            if second in self._given_whole or firsts & self.spoilt:
                self._spoil(firsts)
        reach = set[str]().union(*self._firsts.values())
        self._spoil(self._widths.keys() - reach)

    def plan(self) -> dict[str, str]:
        """Columns for first layers, rows for second ones."""
        firsts = [name for names in self._firsts.values() for name in sorted(names)]
        return dict.fromkeys(firsts, "colwise") | dict.fromkeys(self._firsts, "rowwise")

    def __torch_function__(
        self, func: Any, types: Any, args: tuple = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        out = func(*args, **kwargs)
        if self._inside:
            return out
        given = list(tensors_in(args, kwargs))
        firsts = frozenset[str]().union(*map(_firsts_of, given))
        if firsts and self._mixes(func, args, kwargs, given, firsts):
            self._spoil(firsts)
        elif firsts:
            for tensor in tensors_in(out):
                tensor._firsts = firsts  # type: ignore[attr-defined]
        return out

    def _mixes(
        self,
        func: Any,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        given: list[Tensor],
        firsts: frozenset[str],
    ) -> bool:
        """Whether an operation needs all features of a first layer at once."""
        if func in _MIXING:
            return True
        widths = {self._widths[name] for name in firsts}
        if func in _NORMS:
            sizes = kwargs.get("normalized_shape", args[1] if len(args) > 1 else ())
            return bool(widths & {*sizes[-1:]})
        parts = [x for x in given if _firsts_of(x) and x.dim() and x.shape[-1] in widths]
        if func in _REDUCING:
            return bool(parts)
        # Beside something whole, as in a sum with a layer's input, or times a matrix.
        whole = [x for x in given if not _firsts_of(x)]
        return bool(parts) and any(widths & {*x.shape[-2:]} for x in whole)

    def _enter(self, module: nn.Module, args: Any) -> None:
        self._inside += 1

    def _leaving(self, name: str) -> Callable[..., None]:
        def leave(module: nn.Module, args: Any, out: Any) -> None:
            self._inside -= 1
            if not isinstance(out, Tensor) or not args:
                return
            firsts = _firsts_of(args[0])
            if firsts:
                self._firsts.setdefault(name, set()).update(firsts)
                if args[0].shape[-1] % self.ranks:
                    self._spoil(firsts)
                return
            self._given_whole.add(name)
            if name in self.whole:
                return
            self._widths[name] = out.shape[-1]
            if out.shape[-1] % self.ranks:
                self._spoil({name})
            else:
                out._firsts = frozenset({name})  # type: ignore[attr-defined]

        return leave

    def _spoil(self, names: Any) -> None:
        self.spoilt |= frozenset(names) - self.whole


def _firsts_of(tensor: Tensor) -> frozenset[str]:
    """The layers whose results a tensor is made of, with no second layer between."""
    return getattr(tensor, "_firsts", frozenset())


_NORMS = frozenset({F.layer_norm, F.rms_norm, torch.layer_norm, torch.rms_norm})
_MIXING = frozenset(
    {F.linear, F.batch_norm, F.group_norm, F.instance_norm, F.bilinear, F.embedding}
    | {F.conv1d, F.conv2d, F.conv3d, F.cross_entropy, F.nll_loss, torch.batch_norm}
    | {F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d}
)
_REDUCING = frozenset(
    function
    for name in (
        *("mean", "sum", "var", "std", "norm", "amax", "amin", "max", "min", "argmax", "prod"),
        *("topk", "softmax", "log_softmax", "logsumexp", "cumsum", "sort"),
    )
    for owner in (Tensor, torch, F)
    if (function := getattr(owner, name, None)) is not None
)
