"""Autocast for meta tensors: which calls run in 16 bits and which in fp32, by device.

`torch.autocast` looks at the device of each tensor and leaves meta tensors alone, so a prediction
has to do its casts itself, where autocast is on: for the whole step, or inside the model. The lists
are PyTorch's, by name of the call. Weights that are cast are kept until autocast ends, as in its
own cache, and longer where autograd saves them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import lru_cache
from importlib import import_module
from typing import Any
from unittest.mock import patch

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
    """Casts the floating-point arguments of calls as autocast of `device` would, where it is on.

    `cache` keeps weights that were cast; a checkpointed module that runs again casts them anew.
    """

    def __init__(self, device: str, cache: bool = True) -> None:
        super().__init__()
        self.cache = cache
        self.device = device
        self.raised = _RAISED[device]
        self._cast_weights: dict[int, tuple[Tensor, Tensor]] = {}

    def forget(self) -> None:
        """Empties the cache of cast weights."""
        self._cast_weights.clear()

    def __exit__(self, *exception: Any) -> None:
        self.forget()
        super().__exit__(*exception)

    def __torch_function__(
        self, func: Callable, types: Any, args: tuple = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "")
        if name in _LOWERED and torch.is_autocast_enabled(self.device):
            # One tensor given twice, as to self-attention, is cast once.
            lowered = lru_cache(self._lowered)
            args, kwargs = tree_map_only(Tensor, lowered, (args, kwargs))
        elif name in self.raised and torch.is_autocast_enabled(self.device):
            args, kwargs = tree_map_only(Tensor, self._raised, (args, kwargs))
        return func(*args, **kwargs)

    def _lowered(self, tensor: Tensor) -> Tensor:
        dtype = torch.get_autocast_dtype(self.device)
        if not tensor.is_floating_point() or tensor.dtype in (dtype, torch.float64):
            return tensor
        weight = tensor.is_leaf and tensor.requires_grad and tensor.dtype is torch.float32
        if not (weight and self.cache):
            return tensor.to(dtype)
        if id(tensor) not in self._cast_weights:
            self._cast_weights[id(tensor)] = tensor, tensor.to(dtype)
        return self._cast_weights[id(tensor)][1]

    @staticmethod
    def _raised(tensor: Tensor) -> Tensor:
        return tensor.float() if tensor.dtype in (torch.float16, torch.bfloat16) else tensor


@contextmanager
def autocasting(device: str, dtype: torch.dtype | None, cache: bool) -> Iterator[None]:
    """Autocast as on `device`, wherever this runs: to `dtype` throughout, or where a model says so.

    Without a GPU `torch.autocast("cuda")` turns itself off or refuses; in here it does not.
    """
    mode = MetaAutocast(device, cache)
    clear = torch.clear_autocast_cache

    def forget() -> None:
        clear()
        mode.forget()

    with ExitStack() as stack:
        stack.enter_context(patch.object(torch, "clear_autocast_cache", forget))
        if device == "cuda":
            amp = import_module("torch.cuda.amp.common")
            stack.enter_context(patch.object(amp, "amp_definitely_not_available", lambda: False))
            stack.enter_context(patch.object(torch.cuda, "is_bf16_supported", lambda *_: True))
        if dtype:
            stack.enter_context(torch.autocast(device, dtype))
        stack.enter_context(mode)
        yield
