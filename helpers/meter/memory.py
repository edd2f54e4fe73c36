"""The memory that a forward pass or a training step peaks at, predicted before it runs.

    >>> memory = training_memory(model, torch.empty(8, 3, 224, 224, device="meta"))
    >>> print(memory.ledger)

The step runs for real, through PyTorch's own autograd and optimizer, but on meta tensors, which have
shapes and no data. A peak is a maximum over time, not a sum of parts: gradients appear while saved
activations go. So what is predicted is the whole timeline, and the peak is read off it.

What is counted is what PyTorch's allocator hands out: weights, buffers and inputs included; the
interpreter, the libraries and, on CUDA, the context left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn, optim
from torch.utils._pytree import tree_leaves

from helpers.conventions import dtype_name
from helpers.ledger import Ledger, Term
from helpers.meter.allocator import CUDA_CONTEXT
from helpers.meter.autocast import MetaAutocast
from helpers.meter.cpu_kernels import LAYOUTS, WORKSPACES
from helpers.meter.cuda_replay import cublas_bytes, replay
from helpers.meter.kernel_choice import KernelChoice
from helpers.meter.meta_model import checkpoint_modules, meta_inputs, meta_twin
from helpers.meter.optimizer_states import make_optimizer, prepare_states, state_tensors
from helpers.meter.storages import StorageLog, StorageTracker

_TORCH_DTYPES = {
    "fp64": torch.float64,
    "fp32": torch.float32,
    "fp16": torch.float16,
    "bf16": torch.bfloat16,
}

#: The order of categories in a ledger and, from the bottom up, in a picture.
_ORDER = ("weights", "buffers", "inputs", "gradients", "saved activations", "activations")


@dataclass(frozen=True)
class SavedTensor:
    """A storage that autograd keeps for the backward pass: the module that ran when it was saved,
    the shape and dtype of the tensor that was saved first, and the bytes of its storage."""

    module: str
    shape: tuple[int, ...]
    dtype: str
    bytes: int


@dataclass(frozen=True)
class Timeline:
    """Bytes held during each operation of a step, by category.

    `operations[i]` ran in phase `phases[i]` ("forward", "backward", "optimizer") while
    `bytes[category][i]` were held at most, its results and its kernel's workspace included.
    """

    operations: tuple[str, ...]
    phases: tuple[str, ...]
    bytes: Mapping[str, tuple[int, ...]]

    @cached_property
    def total(self) -> tuple[int, ...]:
        """Bytes held during each operation, all categories together."""
        return tuple(map(sum, zip(*self.bytes.values(), strict=True)))

    @cached_property
    def peak_at(self) -> int:
        """The number of the operation during which most is held."""
        return max(range(len(self.total)), key=self.total.__getitem__)


@dataclass(frozen=True)
class Memory:
    """A predicted step.

    Attributes:
        peak: bytes that tensors and kernels hold at the highest moment ("allocated" on CUDA).
        ledger: what they are, at that moment; its total is `peak`.
        timeline: the same for every operation.
        saved: the storages that autograd keeps, one by one; inputs and weights are not repeated.
        device: "cpu" or "cuda", whose kernels and allocator were assumed.
        reserved: bytes that the allocator has taken from the device at most; `peak` on a CPU.
        context: bytes that a CUDA context takes outside the allocator, an estimate; 0 on a CPU.
    """

    peak: int
    ledger: Ledger
    timeline: Timeline
    saved: tuple[SavedTensor, ...]
    device: str
    reserved: int
    context: int

    @property
    def on_device(self) -> int:
        """Bytes that the device needs: what the allocator reserves, and the context."""
        return self.reserved + self.context

    @property
    def saved_bytes(self) -> int:
        return sum(tensor.bytes for tensor in self.saved)

    def to_dict(self) -> dict[str, Any]:
        """Plain data, for JSON: bytes throughout."""
        at = self.timeline.peak_at
        return {
            "device": self.device,
            "peak": self.peak,
            "reserved": self.reserved,
            "context": self.context,
            "peak_operation": self.timeline.operations[at],
            "peak_phase": self.timeline.phases[at],
            "ledger": self.ledger.to_dict(),
            "saved": [vars(tensor) for tensor in self.saved],
        }


def inference_memory(
    model: nn.Module,
    *inputs: Any,
    device: str = "cpu",
    dtype: object = None,
    autocast: object = None,
    **keywords: Any,
) -> Memory:
    """What one forward pass without gradients peaks at.

    `inputs`, `keywords`: as the model takes them, tensors on any device; meta tensors cost nothing.
    `device`: "cpu" or "cuda", the kernels to assume. `dtype`: to convert model and inputs to.
    `autocast`: 16-bit dtype that products run in. Raises ValueError where the model fails.
    """
    run = _Run(model, inputs, keywords, device, dtype, autocast)
    run.model.eval()
    with run.tracker, torch.no_grad():
        run.forward()
    return run.memory("activations")


def training_memory(
    model: nn.Module,
    *inputs: Any,
    optimizer: str | Callable[[list[nn.Parameter]], optim.Optimizer] = "adam",
    foreach: bool | None = None,
    device: str = "cpu",
    dtype: object = None,
    autocast: object = None,
    checkpoint: bool | Sequence[str] = False,
    zero_grad: str = "none",
    loss: Callable[[Any], Tensor] | None = None,
    **keywords: Any,
) -> Memory:
    """What a steady training step (the second one, states in place) peaks at.

    Args:
        inputs, keywords: as the model takes them, tensors on any device.
        optimizer: "sgd", "momentum", "adam", "adamw", "adafactor", "adam8bit", or a function from
            parameters to a torch optimizer.
        foreach: whether the optimizer updates all parameters at once; PyTorch's default is no on
            a CPU, yes on CUDA.
        device: "cpu" or "cuda", the kernels and the allocator to assume.
        dtype: to convert model and inputs to ("bf16": weights, gradients and states in 16 bits).
        autocast: 16-bit dtype that products run in, weights staying as they are.
        checkpoint: names of submodules that are computed again in the backward pass; True takes
            the model's own choice.
        zero_grad: "none" frees gradients before the step (PyTorch's default), "zero" keeps them.
        loss: from the model's output to a scalar; the mean of its squares if not given.

    Raises:
        ValueError: the model fails on these inputs, or an option is unknown.
    """
    if zero_grad not in ("none", "zero"):
        raise ValueError(f"unknown zero_grad {zero_grad!r}: use 'none' or 'zero'")
    run = _Run(model, inputs, keywords, device, dtype, autocast)
    run.model.train()
    checkpoint_modules(run.model, checkpoint)
    parameters = [p for p in run.model.parameters() if p.requires_grad]
    if not parameters:
        raise ValueError(f"{type(model).__name__} has no parameter to train")
    made = make_optimizer(optimizer, parameters, device == "cuda" if foreach is None else foreach)
    prepare_states(made, parameters)
    unused = run.train(made, parameters, zero_grad == "zero", loss or mean_of_squares)
    if unused and made.state:
        # A parameter without a gradient has no states either: run again without them.
        for parameter in unused:
            made.state.pop(parameter, None)
        run.restart()
        run.train(made, parameters, zero_grad == "zero", loss or mean_of_squares)
    return run.memory("temporaries")


def mean_of_squares(output: Any) -> Tensor:
    """A loss for any output: the mean of the squares of each floating-point tensor in it, summed."""
    tensors = [t for t in tree_leaves(output) if isinstance(t, Tensor) and t.is_floating_point()]
    return sum((t.float().square().mean() for t in tensors[1:]), tensors[0].float().square().mean())


class _Run:
    """One prediction: the model's twin, the tracker that follows it, and what it saved."""

    def __init__(
        self,
        model: nn.Module,
        inputs: Any,
        keywords: dict[str, Any],
        device: str,
        dtype: object,
        autocast: object,
    ) -> None:
        if device not in ("cpu", "cuda"):
            raise ValueError(f"unknown device {device!r}: use 'cpu' or 'cuda'")
        _check_not_empty(inputs, keywords)
        self.device = device
        self.autocast = _torch_dtype(autocast)
        self.model = meta_twin(model, _torch_dtype(dtype))
        self.inputs, self.keywords = meta_inputs((inputs, keywords), _torch_dtype(dtype))
        self.restart()

    def restart(self) -> None:
        """Forgets what was tracked."""
        cpu = self.device == "cpu"
        self.tracker = StorageTracker(WORKSPACES if cpu else None, LAYOUTS, count_cpu=cpu)
        self.saved: dict[int, SavedTensor] = {}
        self._module: list[str] = []
        for parameter in self.model.parameters():
            parameter.grad = None
            self.tracker.hold(parameter, "weights")
        for buffer in self.model.buffers():
            self.tracker.hold(buffer, "buffers")
        for tensor in tree_leaves((self.inputs, self.keywords)):
            if isinstance(tensor, Tensor):
                self.tracker.hold(tensor, "inputs")

    def forward(self) -> Any:
        """The model's output; ValueError, in one line, where it fails."""
        self.tracker.phase = "forward"
        with ExitStack() as modes:
            modes.enter_context(KernelChoice(self.device))
            if self.autocast:
                modes.enter_context(MetaAutocast(self.device, self.autocast))
            try:
                return self.model(*self.inputs, **self.keywords)
            except Exception as error:
                shapes = [tuple(t.shape) for t in tree_leaves(self.inputs) if isinstance(t, Tensor)]
                reason = str(error).strip().splitlines() or [type(error).__name__]
                raise ValueError(
                    f"{type(self.model).__name__} fails on input {', '.join(map(str, shapes))}: "
                    f"{reason[0]}"
                ) from error

    def train(
        self,
        optimizer: optim.Optimizer,
        parameters: list[nn.Parameter],
        keep_gradients: bool,
        loss_of: Callable[[Any], Tensor],
    ) -> list[nn.Parameter]:
        """Runs a step; returns the parameters that got no gradient."""
        for name, tensor in state_tensors(optimizer):
            self.tracker.hold(tensor, name)
        if keep_gradients:
            for parameter in parameters:
                parameter.grad = torch.empty_like(parameter)
                self.tracker.hold(parameter.grad, "gradients")
        hooks = self._module_hooks()
        with self.tracker:
            with torch.autograd.graph.saved_tensors_hooks(self._saved, lambda tensor: tensor):
                loss = loss_of(self.forward())
            for hook in hooks:
                hook.remove()
            self.tracker.phase = "backward"
            loss.backward()
            for parameter in parameters:
                if parameter.grad is not None:
                    self.tracker.relabel(parameter.grad, "gradients")
            self.tracker.phase = "optimizer"
            optimizer.step()
        return [p for p in parameters if p.grad is None]

    def _module_hooks(self) -> list[Any]:
        hooks = []
        for name, module in self.model.named_modules():
            enter = _Enter(self._module, name)
            hooks.append(module.register_forward_pre_hook(enter))
            hooks.append(module.register_forward_hook(enter.leave, always_call=True))
        return hooks

    def _saved(self, tensor: Tensor) -> Tensor:
        number = self.tracker.relabel(tensor, "saved activations")
        if number is not None and number not in self.saved:
            self.saved[number] = SavedTensor(
                self._module[-1] if self._module else "",
                tuple(tensor.shape),
                dtype_name(tensor.dtype),
                self.tracker.log.storages[number].bytes,
            )
        return tensor

    def memory(self, own_tensors: str) -> Memory:
        """The prediction; `own_tensors` names what the step makes and nothing else claims."""
        log = self.tracker.log
        extra = cublas_bytes(log) if self.device == "cuda" else 0
        timeline = _timeline(log, own_tensors, extra)
        at = timeline.peak_at
        peak = timeline.total[at]
        reserved = max(peak, replay(log)) if self.device == "cuda" else peak
        terms = [Term(name, held[at]) for name, held in timeline.bytes.items() if held[at]]
        operation = timeline.operations[at].removeprefix("aten.")
        title = f"peak, in {operation} of {timeline.phases[at]}"
        return Memory(
            peak=peak,
            ledger=Ledger("B", tuple(terms), title=title),
            timeline=timeline,
            saved=tuple(self.saved.values()),
            device=self.device,
            reserved=reserved,
            context=CUDA_CONTEXT if self.device == "cuda" else 0,
        )


@dataclass
class _Enter:
    """Hooks that keep the name of the innermost running module on top of a stack."""

    stack: list[str] = field(repr=False)
    name: str

    def __call__(self, *_: Any) -> None:
        self.stack.append(self.name)

    def leave(self, *_: Any) -> None:
        self.stack.pop()


def _timeline(log: StorageLog, own_tensors: str, extra: int) -> Timeline:
    live = log.live_bytes()
    own = live.pop("temporaries", [0] * len(log.operations))
    series = {name: tuple(live.pop(name)) for name in _ORDER if name in live}
    series.update((name, tuple(held)) for name, held in live.items())
    workspace = tuple(operation.workspace for operation in log.operations)
    if own_tensors == "temporaries":
        series["temporaries/tensors"] = tuple(own)
    else:
        series[own_tensors] = tuple(own)
    series["temporaries/kernel workspace"] = workspace
    if extra:
        series["temporaries/cuBLAS workspace"] = (extra,) * len(log.operations)
    return Timeline(
        tuple(operation.name for operation in log.operations),
        tuple(operation.phase for operation in log.operations),
        series,
    )


def _torch_dtype(dtype: object) -> torch.dtype | None:
    if dtype is None or dtype is False:
        return None
    name = dtype_name(dtype)
    if name not in _TORCH_DTYPES:
        raise ValueError(f"cannot train or infer in {name} here: use {', '.join(_TORCH_DTYPES)}")
    return _TORCH_DTYPES[name]


def _check_not_empty(inputs: Any, keywords: dict[str, Any]) -> None:
    for tensor in tree_leaves((inputs, keywords)):
        if isinstance(tensor, Tensor) and tensor.numel() == 0:
            raise ValueError(f"input of shape {tuple(tensor.shape)} is empty: use a batch of 1 up")
