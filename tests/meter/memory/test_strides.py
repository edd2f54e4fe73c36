"""Results lie in predictions as they do for real: by their strides PyTorch chooses kernels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from helpers.meter.measured import measured_training
from helpers.meter.memory.device.cpu_kernels import LAYOUTS
from helpers.meter.memory.predict import training_memory
from helpers.meter.memory.strides import with_strides

aten = torch.ops.aten


class NormedChannels(nn.Module):
    """Rows as pictures, a norm over their channels, and a convolution that halves them."""

    def __init__(self) -> None:
        super().__init__()
        self.before, self.norm = nn.Linear(32, 32), nn.LayerNorm(32)
        self.after = nn.Conv2d(32, 48, 3, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        y = self.before(x).transpose(1, 2).view(x.shape[0], 32, 14, 14)
        y = self.norm(y.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        out: Tensor = self.after(y)
        return out


@pytest.mark.parametrize("batch", [1, 2])
def test_a_norm_of_one_image_peaks_as_predicted(batch: int) -> None:
    model, x = NormedChannels(), torch.randn(batch, 196, 32)
    options = {"optimizer": "sgd"}
    predicted = training_memory(model, x, **options)
    assert predicted.peak == measured_training(model, x, **options).peak


@pytest.mark.parametrize("stride", [(0, 1, 128, 32), (32, 1, 128, 32), (512, 1, 128, 32)])
def test_the_result_of_a_layer_norm_lies_in_rows_whatever_its_input_does(
    stride: tuple[int, ...],
) -> None:
    shape = (1, 32, 4, 16)
    real = torch.zeros(10_000).as_strided(shape, stride)
    twin = torch.zeros(10_000, device="meta").as_strided(shape, stride)
    expected = aten.native_layer_norm(real, [16], None, None, 1e-5)[0].stride()
    found = LAYOUTS[aten.native_layer_norm.default](twin, [16], None, None, 1e-5)[0].stride()
    assert found == expected


#: Shapes with a dimension of size 1, whose stride means nothing, and strides.
AMBIGUOUS = [
    ((1, 32, 14, 14), (32, 1, 448, 32)),
    ((1, 14, 14, 32), (32, 448, 32, 1)),
    ((1, 196, 32), (32, 32, 1)),
    ((2, 1, 14, 14), (196, 1, 14, 1)),
    ((2, 32, 1, 1), (32, 1, 32, 32)),
    ((5, 1), (1, 5)),
    ((1, 4, 5, 5, 5), (4, 1, 100, 20, 4)),
]
CALLS: dict[str, Callable[[Tensor], tuple[Any, tuple[Any, ...]]]] = {
    "one tensor": lambda x: (aten.gelu.default, (x,)),
    "a power": lambda x: (aten.pow.Tensor_Scalar, (x, 2)),
    "a number": lambda x: (aten.mul.Scalar, (x, 2.0)),
    "a number as a tensor": lambda x: (aten.mul.Tensor, (x, torch.ones((), device=x.device))),
    "two alike": lambda x: (aten.add.Tensor, (x, x)),
    "two that lie otherwise": lambda x: (aten.add.Tensor, (x, x.new_empty(x.shape))),
    "three": lambda x: (aten.where.self, (x > 0, x, x)),
    "a mask": lambda x: (aten.masked_fill.Scalar, (x, x.new_empty(x.shape).bool(), 0.0)),
    "a gradient": lambda x: (aten.silu_backward.default, (x, x)),
    "a copy": lambda x: (aten.clone.default, (x,)),
    "the like": lambda x: (aten.zeros_like.default, (x,)),
}


@pytest.mark.parametrize(("shape", "stride"), AMBIGUOUS)
@pytest.mark.parametrize("name", CALLS)
def test_results_of_elementwise_operations_lie_as_for_real(
    name: str, shape: tuple[int, ...], stride: tuple[int, ...]
) -> None:
    def call(device: str) -> tuple[Any, tuple[Any, ...]]:
        return CALLS[name](torch.zeros(7000, device=device).as_strided(shape, stride))

    func, args = call("cpu")
    real = func(*args)
    func, args = call("meta")
    assert with_strides(func, func(*args), args, {}).stride() == real.stride()


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize(
    ("func", "args"),
    [
        (aten.reflection_pad2d.default, ([1, 1, 2, 1],)),
        (aten.replication_pad2d.default, ([1, 1, 2, 1],)),
        (aten.pixel_shuffle.default, (2,)),
    ],
)
def test_pictures_stay_channels_last(
    func: Any, args: tuple[Any, ...], layout: torch.memory_format
) -> None:
    x = torch.zeros(2, 8, 6, 5).contiguous(memory_format=layout)
    twin = torch.empty_like(x, device="meta")
    assert LAYOUTS[func](twin, *args).stride() == func(x, *args).stride()
