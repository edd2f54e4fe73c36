"""Makes meta tensors take the kernels that a real device would.

PyTorch chooses some kernels by the device of a tensor: which fused attention runs, whether dropout
is fused. Meta tensors belong to no device, so within `kernels_of` these operations are sent to the
kernels that PyTorch would choose for the device that is asked about, where nobody watches: being
watched changes one choice, which is changed back here.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from importlib import import_module
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor

from helpers.meter.interception import RECURRENT, VALUES_ONLY, Handler, intercepting
from helpers.meter.memory.device.cuda_layouts import NORMS
from helpers.meter.memory.device.products import PRODUCTS
from helpers.meter.memory.device.quantiles import QUANTILES
from helpers.meter.memory.device.recurrent import lstm
from helpers.meter.memory.device.recurrent_steps import STEPS

aten = torch.ops.aten

#: Widest head, in elements, that CUDA's flash attention takes.
_FLASH_WIDTH = 256


def kernels_of(device: str) -> AbstractContextManager[None]:
    """Sends attention, linear layers and dropout to the kernels of `device`, "cpu" or "cuda"."""
    chosen: dict[torch._ops.OpOverload, Handler] = {**RECURRENT, **VALUES_ONLY, **PRODUCTS}
    chosen[aten.linear.default] = _linear
    if device == "cuda":
        chosen |= NORMS
        chosen[aten.scaled_dot_product_attention.default] = _cuda_attention
        chosen[aten.dropout.default] = _fused_dropout
    else:
        chosen |= {**STEPS, **QUANTILES}
        chosen[aten.lstm.input] = lstm
        chosen[aten.scaled_dot_product_attention.default] = _cpu_attention
    return intercepting(chosen)


@contextmanager
def fast_paths() -> Iterator[None]:
    """Lets encoder layers and attention of `torch.nn` run as one kernel each, in inference.

    They ask for a real device, or one that others have registered, and for nobody who watches.
    """
    registration = import_module("torch.utils.backend_registration")
    with (
        patch.object(registration, "_privateuse1_backend_name", "meta"),
        patch.object(torch.overrides, "has_torch_function", lambda tensors: False),
    ):
        yield


def _fused(query: Tensor, key: Tensor, value: Tensor, grouped: bool) -> bool:
    """Whether tensors of (batch, heads, length, width) are such as fused kernels take.

    `grouped`: whether several heads of queries may share one of keys and values.
    """
    tensors = (query, key, value)
    if not all(t.dim() == 4 and t.stride(-1) == 1 and t.numel() for t in tensors):
        return False
    heads, shared = query.shape[1], key.shape[1]
    return (
        query.shape[-1] == key.shape[-1] == value.shape[-1]
        and query.shape[0] == key.shape[0] == value.shape[0]
        and value.shape[1] == shared
        and (heads == shared or (grouped and heads % shared == 0))
    )


def _cpu_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    *,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    if query.dim() == 3 and attn_mask is None:
        query, key, value = (t.unsqueeze(0) for t in (query, key, value))
        options: Any = {"scale": scale, "enable_gqa": enable_gqa}
        return _cpu_attention(query, key, value, None, dropout_p, is_causal, **options).squeeze(0)
    fused = _fused(query, key, value, grouped=True) and dropout_p == 0
    if fused and _takes_mask(attn_mask):
        mask = _additive(attn_mask, query)
        return aten._scaled_dot_product_flash_attention_for_cpu(
            query, key, value, 0.0, is_causal, attn_mask=mask, scale=scale
        )[0]
    return aten.scaled_dot_product_attention.default.decompose(
        *(query, key, value, attn_mask, dropout_p, is_causal), scale=scale, enable_gqa=enable_gqa
    )


def _cuda_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    *,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    tensors = (query, key, value)
    half = query.dtype in (torch.float16, torch.bfloat16)
    if half and attn_mask is None and _fused(*tensors, enable_gqa):
        square = query.shape[-2] == key.shape[-2]
        if query.shape[-1] <= _FLASH_WIDTH and (square or not is_causal):
            return _flash_attention(*tensors, dropout_p, is_causal, scale)
    if _fused(*tensors, grouped=False) and (not is_causal or attn_mask is None):
        mask = _additive(attn_mask, query)
        if mask is not None:
            mask = mask.expand(*query.shape[:2], query.shape[2], key.shape[2])
        trains = torch.is_grad_enabled() and any(t.requires_grad for t in tensors)
        return aten._scaled_dot_product_efficient_attention(
            *tensors, mask, trains, dropout_p, is_causal, scale=scale
        )[0]
    return aten.scaled_dot_product_attention.default.decompose(
        *(*tensors, attn_mask, dropout_p, is_causal), scale=scale, enable_gqa=enable_gqa
    )


def _flash_attention(
    query: Tensor, key: Tensor, value: Tensor, dropout: float, is_causal: bool, scale: float | None
) -> Tensor:
    """CUDA's flash kernel takes widths that are multiples of 8: others are padded before."""
    width = query.shape[-1]
    scale = width**-0.5 if scale is None else scale
    if width % 8:
        padded = (torch.nn.functional.pad(t, (0, 8 - width % 8)) for t in (query, key, value))
        query, key, value = padded
    out = aten._scaled_dot_product_flash_attention(
        query, key, value, dropout, is_causal, False, scale=scale
    )[0]
    return out[..., :width] if width % 8 else out


def _takes_mask(mask: Tensor | None) -> bool:
    """The CPU's kernel has no gradient of a mask, and takes one of two or four dimensions."""
    if mask is None:
        return True
    return mask.dim() in (2, 4) and not (mask.requires_grad and torch.is_grad_enabled())


def _linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """A linear layer whose input is not contiguous adds its bias in place.

    Under a dispatch mode PyTorch would add out of place instead, which takes another output.
    """
    if bias is None or input.dim() == 2 or input.is_contiguous():
        return aten.linear.default.decompose(input, weight, bias)
    return torch.matmul(input, weight.t()).add_(bias)


def _additive(mask: Tensor | None, query: Tensor) -> Tensor | None:
    """A boolean mask as scores to add: 0 where it is true, minus infinity where it is not."""
    if mask is None or mask.dtype is not torch.bool:
        return mask
    return torch.where(mask, 0.0, torch.scalar_tensor(-torch.inf, dtype=query.dtype, device="meta"))


def _fused_dropout(input: Tensor, p: float, train: bool) -> Tensor:
    """CUDA's dropout keeps a mask of one byte an element instead of a scaled one of four."""
    if not train or not 0 < p < 1:
        return aten.dropout.default.decompose(input, p, train)
    return torch.native_dropout(input, p, True)[0]
