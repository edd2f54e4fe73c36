"""The memory that a forward pass or a training step peaks at, predicted before it runs.

    >>> memory = training_memory("resnet50", (8, 3, 224, 224))
    >>> print(memory.ledger)

The step runs for real, through PyTorch's own autograd and optimizer, but on meta tensors: shapes
and no data. A peak is a maximum over time, not a sum of parts: gradients appear while saved
activations go. So what is predicted is the whole timeline, and the peak is read off it.

What is counted is what PyTorch's allocator hands out: weights, buffers and inputs included; the
interpreter, the libraries and, on CUDA, the context left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn, optim

from helpers.conventions import dtype_name
from helpers.ledger import Ledger, Term
from helpers.meter.loan import Values, lending
from helpers.meter.memory.checkpointing import checkpoint_modules
from helpers.meter.memory.device.allocator import CUDA_CONTEXT
from helpers.meter.memory.device.asking import NEGLIGIBLE, settle
from helpers.meter.memory.device.cuda_replay import cublas_bytes, replay
from helpers.meter.memory.optimizer_states import known_optimizer, make_optimizer, prepare_states
from helpers.meter.memory.ranks.layer_styles import Cut
from helpers.meter.memory.ranks.plan import Plan
from helpers.meter.memory.step import SavedTensor, Step, mean_of_squares
from helpers.meter.memory.storages import StorageLog
from helpers.meter.memory.timeline import Timeline, timeline_of
from helpers.meter.meta import NeedsValues, inner_tensors, is_uninitialized
from helpers.meter.models import TORCH_DTYPES, as_inputs, build, refuse_taken_names
from helpers.meter.value_fallback import CannotRun, first_that_runs


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
        log: every storage that came and went.
        ran: how the step ran, where shapes were not enough.
        uncertain: bytes that the peak may be higher, where a CPU's kernels take scratch space of
            sizes that are not known here. 0 where that is less than 0.2 % of the peak.
        asked: operations whose kernels were run alone, on this CPU, to see what they take.
        cut: how tensor-parallel ranks cut the weights; None where each is whole.
    """

    peak: int
    ledger: Ledger
    timeline: Timeline
    saved: tuple[SavedTensor, ...]
    device: str
    reserved: int
    context: int
    log: StorageLog = field(repr=False, compare=False)
    ran: str = field(default="", compare=False)
    uncertain: int = 0
    asked: tuple[str, ...] = ()
    cut: Cut | None = None

    def fits(self, capacity: float) -> bool:
        """Whether the step runs on a device of `capacity` bytes.

        CUDA's allocator reserves more than it needs while there is room, and gives free segments
        back when there is none: so this plays the step with that limit.
        """
        if self.device == "cpu":
            return self.peak <= capacity
        try:
            replay(self.log, limit=int(capacity) - self.context)
        except MemoryError:
            return False
        return True

    @property
    def sent(self) -> Ledger:
        """Bytes that the step gives to other ranks, by collective."""
        sums: dict[str, int] = {}
        for operation in self.log.operations:
            if operation.sent:
                sums[operation.name] = sums.get(operation.name, 0) + operation.sent
        terms = tuple(Term(name, size) for name, size in sums.items())
        return Ledger("B", terms, title="sent to other ranks")

    @property
    def saved_bytes(self) -> int:
        """Bytes that autograd keeps, all of `saved`."""
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
            "uncertain": self.uncertain,
            "asked": list(self.asked),
            "cut": asdict(self.cut) if self.cut else None,
            "sent": self.sent.to_dict(),
            "saved": [asdict(tensor) for tensor in self.saved],
            "ran": self.ran,
        }


def inference_memory(
    model: nn.Module | str,
    *inputs: Any,
    device: str = "cpu",
    dtype: object = None,
    autocast: object = None,
    **keywords: Any,
) -> Memory:
    """What one forward pass without gradients peaks at.

    `model`: a module, or the name of a timm model. `inputs`, `keywords`: as the model takes them,
    tensors on any device or their sizes as tuples. `device`: "cpu" or "cuda", the kernels and the
    allocator to assume. `dtype`: to convert model and inputs to. `autocast`: 16-bit dtype that
    products run in. Raises ValueError, in one line, where the model fails.
    """

    options = {"device": device != "cpu", "dtype": dtype, "autocast": autocast}
    refuse_taken_names(model, **{name: True for name, given in options.items() if given})

    def run(values: Values, whole: bool) -> Memory:
        given, named = as_inputs((inputs, keywords), whole)
        with _step(values, model, given, named, device, dtype, autocast) as step:
            step.infer()
            return _memory(step, "activations")

    memory, how = first_that_runs(run)
    return replace(memory, ran=how)


def training_memory(
    model: nn.Module | str,
    *inputs: Any,
    optimizer: str | Callable[[list[nn.Parameter]], optim.Optimizer] = "adam",
    foreach: bool | None = None,
    fused: bool = False,
    device: str = "cpu",
    dtype: object = None,
    autocast: object = None,
    checkpoint: bool | Sequence[str] = False,
    zero_grad: str = "none",
    loss: Callable[[Any], Tensor] | None = None,
    keep_output: bool = False,
    plan: Plan | None = None,
    **keywords: Any,
) -> Memory:
    """What a steady training step (the second one, states in place) peaks at.

    Args:
        model: a module, or the name of a timm model.
        inputs, keywords: as the model takes them, tensors on any device or sizes as tuples.
        optimizer: "sgd", "momentum", "adam", "adamw", "adafactor", "adam8bit", or a function from
            parameters to a torch optimizer.
        foreach: whether the optimizer updates all parameters at once; PyTorch's default is no on
            a CPU, yes on CUDA. Where ranks cut layers it is no: PyTorch refuses to update weights
            that are cut and weights that are whole at once.
        fused: whether one kernel updates all parameters, without temporaries.
        device: "cpu" or "cuda", the kernels and the allocator to assume.
        dtype: to convert model and inputs to ("bf16": weights, gradients and states in 16 bits).
        autocast: 16-bit dtype that products run in, weights staying as they are.
        checkpoint: names of submodules that are computed again in the backward pass; True takes
            the model's own choice.
        zero_grad: "none" frees gradients before the step (PyTorch's default), "zero" keeps them.
        loss: from the model's output to a scalar; the mean of its squares if not given.
        plan: how several ranks share the work; what is predicted is one rank's part.
        keep_output: whether the output (logits) is kept until the step ends, as by a name for it.

    Raises:
        ValueError: the model fails on these inputs, or an option is unknown; one line.
    """
    if zero_grad not in ("none", "zero"):
        raise ValueError(f"unknown zero_grad {zero_grad!r}: use 'none' or 'zero'")
    if plan and zero_grad == "zero":
        raise ValueError("gradients of several ranks are freed before a step: zero_grad='none'")
    if plan and plan.tensor > 1 and plan.stage < 2 and (fused or foreach):
        raise ValueError(
            "PyTorch updates no weights that are cut together with weights that are whole: with"
            " ranks that cut layers, leave out fused and foreach"
        )
    if isinstance(optimizer, str):
        known_optimizer(optimizer)
    updates = {"fused": True} if fused else {"foreach": foreach}
    if foreach is None and not fused:
        updates = {"foreach": device == "cuda" and not (plan and plan.tensor > 1)}

    options = {"device": device != "cpu", "dtype": dtype, "autocast": autocast, "loss": loss}
    options |= {"foreach": foreach is not None, "fused": fused, "checkpoint": checkpoint}
    options |= {"plan": plan, "optimizer": optimizer != "adam", "keep_output": keep_output}
    refuse_taken_names(model, **{name: True for name, given in options.items() if given})

    def run(values: Values, whole: bool) -> Memory:
        given, named = as_inputs((inputs, keywords), whole)
        with _step(values, model, given, named, device, dtype, autocast, plan) as step:
            step.model.train()
            checkpoint_modules(step.model, checkpoint)
            parameters = [p for p in step.model.parameters() if p.requires_grad]
            if step.strategy:
                parameters = step.strategy.parameters
            if not parameters:
                raise ValueError(f"{type(step.model).__name__} has no parameter to train")
            with step.failures("beside its optimizer, on"):
                made = make_optimizer(optimizer, parameters, **updates)
                prepare_states(made, parameters)
            how = made, parameters, zero_grad == "zero", loss or mean_of_squares, keep_output
            unused = _trained(step, *how)
            if unused and made.state:
                # A parameter without a gradient has no states either: run again without them.
                for parameter in unused:
                    made.state.pop(parameter, None)
                step.restart()
                step.train(*how)
            return _memory(step, "temporaries/tensors")

    memory, how = first_that_runs(run)
    return replace(memory, ran=how)


def _trained(step: Step, *how: Any) -> list[nn.Parameter]:
    """Parameters without a gradient after a step, in which what is saved is noted if it can be."""
    try:
        return step.train(*how)
    except CannotRun as error:
        if "saved tensor hooks" not in str(error):
            raise
    step.notes_saved = False
    step.restart()
    return step.train(*how)


@contextmanager
def _step(
    values: Values,
    model: nn.Module | str,
    inputs: tuple[Any, ...],
    keywords: dict[str, Any],
    device: str,
    dtype: object,
    autocast: object,
    plan: Plan | None = None,
) -> Iterator[Step]:
    """A step of a model that is on loan as long as the step lasts."""
    own_type, products_type = _torch_dtype(dtype), _torch_dtype(autocast)
    if products_type is not None and products_type.itemsize != 2:
        raise ValueError(f"products run in bf16 or fp16 under autocast, not {autocast}")
    if isinstance(model, str):
        model = build(model, on_meta=values is not Values.ALL)
    if not isinstance(model, nn.Module):
        given = getattr(model, "__name__", type(model).__name__)
        raise ValueError(f"a step is one of a module or of a model's name, not of {given}")
    with torch.inference_mode(False), lending(model, values, own_type) as loan:
        try:
            if device == "cpu" and values is not Values.ALL:
                _refuse_made_of_others(model)
            arguments, named = loan.lend((inputs, keywords))
        except NeedsValues as error:
            raise CannotRun(f"{type(model).__name__}: {error}") from error
        if any(is_uninitialized(p) for p in model.parameters()):
            with torch.no_grad():  # lazy modules learn their shapes
                model(*arguments, **named)
        yield Step(model, arguments, named, device, products_type, values, plan)


def _refuse_made_of_others(model: nn.Module) -> None:
    """Libraries of quantized weights choose another path for a tensor that is not on a CPU."""
    for parameter in model.parameters():
        if inner_tensors(parameter):
            kind = type(parameter).__name__
            raise NeedsValues(f"{kind}s take another path without values")


def _memory(step: Step, own_tensors: str) -> Memory:
    uncertain = 0
    asked: tuple[str, ...] = ()
    if step.device == "cpu":
        asked, most = settle(step.log)
        timeline = timeline_of(step.log, own_tensors, {})
        peak = reserved = timeline.total[timeline.peak_at]
        uncertain = most - peak if most - peak > NEGLIGIBLE * peak else 0
    else:
        workspace = {"temporaries/cuBLAS workspace": cublas_bytes(step.log)}
        timeline = timeline_of(step.log, own_tensors, workspace)
        peak, reserved = replay(step.log)
        remainders = {"temporaries/uncut blocks": peak - timeline.total[timeline.peak_at]}
        timeline = timeline_of(step.log, own_tensors, {**workspace, **remainders})
    return Memory(
        peak=peak,
        ledger=timeline.ledger(),
        timeline=timeline,
        saved=tuple(step.saved.values()),
        device=step.device,
        reserved=reserved,
        context=CUDA_CONTEXT if step.device == "cuda" else 0,
        log=step.log,
        uncertain=uncertain,
        asked=asked,
        cut=step.cut,
    )


def _torch_dtype(dtype: object) -> torch.dtype | None:
    if dtype is None:
        return None
    name = dtype_name(dtype)
    if name not in TORCH_DTYPES:
        raise ValueError(f"no model runs in {name} here: use {', '.join(TORCH_DTYPES)}")
    return TORCH_DTYPES[name]
