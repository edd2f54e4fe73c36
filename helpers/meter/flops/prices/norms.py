"""Normalizations that PyTorch dispatches as one operation, forward and backward."""

from __future__ import annotations

from math import prod
from typing import Any

from helpers.meter.flops.prices.op import Call, Op
from helpers.meter.flops.prices.tally import ADD, DIVIDE, MULTIPLY, NOTHING, ROOT, Tally


def _average(n: int, groups: int) -> Tally:
    """The average of each of `groups` parts of n numbers."""
    return (n - groups) * ADD + groups * DIVIDE


def normalize(n: int, groups: int, affine: bool, computed: bool = True) -> Tally:
    """(x − μ) / √(σ² + ε) · γ + β for n numbers in `groups`; μ and σ are `computed` or known."""
    tally = groups * (ADD + ROOT) + n * (ADD + DIVIDE)
    if computed:
        tally += 2 * _average(n, groups) + n * (ADD + MULTIPLY)
    return tally + n * (MULTIPLY + ADD) if affine else tally


def normalize_gradient(n: int, groups: int, learned: int, computed: bool = True) -> Tally:
    """∂x, and ∂γ, ∂β of length `learned`, with 1/σ and μ kept by the forward pass."""
    tally = n * MULTIPLY  # times 1/σ
    if learned or computed:
        tally += n * (ADD + MULTIPLY)  # x̂ again
    if learned:
        tally += n * MULTIPLY + 2 * (n - learned) * ADD + n * MULTIPLY  # ∂γ, ∂β, g = γ ∂y
    if computed:  # mean(g), mean(g x̂), g − … − x̂ …
        tally += 2 * _average(n, groups) + n * (2 * MULTIPLY + 2 * ADD)
    return tally


def rms_normalize(n: int, groups: int, affine: bool) -> Tally:
    """x · (1 / √(mean(x²) + ε)) · γ."""
    tally = n * MULTIPLY + _average(n, groups) + groups * (ADD + ROOT + DIVIDE)
    return tally + n * (1 + affine) * MULTIPLY


def rms_normalize_gradient(n: int, groups: int, learned: int) -> Tally:
    """∂x = (g − x̂ · mean(g · x̂)) / √(…) with g = γ ∂y, and ∂γ = Σ ∂y · x̂."""
    tally = n * 4 * MULTIPLY + _average(n, groups) + n * ADD
    return tally + (n * 2 * MULTIPLY + (n - learned) * ADD if learned else NOTHING)


def _length(weight: Any) -> int:
    """Of γ, and of β; 0 without them."""
    return weight.numel() if weight is not None else 0


def _batch_norm(call: Call) -> Tally:
    """In training, and by overloads without known averages, μ and σ are computed."""
    x, training = call["input"], call["training"]
    computed = training if training is not None else True
    return normalize(x.numel(), x.shape[1], call["weight"] is not None, computed)


def _batch_norm_of_known(call: Call) -> Tally:
    x = call["input"]
    return normalize(x.numel(), x.shape[1], call["weight"] is not None, computed=False)


def _batch_norm_gradient(call: Call) -> Tally:
    x = call["input"]
    return normalize_gradient(x.numel(), x.shape[1], _length(call["weight"]), call["train"])


def _batch_norm_gradient_of_update(call: Call) -> Tally:
    x = call["input"]
    return normalize_gradient(x.numel(), x.shape[1], _length(call["weight"]), call["update"])


def _norm_of_groups(call: Call) -> Tally:
    """Layer and group norm: the second result is each group's average."""
    return normalize(call["input"].numel(), call.out[1].numel(), call["weight"] is not None)


def _gradient_of_groups(call: Call) -> Tally:
    return normalize_gradient(call["input"].numel(), call["mean"].numel(), _length(call["weight"]))


def _rms_norm(call: Call) -> Tally:
    x, features = call["input"], prod(call["normalized_shape"])
    return rms_normalize(x.numel(), x.numel() // features, call["weight"] is not None)


def _rms_norm_gradient(call: Call) -> Tally:
    x, roots = call["input"], call["rstd"]
    return rms_normalize_gradient(x.numel(), roots.numel(), _length(call["weight"]))


def _rms_norm_gradient_of_rows(call: Call) -> Tally:
    """As a whole operation, whose call says how many `rows` are normalized."""
    return rms_normalize_gradient(call["input"].numel(), call["rows"], _length(call["weight"]))


OPS: dict[str, Op] = {
    **dict.fromkeys(
        (
            *("native_batch_norm", "cudnn_batch_norm", "_native_batch_norm_legit"),
            "_batch_norm_with_update",
        ),
        Op(_batch_norm),
    ),
    **dict.fromkeys(
        ("_native_batch_norm_legit_no_training", "_batch_norm_no_update"), Op(_batch_norm_of_known)
    ),
    "native_batch_norm_backward": Op(_batch_norm_gradient),
    "batch_norm_backward": Op(_batch_norm_gradient_of_update),
    **dict.fromkeys(("native_layer_norm", "native_group_norm"), Op(_norm_of_groups)),
    **dict.fromkeys(
        ("native_layer_norm_backward", "native_group_norm_backward"), Op(_gradient_of_groups)
    ),
    **dict.fromkeys(("_fused_rms_norm", "rms_norm"), Op(_rms_norm)),
    "_fused_rms_norm_backward": Op(_rms_norm_gradient),
    "rms_norm_backward": Op(_rms_norm_gradient_of_rows),
}
