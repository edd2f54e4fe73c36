"""Quantiles, of which a CPU selects a few numbers and sorts for many."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from helpers.meter.measured import measured_training
from helpers.meter.memory.device.kernel_choice import kernels_of
from helpers.meter.memory.predict import training_memory

Q: dict[str, Any] = {
    "a number": 0.3,
    "a tensor": torch.tensor(0.3),
    "some": torch.tensor([0.3, 0.5]),
    "many": torch.linspace(0, 1, 30),
}


class Quantiles(nn.Module):
    def __init__(self, find: Callable[..., Tensor], *how: Any) -> None:
        super().__init__()
        self.layer, self.find, self.how = nn.Linear(20, 20), find, how

    def forward(self, x: Tensor) -> Tensor:
        return self.find(self.layer(x), *self.how)


@pytest.mark.parametrize(
    ("find", "q", "dim"),
    [
        (torch.quantile, "a number", None),
        (torch.quantile, "a tensor", -1),
        (torch.quantile, "some", 0),
        (torch.quantile, "many", -1),
        (torch.nanquantile, "some", -1),
    ],
)
def test_a_step_with_quantiles_peaks_as_predicted(
    find: Callable[..., Tensor], q: str, dim: int | None
) -> None:
    model, x = Quantiles(find, Q[q], dim), torch.randn(60, 20)
    predicted, real = training_memory(model, x), measured_training(model, x)
    assert predicted.peak == pytest.approx(real.peak, rel=0.002)


@pytest.mark.parametrize("how", ["nearest", "midpoint"])
def test_so_does_one_that_takes_other_numbers_than_those_between_two(how: str) -> None:
    def find(x: Tensor) -> Tensor:
        return torch.quantile(x, 0.3, 0, interpolation=how)

    model, x = Quantiles(find), torch.randn(60, 20)
    predicted, real = training_memory(model, x), measured_training(model, x)
    assert predicted.peak == pytest.approx(real.peak, rel=0.002)


@pytest.mark.parametrize("keepdim", [False, True])
@pytest.mark.parametrize("q", Q)
@pytest.mark.parametrize("shape", [(), (7,), (3, 4, 10)])
def test_quantiles_have_the_shape_that_they_have_for_real(
    shape: tuple[int, ...], q: str, keepdim: bool
) -> None:
    for dim in (None, *range(-len(shape), len(shape))):
        real = torch.quantile(torch.zeros(shape), Q[q], dim, keepdim)
        with kernels_of("cpu"):
            x = torch.zeros(shape, device="meta", requires_grad=True)
            assert torch.quantile(x, Q[q], dim, keepdim).shape == real.shape
