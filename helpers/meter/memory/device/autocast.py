"""Autocast for meta tensors: which calls run in 16 bits and which in fp32, by device.

`torch.autocast` looks at the device of each tensor and leaves meta tensors alone, so a prediction
has to do its casts itself. The lists are PyTorch's, by name of the call. Weights that are cast are
kept until the end of the forward pass, as autocast's own cache does, and longer where autograd
saves them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_map_only

_PRODUCTS = """
    conv1d conv2d conv3d conv_transpose1d conv_transpose2d conv_transpose3d linear matmul
    __matmul__ __rmatmul__ mm mv bmm baddbmm addmm addmv addbmm einsum chain_matmul
    scaled_dot_product_attention multi_head_attention_forward prelu
"""
_LOSSES = """
    binary_cross_entropy mse_loss l1_loss smooth_l1_loss huber_loss nll_loss cross_entropy
    cosine_embedding_loss kl_div margin_ranking_loss triplet_margin_loss
"""
_NORMS_AND_POWERS = """
    layer_norm group_norm softmax log_softmax softmin exp expm1 log log2 log10 log1p pow __pow__
    __rpow__ rsqrt reciprocal softplus norm vector_norm cosine_similarity cdist sum prod cumsum
    cumprod sinh cosh tan acos asin erfinv normalize
"""

#: Calls that autocast runs in 16 bits.
_LOWERED = frozenset(_PRODUCTS.split())

#: Calls that autocast runs in fp32. A CPU leaves norms and softmax in 16 bits, CUDA does not.
_RAISED: dict[str, frozenset[str]] = {
    "cpu": frozenset(_LOSSES.split()),
    "cuda": frozenset((_LOSSES + _NORMS_AND_POWERS).split()),
}


class MetaAutocast(TorchFunctionMode):
    """Casts the floating-point arguments of calls as `torch.autocast(device, dtype)` would.

    `cache` keeps weights that were cast; a checkpointed module that runs again casts them anew.
    """

    def __init__(self, device: str, dtype: torch.dtype, cache: bool = True) -> None:
        super().__init__()
        self.cache = cache
        self.dtype = dtype
        self.raised = _RAISED[device]
        self._cast_weights: dict[int, tuple[Tensor, Tensor]] = {}

    def __exit__(self, *exception: Any) -> None:
        self._cast_weights.clear()
        super().__exit__(*exception)

    def __torch_function__(
        self, func: Callable, types: Any, args: tuple = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "")
        if name in _LOWERED:
            args, kwargs = tree_map_only(Tensor, self._lowered, (args, kwargs))
        elif name in self.raised:
            args, kwargs = tree_map_only(Tensor, self._raised, (args, kwargs))
        return func(*args, **kwargs)

    def _lowered(self, tensor: Tensor) -> Tensor:
        if not tensor.is_floating_point() or tensor.dtype in (self.dtype, torch.float64):
            return tensor
        weight = tensor.is_leaf and tensor.requires_grad and tensor.dtype is torch.float32
        if not (weight and self.cache):
            return tensor.to(self.dtype)
        if id(tensor) not in self._cast_weights:
            self._cast_weights[id(tensor)] = tensor, tensor.to(self.dtype)
        return self._cast_weights[id(tensor)][1]

    @staticmethod
    def _raised(tensor: Tensor) -> Tensor:
        return tensor.float() if tensor.dtype in (torch.float16, torch.bfloat16) else tensor
