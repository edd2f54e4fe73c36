"""One rank of several that train together: what it holds over a step, and what it sends.

| stage | what is shared | as PyTorch does it |
|---|---|---|
| 0 | nothing: gradients are averaged | DDP with `gradient_as_bucket_view=True` |
| 1 | the optimizer's states | the same with `ZeroRedundancyOptimizer` |
| 2 | gradients, too | FSDP2 with `reshard_after_forward=False` |
| 3 | weights, too | FSDP2 |

Source of the stages: Rajbhandari et al., ZeRO (2020). The order of allocations is PyTorch 2.15's
(`torch/distributed/fsdp/_fully_shard`, `torch/csrc/distributed/c10d/reducer.cpp`). On a CPU it is
gloo's, which copies what it gathers or reduces, and sends a reduce-scatter as an all-reduce.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from math import ceil
from typing import Any

import torch
from torch import Tensor, nn

from helpers.meter.memory.ranks.plan import Plan
from helpers.meter.memory.storages import StorageTracker
from helpers.meter.meta import tensors_in


class Replicas:
    """A rank with all weights and gradients, and, in stage 1, a part of the states."""

    #: First bucket of gradients, and those after it.
    _CAPS = 2**20, 25 * 2**20

    def __init__(self, plan: Plan, model: nn.Module) -> None:
        self.plan, self.model = plan, model
        self._learned = [p for p in model.parameters() if p.requires_grad]
        self.parameters = self._learned if plan.stage == 0 else self._own()
        self._buckets = _buckets(self._learned, self._CAPS)

    def _own(self) -> list[nn.Parameter]:
        """Of all parameters, the largest first, each goes to the rank that has least."""
        shares: list[list[nn.Parameter]] = [[] for _ in range(self.plan.data)]
        sizes = [0] * self.plan.data
        for parameter in sorted(self._learned, key=lambda p: -p.numel()):
            least = sizes.index(min(sizes))
            shares[least].append(parameter)
            sizes[least] += parameter.numel()
        return shares[self.plan.place]

    def hold(self, tracker: StorageTracker) -> None:
        """Weights, and the buckets in which gradients lie from the second step on."""
        for parameter in self.model.parameters():
            tracker.hold(parameter, "weights")
        self._flat = [_flat(bucket) for bucket in self._buckets]
        for flat in self._flat:
            tracker.hold(flat, "gradients")

    @contextmanager
    def running(self, tracker: StorageTracker) -> Iterator[None]:
        """Each gradient goes into its bucket; a bucket that is full is averaged."""
        waiting = [len(bucket) for bucket in self._buckets]
        hooks = []

        def arrived(number: int, place: int) -> Callable[[Tensor], None]:
            def move(parameter: Tensor) -> None:
                flat = self._flat[number]
                parameter.grad = flat[place : place + parameter.numel()].view(parameter.shape)
                waiting[number] -= 1
                if not waiting[number]:
                    size = flat.numel() * flat.itemsize
                    tracker.transfer("all-reduce", 2 * self._shared(size))

            return move

        for number, bucket in enumerate(self._buckets):
            place = 0
            for parameter in bucket:
                hook = arrived(number, place)
                hooks.append(parameter.register_post_accumulate_grad_hook(hook))
                place += parameter.numel()
        try:
            yield
        finally:
            for handle in hooks:
                handle.remove()

    def finish(self, tracker: StorageTracker) -> None:
        """Nothing waits: all buckets were averaged on the way."""

    def after_step(self, tracker: StorageTracker) -> None:
        """In stage 1 each rank sends the weights that it has changed."""
        for parameter in self._learned if self.plan.stage else ():
            size = parameter.numel() * parameter.itemsize
            tracker.transfer("broadcast", self._shared(size))

    def _shared(self, size: int) -> int:
        return size * (self.plan.data - 1) // self.plan.data


def _buckets(parameters: Sequence[nn.Parameter], caps: tuple[int, int]) -> list[list[nn.Parameter]]:
    """Parameters from the last to the first, of one format, in buckets of some MB."""
    buckets: list[list[nn.Parameter]] = []
    held, cap = 0, caps[0]
    for parameter in reversed(parameters):
        size = parameter.numel() * parameter.itemsize
        if not buckets or held >= cap or buckets[-1][0].dtype is not parameter.dtype:
            cap = caps[min(len(buckets), 1)]
            buckets.append([])
            held = 0
        buckets[-1].append(parameter)
        held += size
    return buckets


def _flat(bucket: Sequence[nn.Parameter]) -> Tensor:
    return bucket[0].detach().new_empty(sum(p.numel() for p in bucket))


class Shards:
    """A rank with a part of everything, which gathers the weights of one unit after another."""

    def __init__(self, plan: Plan, model: nn.Module, on_gloo: bool) -> None:
        self.plan, self.model, self.on_gloo = plan, model, on_gloo
        names = blocks_of(model) if plan.units is None else plan.units
        taken: set[int] = set()
        self.units = [_Unit(self, _submodule(model, name), taken) for name in names]
        self.units.append(_Unit(self, model, taken))
        self.units = [unit for unit in self.units if unit.full_parameters]
        self.parameters = [shard for unit in self.units for _, shard, _ in unit.learned]
        # What was gathered last in the forward pass, and what was reduced last in the backward
        # pass, stay until the next one is there.
        self.last_gathered: Tensor | None = None
        self.last_reduced: Tensor | None = None
        self.order: list[_Unit] = []

    def hold(self, tracker: StorageTracker) -> None:
        """The shards; whole weights are held while they are gathered only."""
        for unit in self.units:
            for parameter, shard in zip(unit.full_parameters, unit.shards, strict=True):
                tracker.hold(parameter, "weights", size=0)
                tracker.hold(shard, "weights")

    @contextmanager
    def running(self, tracker: StorageTracker) -> Iterator[None]:
        """Units gather their weights before they run, forward and backward."""
        self.tracker = tracker
        hooks = [hook for unit in self.units for hook in unit.hooks()]
        hooks.append(self.model.register_forward_hook(self._forward_ends))
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()

    def _forward_ends(self, *_: Any) -> None:
        if self.tracker.phase == "forward":
            self.last_gathered = None

    def finish(self, tracker: StorageTracker) -> None:
        """Units whose input has no gradient are reduced when all others are done."""
        for unit in self.units[-1:] + self.units[:-1]:
            unit.after_backward()
        self.last_reduced = None

    def after_step(self, tracker: StorageTracker) -> None:
        """Nothing is sent: weights are gathered when they are needed."""


class _Unit:
    """Weights that are gathered together, those of a module without its own units."""

    def __init__(self, owner: Shards, module: nn.Module, taken: set[int]) -> None:
        self.owner, self.module = owner, module
        own = [p for p in module.parameters() if id(p) not in taken]
        self.full_parameters = own
        taken.update(map(id, own))
        if len({p.dtype for p in own}) > 1:
            raise ValueError("weights that are sharded together need one number format")
        ranks, rank = owner.plan.data, owner.plan.place
        if not all(p.dim() for p in own):
            raise ValueError("FSDP2 shards no weight that is a single number: give it a dimension")
        rows = [ceil(p.shape[0] / ranks) for p in own]
        self.sizes = [
            count * (p.numel() // max(p.shape[0], 1)) for count, p in zip(rows, own, strict=True)
        ]
        self.shards = [
            _shard(p, count, size, rank)
            for p, count, size in zip(own, rows, self.sizes, strict=True)
        ]
        both = zip(own, self.shards, self.sizes, strict=True)
        self.learned = [each for each in both if each[0].requires_grad]
        self.gathered: Tensor | None = None
        self.whole: list[Tensor] = []
        self.is_last = module is owner.model
        self._is_done = False

    def hooks(self) -> list[Any]:
        """Those that gather, let go and reduce."""
        self.gathered, self.whole = None, []
        self._is_done = False
        return [
            self.module.register_forward_pre_hook(self._enter, with_kwargs=True),
            self.module.register_forward_hook(self._leave),
        ]

    def _enter(self, module: nn.Module, args: Any, kwargs: Any) -> Any:
        self._gather()
        keep = self.owner.tracker.phase == "forward"
        self._copy_out(keep)
        tensors = [t for t in (*args, *kwargs.values()) if _has_gradient(t)]
        if not keep or not tensors:
            return None
        marked = iter(_AfterBackward.apply(self, *tensors))
        args = tuple(next(marked) if _has_gradient(t) else t for t in args)
        return args, {k: next(marked) if _has_gradient(t) else t for k, t in kwargs.items()}

    def _leave(self, module: nn.Module, args: Any, out: Any) -> None:
        if self.owner.tracker.phase != "forward":
            return
        if self.owner.plan.stage == 3 and not self.is_last:
            self.whole = []
        self.owner.order.append(self)
        begun: list[bool] = []  # of this call: a unit may run several times
        for tensor in tensors_in(out):
            if tensor.requires_grad:
                tensor.register_hook(partial(self._before_backward, begun))

    def _before_backward(self, begun: list[bool], gradient: Tensor) -> None:
        if begun:
            return
        begun.append(True)
        self._is_done = False
        self._gather()
        self._copy_out(keep=False)
        order = self.owner.order
        if order:
            order.pop()
        if order:
            order[-1]._gather()

    def after_backward(self) -> None:
        """The gradients are there: what they are on this rank is kept."""
        if self._is_done:
            return
        self._is_done = True
        arrived = [(p.grad, shard, size) for p, shard, size in self.learned if p.grad is not None]
        for parameter, _, _ in self.learned:
            parameter.grad = None
        self.whole, self.gathered = [], None
        self.owner.last_reduced = None
        if not arrived:
            return
        ranks, one = self.owner.plan.data, arrived[0][1].detach()
        shards = [(shard, size) for _, shard, size in arrived]
        total = sum(size for _, size in shards)
        given = one.new_empty(total * ranks)
        if self.owner.on_gloo:  # a CPU copies what has to be padded before it is put together
            padded = sum(size for whole, _, size in arrived if whole.numel() != size * ranks)
            self.owner.tracker.transfer("chunk-cat", 0, padded * ranks * one.itemsize)
        arrived.clear()
        kept = one.new_empty(total)
        self._send("reduce-scatter", given)
        place = 0
        for shard, size in shards:
            shard.grad = kept[place : place + shard.numel()].view(shard.shape)
            place += size
        self.owner.last_reduced = given

    def _gather(self) -> None:
        if self.gathered is not None or self.whole:
            return
        total = sum(self.sizes) * self.owner.plan.data
        self.gathered = self.full_parameters[0].detach().new_empty(total)
        self.owner.tracker.relabel(self.gathered, "gathered weights")
        self._send("all-gather", self.gathered)

    def _copy_out(self, keep: bool) -> None:
        if self.gathered is None:
            return
        if keep:
            self.owner.last_gathered = None
        ranks, whole = self.owner.plan.data, self.gathered.new_empty
        self.whole = [whole(size * ranks) for size in self.sizes]
        for tensor in self.whole:
            self.owner.tracker.relabel(tensor, "gathered weights")
        if keep:
            self.owner.last_gathered = self.gathered
        self.gathered = None

    def _send(self, name: str, tensor: Tensor) -> None:
        size, ranks = tensor.numel() * tensor.itemsize, self.owner.plan.data
        rounds = 2 if self.owner.on_gloo and name == "reduce-scatter" else 1
        workspace = size if self.owner.on_gloo else 0
        self.owner.tracker.transfer(name, rounds * size * (ranks - 1) // ranks, workspace)


class _AfterBackward(torch.autograd.Function):
    """Passes a unit's inputs on; when their gradients come back, the unit is done."""

    @staticmethod
    def forward(ctx: Any, unit: _Unit, *tensors: Tensor) -> tuple[Tensor, ...]:
        ctx.unit = unit
        return tensors

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        ctx.unit.after_backward()
        return None, *gradients


def strategy_of(plan: Plan, model: nn.Module, device: str) -> Replicas | Shards | None:
    """What the data-parallel ranks of a plan do; None where there is one."""
    if plan.data == 1:
        return None
    return Replicas(plan, model) if plan.stage < 2 else Shards(plan, model, device == "cpu")


def blocks_of(model: nn.Module) -> list[str]:
    """The modules that stand in a row: what is in the outermost lists and sequences."""
    names: list[str] = []
    rows = (nn.ModuleList, nn.Sequential)

    def look(module: nn.Module, prefix: str) -> None:
        for name, child in module.named_children():
            path = f"{prefix}{name}"
            if isinstance(module, rows):
                if any(True for _ in child.parameters()):
                    names.append(path)
            else:
                look(child, f"{path}.")

    look(model, "")
    return names


def _submodule(model: nn.Module, name: str) -> nn.Module:
    try:
        return model.get_submodule(name)
    except AttributeError as error:
        raise ValueError(f"no submodule {name!r} to shard in {type(model).__name__}") from error


def _shard(parameter: nn.Parameter, rows: int, size: int, rank: int) -> nn.Parameter:
    """A rank's rows of a parameter, cut from as many as the first rank has."""
    padded = parameter.detach().new_empty(size)
    own = max(0, min(rows, parameter.shape[0] - rank * rows))
    width = size // rows if rows else 0
    cut = padded[: own * width].view(own, *parameter.shape[1:])
    return nn.Parameter(cut, parameter.requires_grad)


def _has_gradient(value: Any) -> bool:
    return isinstance(value, Tensor) and value.requires_grad
