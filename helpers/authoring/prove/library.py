"""Calls of PyTorch, NumPy and timm that give numbers which questions ask for: the usual ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

Shape = Sequence[int]


def _parameters(module: nn.Module) -> int:
    return sum(each.numel() for each in module.parameters())


def _modules() -> Mapping[str, Callable[..., nn.Module]]:
    """Layers by their sizes, on the meta device: no memory, no time."""
    at: Any = {"device": "meta"}
    return {
        "Linear": lambda i, o: nn.Linear(i, o, **at),
        "Linear without bias": lambda i, o: nn.Linear(i, o, bias=False, **at),
        "Conv2d": lambda i, o, k: nn.Conv2d(i, o, k, **at),
        "Conv2d without bias": lambda i, o, k: nn.Conv2d(i, o, k, bias=False, **at),
        "Conv2d of groups": lambda i, o, k, g: nn.Conv2d(i, o, k, groups=g, **at),
        "Conv2d of groups without bias": lambda i, o, k, g: nn.Conv2d(
            i, o, k, groups=g, bias=False, **at
        ),
        "depthwise Conv2d": lambda c, k: nn.Conv2d(c, c, k, groups=c, **at),
        "BatchNorm2d": lambda c: nn.BatchNorm2d(c, **at),
        "LayerNorm": lambda n: nn.LayerNorm(n, **at),
        "MultiheadAttention": lambda d, h: nn.MultiheadAttention(d, h, **at),
        "TransformerEncoderLayer": lambda d, h: nn.TransformerEncoderLayer(d, h, 4 * d, **at),
        "LSTM": lambda i, o: nn.LSTM(i, o, **at),
        "two Linear": lambda d, h: nn.Sequential(nn.Linear(d, h, **at), nn.Linear(h, d, **at)),
    }


def _empty(*shape: int) -> torch.Tensor:
    return torch.empty(*shape, device="meta")


def _counted(run: Callable[[], Any]) -> int:
    with FlopCounterMode(display=False) as counter:
        run()
    return counter.get_total_flops()


def _conv(channels: int, size: int, kernel: int, stride: int, padding: int) -> torch.Tensor:
    conv = nn.Conv2d(channels, channels, kernel, stride, padding, device="meta")
    return conv(_empty(1, channels, size, size))


def _flops() -> Mapping[str, Callable[..., Any]]:
    """What `FlopCounterMode` counts."""

    def linear(b: int, i: int, o: int) -> int:
        return _counted(lambda: nn.Linear(i, o, device="meta")(_empty(b, i)))

    def conv(i: int, o: int, s: int, k: int) -> int:
        return _counted(lambda: nn.Conv2d(i, o, k, device="meta")(_empty(1, i, s, s)))

    def grouped(i: int, o: int, s: int, k: int, g: int) -> int:
        return _counted(lambda: nn.Conv2d(i, o, k, groups=g, device="meta")(_empty(1, i, s, s)))

    def convolution(b: int, i: int, o: int, s: int, k: int, st: int, p: int) -> int:
        return _counted(lambda: nn.Conv2d(i, o, k, st, p, device="meta")(_empty(b, i, s, s)))

    def matmul(m: int, k: int, n: int) -> int:
        return _counted(lambda: _empty(m, k) @ _empty(k, n))

    def batched(b: int, m: int, k: int, n: int) -> int:
        return _counted(lambda: _empty(b, m, k) @ _empty(b, k, n))

    def attention(t: int, d: int, h: int) -> int:
        q = _empty(1, h, t, d // h)
        return _counted(lambda: nn.functional.scaled_dot_product_attention(q, q, q))

    counted = (linear, conv, grouped, convolution, matmul, batched, attention)
    return {each.__name__: each for each in counted}


def _shapes() -> Mapping[str, Callable[..., Any]]:
    """Sizes, strides and places that a tensor knows."""

    def strided(shape: Shape, strides: Shape) -> torch.Tensor:
        return torch.empty_strided(tuple(shape), tuple(strides))

    def flattens(shape: Shape, strides: Shape) -> bool:
        try:
            strided(shape, strides).view(-1)
        except RuntimeError:
            return False
        return True

    def broadcast(a: Shape, b: Shape) -> Any:
        try:
            return tuple(torch.broadcast_shapes(tuple(a), tuple(b)))
        except RuntimeError:
            return None

    return {
        "size after Conv2d": lambda s, k, st, p: _conv(1, s, k, st, p).shape[-1],
        "size after MaxPool2d": lambda s, k, st, p: nn.MaxPool2d(k, st, p)(
            _empty(1, 1, s, s)
        ).shape[-1],
        "Tensor.stride": lambda shape: _empty(*shape).stride(),
        "Tensor.numel": lambda shape: _empty(*shape).numel(),
        "Tensor.is_contiguous": lambda shape, strides: strided(shape, strides).is_contiguous(),
        "Tensor.view": flattens,
        "Tensor.expand": lambda shape, strides, whole: (
            strided(shape, strides).expand(tuple(whole)).stride()
        ),
        "broadcast_shapes": broadcast,
        "np.ravel_multi_index": lambda index, shape: int(np.ravel_multi_index(index, shape)),
        "bytes of a dtype": lambda n, name: n * getattr(torch, _DTYPES[name]).itemsize,
    }


_DTYPES = {
    "fp64": "float64",
    "fp32": "float32",
    "fp16": "float16",
    "bf16": "bfloat16",
    "fp8": "float8_e4m3fn",
    "int8": "int8",
}


def _gradients() -> Mapping[str, Callable[..., Any]]:
    def backward(program: str, x: float, y: float) -> list[float]:
        space = {
            "x": torch.tensor(x, requires_grad=True, dtype=torch.float64),
            "y": torch.tensor(y, requires_grad=True, dtype=torch.float64),
            **{name: getattr(torch, name) for name in ("exp", "log", "sigmoid", "relu", "tanh")},
        }
        exec(program, space)
        space["L"].backward()
        return [float(each.grad) if each.grad is not None else 0.0 for each in _xy(space)]

    return {"Tensor.backward": backward}


def _xy(space: Mapping[str, Any]) -> list[Any]:
    return [space["x"], space["y"]]


def calls() -> dict[str, Callable[..., Any]]:
    """Every call that is tried, by what it is called."""
    found: dict[str, Callable[..., Any]] = {}
    for name, module in _modules().items():
        found[f"parameters of {name}"] = _then(module, _parameters)
        found[f"bytes of {name}"] = _then(module, lambda made: 4 * _parameters(made))
    for name, count in _flops().items():
        found[f"FLOP of {name}"] = count
        found[f"MAC of {name}"] = _then(count, lambda flops: flops // 2)
    return found | {**_shapes(), **_gradients()}


def _then(first: Callable[..., Any], second: Callable[[Any], Any]) -> Callable[..., Any]:
    def both(*args: Any) -> Any:
        return second(first(*args))

    both.__wrapped__ = first  # type: ignore[attr-defined]  # its parameters are those of `first`
    return both
