"""Calls of a convolution: whether oneDNN runs one, and what its shapes are."""

from __future__ import annotations

from math import prod
from typing import Any

import torch
from torch import Tensor
from torch._prims_common import suggest_memory_format

from helpers.meter.memory.device.onednn import Convolution
from helpers.meter.memory.device.processor import onednn_runs, vector_register


def is_channels_last(source: Tensor, weight: Tensor) -> bool:
    """Whether PyTorch runs the convolution channels-last: if either tensor lies so."""
    return any(
        suggest_memory_format(t) in (torch.channels_last, torch.channels_last_3d)
        for t in (source, weight)
        if t.dim() in (4, 5)
    )


def _lies_channels_last(tensor: Tensor) -> bool:
    layouts = {4: torch.channels_last, 5: torch.channels_last_3d}
    return tensor.dim() in layouts and tensor.is_contiguous(memory_format=layouts[tensor.dim()])


def uses_onednn(source: Tensor, weight: Tensor, stride: Any, dilation: Any, groups: int) -> bool:
    """PyTorch's rule: one small image and a small kernel, ungrouped, stay with its own kernel.

    Of an image its first two dimensions count, of a kernel the last two, whatever it has.
    """
    if source.dtype in (torch.bfloat16, torch.float16):
        return True
    if source.dtype != torch.float32 or not onednn_runs():
        return False
    threaded = torch.get_num_threads() > 1 or source.shape[0] >= 16
    worth = threaded or max(*weight.shape[2:], *stride, *dilation) > 1
    image, kernel = prod(source.shape[:4]), min(weight.shape[-2:]) if weight.dim() > 3 else 1
    large = source.shape[0] > 1 or image > 20480 or kernel > 3
    return worth and (groups > 1 or large)


def convolution_of(
    source: Tensor,
    weight: Tensor,
    out_size: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    transposed: bool,
    groups: int,
) -> Convolution:
    """The shapes of a call. A 1-D convolution runs as a 2-D one of height 1.

    A transposed one is that whose input's gradient it computes.
    """
    in_channels, out_channels = source.shape[1], weight.shape[0]
    in_size, result_size = tuple(source.shape[2:]), tuple(out_size)
    if transposed:
        in_channels, in_size, result_size = weight.shape[1] * groups, result_size, in_size
    return Convolution(
        batch=source.shape[0],
        in_channels=in_channels,
        out_channels=out_channels,
        groups=groups,
        kernel=tuple(weight.shape[2:]),
        stride=tuple(stride),
        in_size=in_size,
        out_size=result_size,
        element_bytes=source.element_size(),
        channels_last=is_channels_last(source, weight),
        threads=torch.get_num_threads(),
        register=vector_register(),
        weight_channels_last=_lies_channels_last(weight),
        padding=tuple(padding),
        dilation=tuple(dilation),
        transposed=transposed,
    )
