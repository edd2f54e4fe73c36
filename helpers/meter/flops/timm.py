"""The numbers that fvcore counts and timm publishes as GMAC, quirks included.

fvcore calls them FLOP and counts one for a multiply-accumulate, so here FLOP and MAC are the same
number. It looks at whole functions of a traced forward pass, not at what they dispatch:

- products of matrices and convolutions: one each, biases free;
- batch norm in evaluation 2 for each element (1 without weights), every other norm 5 (4);
- adaptive average pooling 1 for each *input* (a mean over the same axes is free), bilinear
  upsampling and grid sampling 4 for each output, nearest 1;
- convolutions with padding="same" and recurrent layers: 0, because it does not know their names;
- everything else 0. There is no backward.

Attention is counted as the two products it is made of: timm publishes its numbers with fused
attention switched off. Source: fvcore 0.1.5, nn/flop_count.py; timm, benchmark.py.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from helpers.meter.flops.prices.attention import AttentionShape
from helpers.meter.flops.prices.matmul import MACS

Args = tuple[Any, ...]
_MATRIX = frozenset({"mm", "bmm", "mv", "addmm", "convolution", "_convolution", "linear"})


def _norm(elements: int, weights: Any) -> int:
    return elements * (4 if weights is None else 5)


def _batch_norm(args: Args, out: Any) -> int:
    x, weights, training = args[0], args[1], args[5]
    return _norm(x.numel(), weights) if training else x.numel() * (1 if weights is None else 2)


_OPERATIONS: dict[str, Callable[[Args, Any], int]] = {
    "native_batch_norm": _batch_norm,
    "native_layer_norm": lambda args, out: _norm(args[0].numel(), args[2]),
    "native_group_norm": lambda args, out: _norm(args[0].numel(), args[1]),
    "upsample_nearest2d": lambda args, out: out.numel(),
    "upsample_bilinear2d": lambda args, out: 4 * out.numel(),
    "grid_sampler_2d": lambda args, out: 4 * out.numel(),
}


#: Operations that are counted as a whole: what they do inside is not looked at.
_WHOLE: dict[str, Callable[[Args], int]] = {
    "aten::conv1d.padding": lambda args: 0,
    "aten::conv2d.padding": lambda args: 0,
    "aten::conv3d.padding": lambda args: 0,
    "aten::lstm.input": lambda args: 0,
    "aten::gru.input": lambda args: 0,
    "aten::rnn_tanh.input": lambda args: 0,
    "aten::rnn_relu.input": lambda args: 0,
    "aten::instance_norm": lambda args: _norm(args[0].numel(), args[1]),
    "aten::adaptive_avg_pool2d": lambda args: args[0].numel(),
}


class Timm:
    """fvcore's counts, as timm publishes them."""

    name = "timm"

    def whole(self, func: torch._ops.OpOverload, args: Args) -> int | None:
        """fvcore's count of an operation that it does not look into."""
        return _WHOLE[func.name()](args)

    def cost(self, func: torch._ops.OpOverload, name: str) -> Any:
        """fvcore's count of an operation; 0 for what it does not know."""
        if name in _MATRIX:
            macs = MACS[name]
            return lambda args, kwargs, out: (macs(args, kwargs, out),) * 2
        if name in _OPERATIONS:
            count = _OPERATIONS[name]
            return lambda args, kwargs, out: (count(args, out),) * 2
        return lambda args, kwargs, out: (0, 0)

    def attention_gradient(
        self, shape: AttentionShape, wanted: tuple[bool, bool, bool, bool]
    ) -> tuple[int, int]:
        return 0, 0

    def attention(self, shape: AttentionShape) -> tuple[int, int]:
        macs, _ = shape.unmasked().forward()
        return macs, macs

    def rms_norm(self, elements: int, groups: int, learned: int, backward: bool) -> tuple[int, int]:
        return 0, 0
