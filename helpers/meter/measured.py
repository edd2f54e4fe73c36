"""The memory that a forward pass or a training step really peaks at, measured as it runs.

On a CPU the allocator's own events are read (`torch.profiler`, profile_memory) and added to what
was there before: every buffer counts, also those that a kernel takes and gives back. On CUDA the
caching allocator's statistics are read. Both figures are of a second step: states in place,
gradients freed before it starts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn, optim

from helpers.meter.loan import constants
from helpers.meter.memory.optimizer_states import make_optimizer, state_tensors
from helpers.meter.memory.step import mean_of_squares
from helpers.meter.meta import inner_tensors, tensors_in
from helpers.meter.profiled import profiled_peak


@dataclass(frozen=True)
class Measured:
    """Bytes at the highest moment: allocated to tensors and kernels, and reserved from the device.

    On a CPU, where nothing is reserved beyond what is allocated, the two are equal.
    """

    peak: int
    reserved: int


def measured_inference(
    model: nn.Module, *inputs: Any, autocast: torch.dtype | None = None, **keywords: Any
) -> Measured:
    """What a forward pass without gradients peaks at, on the device that the model is on."""
    model.eval()
    device = _device(model)

    def run() -> None:
        with torch.no_grad(), _autocast(device, autocast):
            model(*inputs, **keywords)

    run()
    return _measured(device, run, [*_tensors(model, inputs, keywords)])


def measured_training(
    model: nn.Module,
    *inputs: Any,
    optimizer: str | Callable[[list[nn.Parameter]], optim.Optimizer] = "adam",
    foreach: bool | None = None,
    autocast: torch.dtype | None = None,
    zero_grad: str = "none",
    loss: Callable[[Any], Tensor] | None = None,
    keep_output: bool = False,
    **keywords: Any,
) -> Measured:
    """What a steady training step peaks at, on the device that the model is on.

    Runs two steps: the model's weights change. Arguments as in `training_memory`; the model has to
    be in the dtype, and checkpointed, as it is to be measured.
    """
    model.train()
    device = _device(model)
    parameters = [p for p in model.parameters() if p.requires_grad]
    foreach = device == "cuda" if foreach is None else foreach
    made = make_optimizer(optimizer, parameters, foreach=foreach)
    loss_of = loss or mean_of_squares

    def run() -> None:
        with _autocast(device, autocast):
            output = model(*inputs, **keywords)
            value = loss_of(output)
        if not keep_output:
            del output
        value.backward()
        made.step()

    def clear() -> None:
        made.zero_grad(set_to_none=zero_grad == "none")

    run()
    clear()
    held = [*_tensors(model, inputs, keywords), *(tensor for _, tensor in state_tensors(made))]
    held += [p.grad for p in parameters if p.grad is not None]
    return _measured(device, run, held, clear)


def _measured(
    device: str,
    run: Callable[[], None],
    held: Iterable[Tensor],
    clear: Callable[[], None] = lambda: None,
) -> Measured:
    if device == "cuda":
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        run()
        torch.cuda.synchronize()
        statistics = torch.cuda.memory_stats()
        return Measured(statistics["active_bytes.all.peak"], statistics["reserved_bytes.all.peak"])
    before = sum({t.untyped_storage()._cdata: t.untyped_storage().nbytes() for t in held}.values())
    peak = profiled_peak(run)
    if not peak:  # nothing at all was recorded, as it happens on a machine that is busy
        clear()
        peak = profiled_peak(run)
    peak += before
    return Measured(peak, peak)


def _tensors(model: nn.Module, inputs: Any, keywords: Any) -> Iterable[Tensor]:
    own = *model.parameters(), *model.buffers(), *constants(model)
    for tensor in (*own, *tensors_in(inputs, keywords)):
        yield from inner_tensors(tensor).values() or (tensor,)


def _device(model: nn.Module) -> str:
    device = next(model.parameters()).device.type
    if device not in ("cpu", "cuda"):
        raise ValueError(f"cannot measure on {device}: put the model on 'cpu' or 'cuda'")
    return device


def _autocast(device: str, dtype: torch.dtype | None) -> AbstractContextManager:
    return torch.autocast(device, dtype) if dtype else nullcontext()
