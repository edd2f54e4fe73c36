"""One forward pass or training step on meta tensors, followed storage by storage."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn, optim

from helpers.conventions import dtype_name
from helpers.meter.loan import Values, constants
from helpers.meter.memory.device.allocator import rounded
from helpers.meter.memory.device.autocast import autocasting
from helpers.meter.memory.device.cpu_kernels import LAYOUTS
from helpers.meter.memory.device.cuda_layouts import CUDA_LAYOUTS
from helpers.meter.memory.device.kernel_bytes import taken_on_cpu
from helpers.meter.memory.device.kernel_choice import fast_paths, kernels_of
from helpers.meter.memory.optimizer_states import AnyScalar, fused_on_meta, state_tensors
from helpers.meter.memory.ranks.layer_styles import Cut
from helpers.meter.memory.ranks.plan import Plan
from helpers.meter.memory.ranks.sharding import strategy_of
from helpers.meter.memory.ranks.tensor_parallel import TensorRank, tensor_rank_of
from helpers.meter.memory.storages import StorageLog, StorageTracker
from helpers.meter.meta import tensors_in
from helpers.meter.value_fallback import CannotRun, reason_of


@dataclass(frozen=True)
class SavedTensor:
    """A storage that autograd keeps for the backward pass: the module that ran when it was saved,
    the shape and dtype of the tensor that was saved first, and the bytes of its storage."""

    module: str
    shape: tuple[int, ...]
    dtype: str
    bytes: int


def mean_of_squares(output: Any) -> Tensor:
    """A loss for any output: the mean square of each floating-point tensor in it, summed."""
    tensors = [tensor for tensor in tensors_in(output) if tensor.is_floating_point()]
    if not tensors:
        raise ValueError("the model returns no floating-point tensor: give a loss")
    first, *others = (tensor.float().square().mean() for tensor in tensors)
    return sum(others, first)


class Step:
    """A model and its inputs, run once under a tracker: on meta, or for real if `values` is ALL.

    `log` and `saved` hold what it did. Raises ValueError, in one line, for an unknown device, an
    empty input, or a model that fails.
    """

    def __init__(
        self,
        model: nn.Module,
        inputs: tuple[Any, ...],
        keywords: dict[str, Any],
        device: str = "cpu",
        autocast: torch.dtype | None = None,
        values: Values = Values.NONE,
        plan: Plan | None = None,
    ) -> None:
        if device not in ("cpu", "cuda"):
            raise ValueError(f"unknown device {device!r}: use 'cpu' or 'cuda'")
        self.device = device
        self.values = values
        #: Whether what autograd keeps is noted: transforms of `torch.func` refuse to be watched so.
        self.notes_saved = True
        self.autocast = autocast
        self.model, self.inputs, self.keywords = model, inputs, keywords
        self.tensor_rank, self.cut = None, None
        if plan and plan.tensor > 1:
            self.tensor_rank, self.cut = self._cut_by(plan)
        self.strategy = strategy_of(plan, model, device) if plan else None
        for tensor in self._given():
            if tensor.numel() == 0:
                shape = tuple(tensor.shape)
                raise ValueError(f"input of shape {shape} is empty: the batch starts at 1")
        self.restart()

    def _cut_by(self, plan: Plan) -> tuple[TensorRank, Cut]:
        def run() -> Any:
            self.tracker = self._new_tracker()
            with self.tracker, torch.no_grad():
                return self._forward()

        place = plan.tensor, plan.rank % plan.tensor
        return tensor_rank_of(self.model, plan.cut, *place, run, on_gloo=self.device == "cpu")

    @property
    def log(self) -> StorageLog:
        return self.tracker.log

    def restart(self) -> None:
        """Forgets what was tracked, and holds what is there before the step."""
        self.tracker = self._new_tracker()
        self.saved: dict[int, SavedTensor] = {}
        self._running: list[str] = []
        for parameter in self.model.parameters():
            parameter.grad = None
            if not self.strategy:
                self.tracker.hold(parameter, "weights")
        if self.strategy:
            self.strategy.hold(self.tracker)
        for buffer in self.model.buffers():
            self.tracker.hold(buffer, "buffers")
        if self.device == "cpu":  # from there a model that moves leaves them behind
            for tensor in constants(self.model):
                self.tracker.hold(tensor, "buffers")
        for tensor in self._given():
            self.tracker.hold(tensor, "inputs")

    def infer(self) -> None:
        """Runs the forward pass without gradients."""
        self.model.eval()
        with self.tracker, torch.no_grad(), fast_paths():
            self._forward()

    def train(
        self,
        optimizer: optim.Optimizer,
        parameters: list[nn.Parameter],
        keep_gradients: bool,
        loss_of: Callable[[Any], Tensor],
        keep_output: bool = False,
    ) -> list[nn.Parameter]:
        """Runs forward, backward and optimizer; returns the parameters that got no gradient.

        With `keep_gradients` they are there from the start, zeroed, and are added to. A step before
        made them: one that is a view of another tensor keeps all of that.
        """
        kept: list[Any] = []
        if keep_output:
            loss_of = _keeping(loss_of, kept)
        for name, tensor in state_tensors(optimizer):
            self.tracker.hold(tensor, name)
        if keep_gradients:
            with self._new_tracker():
                self._backward(self._forward(loss_of))
                kept.clear()
            for parameter in parameters:
                if parameter.grad is not None:
                    self.tracker.hold(parameter.grad, "gradients")
        with self.tracker:
            with ExitStack() as shared:
                if self.tensor_rank:
                    shared.enter_context(self.tensor_rank.running(self.tracker))
                if self.strategy:
                    shared.enter_context(self.strategy.running(self.tracker))
                loss = self._loss(loss_of)
                self._backward(loss)
                if self.strategy:
                    self.strategy.finish(self.tracker)
            for parameter in parameters:
                if parameter.grad is not None:
                    self.tracker.relabel(parameter.grad, "gradients")
            self.tracker.phase = "optimizer"
            with AnyScalar(), fused_on_meta(), self.failures("in the optimizer's step after"):
                optimizer.step()
            if self.strategy:
                self.strategy.after_step(self.tracker)
        return [p for p in parameters if p.grad is None]

    def _forward(self, loss_of: Callable[[Any], Any] = lambda output: output) -> Any:
        self.tracker.phase = "forward"
        with self._choices(cache=True), self.failures("on"):
            return loss_of(self.model(*self.inputs, **self.keywords))

    def _backward(self, loss: Tensor) -> None:
        """Gradients of all parameters.

        What is checkpointed runs forward again here, and must choose as it did before. The engine
        is called directly: loss.backward() is a call that the modes handle, and a mode is off
        inside the call that it handles.
        """
        self.tracker.phase = "backward"
        with self._choices(cache=False), self.failures("in the backward pass of"):
            self.tracker.accumulation.follow([loss])
            torch.autograd.Variable._execution_engine.run_backward(
                (loss,),
                (torch.ones_like(loss),),
                keep_graph=False,
                create_graph=False,
                inputs=(),
                allow_unreachable=True,
                accumulate_grad=True,
            )

    def _new_tracker(self) -> StorageTracker:
        layouts = CUDA_LAYOUTS if self.device == "cuda" else LAYOUTS
        layouts = {} if self.values is Values.ALL else layouts
        if self.device == "cpu":
            return StorageTracker(taken_on_cpu, layouts, values=self.values)
        count_cpu = self.values is Values.ALL
        return StorageTracker(
            layouts=layouts, count_cpu=count_cpu, rounded=rounded, values=self.values
        )

    @contextmanager
    def _choices(self, cache: bool) -> Iterator[None]:
        with ExitStack() as modes:
            modes.enter_context(self.tracker.accumulation.followed())
            modes.enter_context(self.tracker.seeing_random_states())
            if self.values is Values.ALL:
                modes.enter_context(torch.autocast("cpu", self.autocast, bool(self.autocast)))
                yield
                return
            modes.enter_context(kernels_of(self.device))
            modes.enter_context(autocasting(self.device, self.autocast, cache))
            yield

    @contextmanager
    def failures(self, where: str) -> Iterator[None]:
        """Whatever a model raises, as one line that names the model and its input."""
        try:
            yield
        except Exception as error:
            shapes = ", ".join(str(tuple(tensor.shape)) for tensor in self._given())
            reason = reason_of(error)
            name = type(self.model).__name__
            raise CannotRun(f"{name} fails {where} input {shapes}: {reason}") from error

    def _loss(self, loss_of: Callable[[Any], Tensor]) -> Tensor:
        hooks = []
        for name, module in self.model.named_modules():
            if isinstance(module, torch.jit.ScriptModule):  # takes no hooks
                continue
            visit = _Visit(self._running, name)
            hooks.append(module.register_forward_pre_hook(visit.enter))
            hooks.append(module.register_forward_hook(visit.leave, always_call=True))
        noted = torch.autograd.graph.saved_tensors_hooks(self._save, lambda tensor: tensor)
        try:
            with noted if self.notes_saved else nullcontext():
                return self._forward(loss_of)
        finally:
            for hook in hooks:
                hook.remove()

    def _save(self, tensor: Tensor) -> Tensor:
        # A result that is kept for its own gradient would keep itself, where no gradient comes.
        number = self.tracker.relabel(tensor, "saved activations")
        if number is not None and number not in self.saved:
            self.saved[number] = SavedTensor(
                module=self._running[-1] if self._running else "",
                shape=tuple(tensor.shape),
                dtype=_format(tensor.dtype),
                bytes=self.log.storages[number].bytes,
            )
        return tensor.detach()

    def _given(self) -> list[Tensor]:
        return list(tensors_in(self.inputs, self.keywords))


def _keeping(loss_of: Callable[[Any], Tensor], kept: list[Any]) -> Callable[[Any], Tensor]:
    def loss(output: Any) -> Tensor:
        kept.append(output)
        return loss_of(output)

    return loss


def _format(dtype: torch.dtype) -> str:
    """The course's name of a number format, PyTorch's where the course has none."""
    try:
        return dtype_name(dtype)
    except ValueError:
        return str(dtype).removeprefix("torch.")


@dataclass
class _Visit:
    """Hooks that keep the name of the innermost running module on top of a stack."""

    running: list[str] = field(repr=False)
    name: str

    def enter(self, *_: Any) -> None:
        self.running.append(self.name)

    def leave(self, *_: Any) -> None:
        self.running.pop()
