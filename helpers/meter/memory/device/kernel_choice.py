"""Makes meta tensors take the kernels that a real device would.

PyTorch chooses some kernels by the device of a tensor before an operation can be seen: which fused
attention runs, whether dropout is fused. Meta tensors belong to no device, so `KernelChoice` stands
in front of these calls and chooses as PyTorch does for the device that is asked about, and as it
does where nobody watches: being watched changes one choice, which is changed back here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

aten = torch.ops.aten

#: Widest head, in elements, that CUDA's flash attention takes.
_FLASH_WIDTH = 256


class KernelChoice(TorchFunctionMode):
    """Sends attention and dropout to the kernels of `device`, "cpu" or "cuda"."""

    def __init__(self, device: str) -> None:
        super().__init__()
        self.device = device

    def __torch_function__(
        self, func: Callable, types: Any, args: tuple = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if func is F.scaled_dot_product_attention:
            return self._attention(*args, **kwargs)
        if func is F.linear:
            return _linear(*args, **kwargs)
        if func is F.dropout and self.device == "cuda":
            return _fused_dropout(*args, **kwargs)
        if func is F.multi_head_attention_forward:
            # A mode is off inside the call that it handles, so attention is put in by name there.
            with patch.object(F, "scaled_dot_product_attention", self._attention):
                return func(*args, **kwargs)
        return func(*args, **kwargs)

    def _attention(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        attn_mask: Tensor | None = None,
        dropout_p: float = 0.0,
        is_causal: bool = False,
        scale: float | None = None,
        enable_gqa: bool = False,
    ) -> Tensor:
        """Attention of (batch, heads, length, width) tensors by the device's own kernel."""
        tensors = (query, key, value)
        fits = (
            all(t.dim() == 4 and t.stride(-1) == 1 and t.numel() for t in tensors)
            and query.shape[-1] == key.shape[-1] == value.shape[-1]
            and not enable_gqa
        )
        learned_mask = attn_mask is not None and attn_mask.requires_grad
        if fits and self.device == "cpu" and dropout_p == 0 and not learned_mask:
            return aten._scaled_dot_product_flash_attention_for_cpu(
                *tensors, 0.0, is_causal, attn_mask=_additive(attn_mask, query), scale=scale
            )[0]
        if fits and self.device == "cuda":
            half = query.dtype in (torch.float16, torch.bfloat16)
            if half and attn_mask is None and query.shape[-1] <= _FLASH_WIDTH:
                return aten._scaled_dot_product_flash_attention(
                    *tensors, dropout_p, is_causal, False, scale=scale
                )[0]
            if not is_causal or attn_mask is None:
                mask = _additive(attn_mask, query)
                if mask is not None:
                    mask = mask.expand(*query.shape[:2], query.shape[2], key.shape[2])
                trains = torch.is_grad_enabled() and any(t.requires_grad for t in tensors)
                return aten._scaled_dot_product_efficient_attention(
                    *tensors, mask, trains, dropout_p, is_causal, scale=scale
                )[0]
        return torch._C._nn.scaled_dot_product_attention(
            *tensors, attn_mask, dropout_p, is_causal, scale=scale, enable_gqa=enable_gqa
        )


def _linear(source: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """A linear layer whose input is not contiguous adds its bias in place.

    Under a dispatch mode PyTorch would add out of place instead, which takes another output.
    """
    if bias is None or source.dim() == 2 or source.is_contiguous():
        return F.linear(source, weight, bias)
    return torch.matmul(source, weight.t()).add_(bias)


def _additive(mask: Tensor | None, query: Tensor) -> Tensor | None:
    """A boolean mask as scores to add: 0 where it is true, minus infinity where it is not."""
    if mask is None or mask.dtype is not torch.bool:
        return mask
    return torch.where(mask, 0.0, torch.scalar_tensor(-torch.inf, dtype=query.dtype, device="meta"))


def _fused_dropout(
    source: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> Tensor:
    """CUDA's dropout keeps a mask of one byte an element instead of a scaled one of four."""
    if not training or not 0 < p < 1 or inplace:
        return torch.dropout(source, p, training)
    return torch.native_dropout(source, p, True)[0]
