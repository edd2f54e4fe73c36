"""FLOP of the normalizations that PyTorch dispatches as one operation, forward and backward."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod
from typing import Any

from helpers.conventions import PRICE

ADD, MULTIPLY, DIVIDE, ROOT = (PRICE[x] for x in ("add", "multiply", "divide", "sqrt"))

Args = tuple[Any, ...]
Price = Callable[[Args, Mapping[str, Any], Any], int]


def normalize(n: int, groups: int, affine: bool, measured: bool = True) -> int:
    """(x − μ) / √(σ² + ε) · γ + β for n numbers in `groups`; μ and σ are `measured` or known."""
    flops = groups * (ADD + ROOT) + n * (ADD + DIVIDE)
    if measured:
        average = (n - groups) * ADD + groups * DIVIDE
        flops += 2 * average + n * (ADD + MULTIPLY)
    return flops + (n * (MULTIPLY + ADD) if affine else 0)


def normalize_gradient(n: int, groups: int, learned: int, measured: bool = True) -> int:
    """∂x, and ∂γ, ∂β of length `learned`, with 1/σ and μ kept by the forward pass."""
    flops = n * MULTIPLY  # times 1/σ
    if learned or measured:
        flops += n * (ADD + MULTIPLY)  # x̂ again
    if learned:
        flops += n * MULTIPLY + 2 * (n - learned) * ADD + n * MULTIPLY  # ∂γ, ∂β, g = γ ∂y
    if measured:
        average = (n - groups) * ADD + groups * DIVIDE
        flops += 2 * average + n * (2 * MULTIPLY + 2 * ADD)  # mean(g), mean(g x̂), g − … − x̂ …
    return flops


def rms_normalize(n: int, groups: int, affine: bool) -> int:
    """x · (1 / √(mean(x²) + ε)) · γ."""
    flops = n * MULTIPLY + (n - groups) * ADD + groups * (DIVIDE + ADD + ROOT + DIVIDE)
    return flops + n * MULTIPLY * (1 + affine)


def rms_normalize_gradient(n: int, groups: int, learned: int) -> int:
    """∂x = (g − x̂ · mean(g · x̂)) / √(…) with g = γ ∂y, and ∂γ = Σ ∂y · x̂."""
    flops = n * MULTIPLY + n * MULTIPLY + (n - groups) * ADD + groups * DIVIDE
    flops += n * MULTIPLY + n * ADD + n * MULTIPLY
    return flops + (n * MULTIPLY + (n - learned) * ADD + n * MULTIPLY if learned else 0)


def _length(weight: Any) -> int:
    """Of γ, and of β; 0 without them."""
    return weight.numel() if weight is not None else 0


def _batch_norm(args: Args, kwargs: Mapping[str, Any], out: Any) -> int:
    x, weight, training = args[0], args[1], args[5]
    return normalize(x.numel(), x.shape[1], weight is not None, training)


def _batch_norm_gradient(args: Args, kwargs: Mapping[str, Any], out: Any) -> int:
    x, weight, training = args[1], args[2], args[7]
    return normalize_gradient(x.numel(), x.shape[1], _length(weight), training)


def _layer_norm(args: Args, kwargs: Mapping[str, Any], out: Any) -> int:
    x, weight = args[0], args[2]
    return normalize(x.numel(), out[1].numel(), weight is not None)


def _layer_norm_gradient(args: Args, kwargs: Mapping[str, Any], out: Any) -> int:
    x, mean, weight = args[1], args[3], args[5]
    return normalize_gradient(x.numel(), mean.numel(), _length(weight))


def _group_norm(args: Args, kwargs: Mapping[str, Any], out: Any) -> int:
    x, weight = args[0], args[1]
    return normalize(x.numel(), out[1].numel(), weight is not None)


def _group_norm_gradient(args: Args, kwargs: Mapping[str, Any], out: Any) -> int:
    x, mean, weight = args[1], args[2], args[4]
    return normalize_gradient(x.numel(), mean.numel(), _length(weight))


def _no_training(args: Args, kwargs: Mapping[str, Any], out: Any) -> int:
    x, weight = args[0], args[1]
    return normalize(x.numel(), x.shape[1], weight is not None, measured=False)


def _always_training(args: Args, kwargs: Mapping[str, Any], out: Any) -> int:
    x, weight = args[0], args[1]
    return normalize(x.numel(), x.shape[1], weight is not None)


def _rms_norm(args: Args, kwargs: Mapping[str, Any], out: Any) -> int:
    x, features, weight = args[0], args[1], args[2]
    return rms_normalize(x.numel(), x.numel() // prod(features), weight is not None)


def _rms_norm_gradient(args: Args, kwargs: Mapping[str, Any], out: Any) -> int:
    x, root, weight = args[1], args[3], args[4]
    return rms_normalize_gradient(x.numel(), root.numel(), _length(weight))


NORMS: dict[str, Price] = {
    "native_batch_norm": _batch_norm,
    "cudnn_batch_norm": _batch_norm,
    "_native_batch_norm_legit": lambda args, kwargs, out: (
        _batch_norm(args, kwargs, out) if len(args) == 8 else _always_training(args, kwargs, out)
    ),
    "_native_batch_norm_legit_no_training": _no_training,
    "_batch_norm_with_update": _always_training,
    "_batch_norm_no_update": _no_training,
    "native_batch_norm_backward": _batch_norm_gradient,
    "native_layer_norm": _layer_norm,
    "native_layer_norm_backward": _layer_norm_gradient,
    "native_group_norm": _group_norm,
    "native_group_norm_backward": _group_norm_gradient,
    "_fused_rms_norm": _rms_norm,
    "_fused_rms_norm_backward": _rms_norm_gradient,
}
