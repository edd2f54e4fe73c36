"""What an optimizer keeps for each parameter, and optimizers that run on meta tensors.

| optimizer  | state a parameter                          | fp32 bytes a parameter          |
|------------|--------------------------------------------|---------------------------------|
| sgd        | none                                       | 0                               |
| momentum   | velocity                                   | 4                               |
| adam(w)    | m, v                                       | 8                               |
| adafactor  | one number a row and one a column          | about 4 (rows + columns) a matrix |
| adam8bit   | m, v in one byte, a scale a block of 256   | 2 + 8/256                       |
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from importlib import import_module
from math import ceil
from typing import Any

import torch
from torch import Tensor, nn, optim
from torch.utils._python_dispatch import TorchDispatchMode

from helpers.ledger import Ledger, Term

#: How each state tensor of an optimizer is called in a ledger.
STATE_NAMES: dict[str, str] = {
    "exp_avg": "Adam m",
    "exp_avg_sq": "Adam v",
    "momentum_buffer": "momentum",
    "row_var": "Adafactor rows",
    "col_var": "Adafactor columns",
    "variance": "Adafactor vectors",
    "exp_avg_8bit": "Adam m",
    "exp_avg_sq_8bit": "Adam v",
    "exp_avg_scale": "Adam m",
    "exp_avg_sq_scale": "Adam v",
    "step": "step counts",
}

#: Elements that share one scale in 8-bit states (bitsandbytes' block).
BLOCK_8BIT = 256

#: Smaller parameters keep 32-bit states: quantizing them saves nothing and costs accuracy.
SMALLEST_8BIT = 4096


class Adam8bit(optim.Optimizer):
    """The memory of 8-bit Adam (Dettmers et al., 2022), not its arithmetic: one fused kernel
    updates in place and takes no temporaries. Parameters under 4,096 elements keep fp32 states."""

    def __init__(self, params: Iterable[Tensor]) -> None:
        super().__init__(params, {})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        for parameter in (p for group in self.param_groups for p in group["params"]):
            state = self.state[parameter]
            if parameter.grad is None or state:
                continue
            for moment in ("exp_avg", "exp_avg_sq"):
                if parameter.numel() < SMALLEST_8BIT:
                    state[moment] = torch.empty_like(parameter, dtype=torch.float32)
                    continue
                blocks = ceil(parameter.numel() / BLOCK_8BIT)
                state[f"{moment}_8bit"] = torch.empty_like(parameter, dtype=torch.uint8)
                state[f"{moment}_scale"] = parameter.new_empty(blocks, dtype=torch.float32)


#: Optimizers by name, made from parameters and how they are updated: `foreach` or `fused`.
OPTIMIZERS: dict[str, Callable[..., optim.Optimizer]] = {
    "sgd": lambda parameters, **updates: optim.SGD(parameters, 1e-3, **updates),
    "momentum": lambda parameters, **updates: optim.SGD(parameters, 1e-3, 0.9, **updates),
    "adam": lambda parameters, **updates: optim.Adam(parameters, **updates),
    "adamw": lambda parameters, **updates: optim.AdamW(parameters, **updates),
    "adafactor": lambda parameters, **updates: optim.Adafactor(parameters, **updates),
    "adam8bit": lambda parameters, **_: Adam8bit(parameters),
}


def known_optimizer(name: str) -> Callable[..., optim.Optimizer]:
    """How the optimizer called `name` is made. ValueError where there is none."""
    if name not in OPTIMIZERS:
        raise ValueError(f"unknown optimizer {name!r}: use one of {', '.join(OPTIMIZERS)}")
    return OPTIMIZERS[name]


def make_optimizer(
    optimizer: str | Callable[[list[nn.Parameter]], optim.Optimizer],
    parameters: list[nn.Parameter],
    **updates: bool | None,
) -> optim.Optimizer:
    """The optimizer called `optimizer`, or what the function `optimizer` makes of the parameters.

    `updates`: `foreach` or `fused`, for optimizers by name. Raises ValueError where there is no
    such name, or no such update.
    """
    with fused_on_meta():
        if callable(optimizer):
            return optimizer(parameters)
        try:
            return known_optimizer(optimizer)(parameters, **updates)
        except TypeError as error:
            how = " or ".join(updates)
            raise ValueError(f"PyTorch's {optimizer} has no update that is {how}") from error


@contextmanager
def fused_on_meta() -> Iterator[None]:
    """Lets fused optimizers run on meta: PyTorch has the kernels, and asks for a real device."""
    base: Any = import_module("torch.optim.optimizer")
    supported = base._get_fused_kernels_supported_devices
    base._get_fused_kernels_supported_devices = lambda: [*supported(), "meta"]
    try:
        yield
    finally:
        base._get_fused_kernels_supported_devices = supported


def state_tensors(optimizer: optim.Optimizer) -> list[tuple[str, Tensor]]:
    """Every tensor that the optimizer keeps, with its name in a ledger."""
    return [
        (STATE_NAMES.get(key, f"optimizer {key}"), value)
        for state in optimizer.state.values()
        for key, value in state.items()
        if isinstance(value, Tensor)
    ]


class AnyScalar(TorchDispatchMode):
    """Lets an optimizer read a number from a meta tensor: it reads 1. Its memory is the same."""

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func is torch.ops.aten._local_scalar_dense.default and args[0].is_meta:
            return 1.0
        return func(*args, **(kwargs or {}))


def prepare_states(optimizer: optim.Optimizer, parameters: list[nn.Parameter]) -> None:
    """Brings the optimizer to where it stands after one step: states there, gradients gone."""
    for parameter in parameters:
        parameter.grad = torch.zeros_like(parameter)
    with AnyScalar(), fused_on_meta():
        try:
            optimizer.step()
        except RuntimeError as error:
            if "dense gradients" not in str(error):
                raise
            for parameter in parameters:
                parameter.grad = _sparse(parameter)
            optimizer.step()
    optimizer.zero_grad(set_to_none=True)


def _sparse(parameter: Tensor) -> Tensor:
    """A gradient of one row, as an embedding's may be."""
    row = parameter.detach()[:1]
    places = torch.zeros(1, 1, dtype=torch.int64, device=row.device)
    return torch.sparse_coo_tensor(places, torch.zeros_like(row), parameter.shape)


def optimizer_states(parameters: Iterable[Any], optimizer: str = "adam") -> Ledger:
    """Bytes of an optimizer's states, for parameters of these shapes, in the parameters' dtype.

    `parameters`: tensors (meta or real). Raises ValueError for an unknown optimizer.
    """
    own = [nn.Parameter(torch.empty_like(p, device="meta")) for p in parameters]
    made = make_optimizer(optimizer, own, foreach=False)
    prepare_states(made, own)
    sizes: dict[str, int] = {}
    for name, tensor in state_tensors(made):
        sizes[name] = sizes.get(name, 0) + tensor.numel() * tensor.itemsize
    terms = tuple(Term(name, size) for name, size in sizes.items())
    return Ledger("B", terms, title=f"states of {optimizer}")
