"""The numbers that fvcore counts and timm publishes as GMAC, quirks included.

fvcore calls them FLOP and counts one for a multiply-accumulate, so here FLOP and MAC are the same
number. It looks at whole functions of a traced forward pass, not at what they dispatch:

- products of matrices and convolutions: one each, biases free;
- batch norm in evaluation 2 for each element (1 without weights), every other norm 5 (4);
- adaptive average pooling 1 for each *input* (a mean over the same axes is free), bilinear
  upsampling and grid sampling 4 for each output, nearest 1;
- convolutions with padding="same", recurrent layers and other products: nothing, because it does
  not know their names; they are reported as unknown;
- everything else 0. There is no backward.

Attention is counted as the two products it is made of: timm publishes its numbers with fused
attention switched off. Source: fvcore 0.1.5, nn/flop_count.py; timm, benchmark.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch

from helpers.meter.flops.conventions import Cost, nothing
from helpers.meter.flops.prices.op import Call, Op

_aten = torch.ops.aten

_PRODUCTS = frozenset(
    {"mm", "bmm", "mv", "addmm", "convolution", "_convolution", "linear"}
    | {"scaled_dot_product_attention"}
)


def _norm(elements: int, weights: Any) -> int:
    return elements * (4 if weights is None else 5)


def _batch_norm(call: Call) -> int:
    x, weights = call["input"], call["weight"]
    if call["training"]:
        return _norm(x.numel(), weights)
    return x.numel() * (1 if weights is None else 2)


def _other_norm(call: Call) -> int:
    return _norm(call["input"].numel(), call["weight"])


#: Operations that are no products.
_OPERATIONS: dict[str, Callable[[Call], int]] = {
    "native_batch_norm": _batch_norm,
    "native_layer_norm": _other_norm,
    "native_group_norm": _other_norm,
    "upsample_nearest2d": lambda call: call.out.numel(),
    "upsample_bilinear2d": lambda call: 4 * call.out.numel(),
    "grid_sampler_2d": lambda call: 4 * call.out.numel(),
}


def _unknown(call: Call) -> None:
    """fvcore does not know the name, and counts nothing."""


def _twice(count: Callable[[Call], int]) -> Cost:
    """A count as MAC and as FLOP."""
    return lambda call: (count(call),) * 2


class Timm:
    """fvcore's counts, as timm publishes them."""

    name = "timm"
    leaves_out_masked = False
    whole: Mapping[torch._ops.OpOverload, Cost] = {
        **dict.fromkeys(
            (
                *(_aten.conv1d.padding, _aten.conv2d.padding, _aten.conv3d.padding),
                *(_aten.lstm.input, _aten.gru.input, _aten.rnn_tanh.input, _aten.rnn_relu.input),
            ),
            _unknown,
        ),
        _aten.instance_norm.default: _twice(_other_norm),
        _aten.adaptive_avg_pool2d.default: _twice(lambda call: call["self"].numel()),
    }

    def cost(self, name: str, op: Op) -> Cost:
        """fvcore's count of an operation."""
        if name in _OPERATIONS:
            return _twice(_OPERATIONS[name])
        products = op.unmasked_macs or op.macs
        if products is None:
            return nothing
        return _twice(products) if name in _PRODUCTS else _unknown
