"""Weights that are made of others: a library's code chooses by device what it does with them."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from helpers.meter.measured import measured_inference
from helpers.meter.memory.predict import inference_memory


class EightBits(Tensor):
    """Whole numbers and a scale; on a CPU, products are of fp64, elsewhere of fp32."""

    @staticmethod
    def __new__(cls, whole: Tensor, scale: Tensor) -> EightBits:
        return torch.Tensor._make_wrapper_subclass(  # type: ignore[attr-defined, no-any-return]
            cls, whole.shape, dtype=scale.dtype, device=whole.device
        )

    def __init__(self, whole: Tensor, scale: Tensor) -> None:
        self.whole, self.scale = whole, scale

    def __tensor_flatten__(self) -> Any:
        return ["whole", "scale"], None

    @classmethod
    def __tensor_unflatten__(cls, parts: Any, kept: Any, size: Any, stride: Any) -> EightBits:
        return cls(parts["whole"], parts["scale"])

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in (torch.ops.aten.detach.default, torch.ops.aten._to_copy.default):
            return cls(args[0].whole.clone(), args[0].scale.clone())
        exact = args[0].device.type == "cpu"
        wide = torch.float64 if exact else torch.float32
        args = [a.whole.to(wide) * a.scale.to(wide) if isinstance(a, cls) else a for a in args]
        args = [a.to(wide) if isinstance(a, Tensor) else a for a in args]
        return func(*args, **(kwargs or {})).float()

    __torch_function__ = torch._C._disabled_torch_function_impl


def _layer(device: str = "cpu") -> nn.Module:
    layer = nn.Linear(64, 32, bias=False)
    whole = torch.ones(32, 64, dtype=torch.int8, device=device)
    weight = EightBits(whole, torch.ones(32, 1, device=device))
    layer.weight = nn.Parameter(weight, requires_grad=False)
    return layer


def test_they_take_the_path_of_a_cpu() -> None:
    layer, x = _layer(), torch.randn(8, 64)
    predicted, real = inference_memory(layer, x), measured_inference(layer, x)
    assert predicted.peak == real.peak
    assert predicted.ran.startswith("ran for real on the CPU")


def test_without_values_they_are_refused() -> None:
    with pytest.raises(ValueError, match="EightBitss take another path without values"):
        inference_memory(_layer("meta"), torch.randn(8, 64))
