"""Results lie in predictions as they do for real: by their strides PyTorch chooses kernels."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from helpers.meter.measured import measured_training
from helpers.meter.memory.device.cpu_kernels import LAYOUTS
from helpers.meter.memory.predict import training_memory

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
