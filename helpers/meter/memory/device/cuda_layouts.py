"""How results lie on a GPU where meta has it otherwise, and how batch norms run there.

From PyTorch's source (`native/Normalization.cpp`, `native/cuda/Normalization.cu`,
`native/cudnn/BatchNorm.cpp`); no GPU was at hand to hold it against. What cuDNN reserves for the
backward pass of 16-bit batch norms is left out: only cuDNN knows how much.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch._prims_common import suggest_memory_format

from helpers.meter.interception import Handler
from helpers.meter.memory.device.cpu_kernels import LAYOUTS

aten = torch.ops.aten

#: Largest batches of cuDNN's kernels, in training and in inference.
_MOST_IN_TRAINING, _MOST_IN_INFERENCE = 880_801, 65_535


def uses_cudnn(source: Tensor, weight: Tensor | None, bias: Tensor | None, train: bool) -> bool:
    """Whether PyTorch gives a batch norm to cuDNN."""
    if weight is None or bias is None or source.dim() < 3 or not torch.backends.cudnn.enabled:
        return False
    if torch.bfloat16 in (source.dtype, weight.dtype):
        return False
    if source.dtype is torch.float16 and weight.dtype is not torch.float32:
        return False
    return source.shape[0] <= (_MOST_IN_TRAINING if train else _MOST_IN_INFERENCE)


def _batch_norm(
    source: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    mean: Tensor | None,
    var: Tensor | None,
    training: bool,
    *how: Any,
) -> Tensor:
    """cuDNN wants, and autograd then keeps, an input that is contiguous or channels last."""
    if uses_cudnn(source, weight, bias, training):
        source = source.contiguous(memory_format=suggest_memory_format(source))
    out: Tensor = aten.batch_norm.default.decompose(source, weight, bias, mean, var, training, *how)
    return out


def _normed(source: Tensor, *args: Any) -> tuple[Tensor, ...]:
    """It lies as the input does, whatever that is, without cuDNN."""
    out = aten.native_batch_norm.default(source, *args)
    layout = suggest_memory_format(source)
    if not source.is_contiguous(memory_format=layout):
        return out
    return torch.empty_like(source, memory_format=layout), *out[1:]


def _norm_backward(gradient: Tensor, source: Tensor, *args: Any) -> tuple[Tensor | None, ...]:
    """Of cuDNN, the input's gradient lies as the input; without, it is contiguous unless both
    tensors lie channels last."""
    out = aten.native_batch_norm_backward.default(gradient, source, *args)
    weight, train, mask = args[0], args[5], args[-1]
    layout = suggest_memory_format(source)
    if not (train and uses_cudnn(source, weight, weight, train)):
        if not mask[0]:
            return None, *out[1:]
        if not gradient.is_contiguous(memory_format=layout):
            layout = torch.contiguous_format
    return torch.empty_like(source, memory_format=layout), *out[1:]


_NOT_HERE = ("native_batch_norm", "mkldnn", "log_sigmoid", "pad2d", "shuffle")

#: As `cpu_kernels.LAYOUTS`: a GPU has some in common with a CPU.
CUDA_LAYOUTS: dict[Any, Callable[..., Any]] = {
    **{
        func: how
        for func, how in LAYOUTS.items()
        if not any(word in func._schema.name for word in _NOT_HERE)
    },
    aten.native_batch_norm.default: _normed,
    aten.native_batch_norm_backward.default: _norm_backward,
}

#: Handlers of `interception`.
NORMS: dict[torch._ops.OpOverload, Handler] = {aten.batch_norm.default: _batch_norm}
