"""Batch norms on a GPU, by PyTorch's rules: which run in cuDNN, and how their results lie."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from helpers.meter.memory.device.cuda_layouts import CUDA_LAYOUTS, uses_cudnn
from helpers.meter.memory.predict import training_memory

aten = torch.ops.aten
ROWS = (640, 40, 8, 1)
LAST = (640, 1, 80, 8)
#: Neither: height, width and channels in another order.
TURNED = (640, 8, 1, 128)
SHAPE = (2, 8, 8, 10)


def _twin(shape: tuple[int, ...], dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.empty(shape, dtype=dtype, device="meta")


@pytest.mark.parametrize(
    ("shape", "dtype", "weights", "train", "expected"),
    [
        (SHAPE, torch.float32, torch.float32, True, True),
        (SHAPE, torch.float16, torch.float32, True, True),
        (SHAPE, torch.float16, torch.float16, True, False),
        (SHAPE, torch.bfloat16, torch.float32, True, False),
        (SHAPE, torch.float32, None, True, False),
        ((4, 8), torch.float32, torch.float32, True, False),
        ((65_536, 8, 1), torch.float32, torch.float32, True, True),
        ((65_536, 8, 1), torch.float32, torch.float32, False, False),
    ],
)
def test_cudnn_runs_batch_norms_with_weights_of_fp32_and_three_dimensions(
    shape: tuple[int, ...],
    dtype: torch.dtype,
    weights: torch.dtype | None,
    train: bool,
    expected: bool,
) -> None:
    weight = _twin((8,), weights) if weights else None
    assert uses_cudnn(_twin(shape, dtype), weight, weight, train) is expected


def _strides(
    source: tuple[int, ...], gradient: tuple[int, ...], affine: bool
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Of the result and of the input's gradient."""
    x, slope = (_twin((2000,)).as_strided(SHAPE, stride) for stride in (source, gradient))
    weight = _twin((8,)) if affine else None
    forward, backward = aten.native_batch_norm.default, aten.native_batch_norm_backward.default
    out = CUDA_LAYOUTS[forward](x, weight, weight, None, None, True, 0.1, 1e-5)
    stats = None, None, out[1], out[2]
    back = CUDA_LAYOUTS[backward](slope, x, weight, *stats, True, 1e-5, [True, affine, affine])
    return out[0].stride(), back[0].stride()


def test_results_lie_as_the_input_does() -> None:
    rows = torch.empty(SHAPE).stride()
    last = torch.empty(SHAPE).contiguous(memory_format=torch.channels_last).stride()
    turned = torch.empty(8, 10, 2, 8).permute(2, 3, 0, 1).stride()
    for affine in (True, False):
        assert _strides(rows, rows, affine) == (rows, rows)
        assert _strides(last, last, affine) == (last, last)
    assert _strides(last, rows, affine=True) == (last, last)
    assert _strides(last, rows, affine=False) == (last, rows)
    assert _strides(turned, rows, affine=False) == (turned, rows)


def test_cudnn_gets_a_copy_of_an_input_that_lies_otherwise() -> None:
    class Turned(nn.Module):
        def __init__(self, affine: bool) -> None:
            super().__init__()
            self.layer, self.norm = nn.Linear(32, 32), nn.BatchNorm1d(32, affine=affine)

        def forward(self, x: Tensor) -> Tensor:
            out: Tensor = self.norm(self.layer(x).transpose(1, 2))
            return out

    for affine in (True, False):
        log = training_memory(Turned(affine), (4, 50, 32), device="cuda").log
        forward = {call.name for call in log.operations if call.phase == "forward"}
        assert ("aten.clone.default" in forward) is affine
