"""Operations that are counted as a whole, because PyTorch takes them apart on the meta device.

Attention and RMS norm have one kernel on most devices. While a `Recorder` is at work in this
thread, on the meta device they compute nothing and make a result of the right shape: one entry
forward, one backward, whatever kernel would run them. A convention can name more operations that
it counts as a whole. Without a recorder everything is as PyTorch has it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from math import prod
from typing import TYPE_CHECKING, Any

import torch

from helpers.meter.flops.prices.attention import AttentionShape
from helpers.meter.flops.traffic import tensor_bytes

if TYPE_CHECKING:
    from helpers.meter.flops.recorder import Recorder

_aten = torch.ops.aten
_active = threading.local()


@contextmanager
def recording(recorder: Recorder) -> Iterator[None]:
    """Makes `recorder` the one that counts whole operations in this thread."""
    before = getattr(_active, "recorder", None)
    _active.recorder = recorder
    try:
        yield
    finally:
        _active.recorder = before


class _Whole(torch.autograd.Function):
    """An operation of which only shape and cost are known."""

    @staticmethod
    def forward(ctx: Any, shape: Any, gradient: Callable[..., None], *tensors: Any) -> Any:
        ctx.gradient, ctx.tensors = gradient, tensors
        return torch.empty(shape, dtype=tensors[0].dtype, device="meta")

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        wanted = ctx.needs_input_grad[2:]
        results = [
            torch.empty_like(tensor) if want else None
            for tensor, want in zip(ctx.tensors, wanted, strict=True)
        ]
        written = sum(tensor_bytes(result) for result in results if result is not None)
        ctx.gradient(tensor_bytes(gradients[0]) + written, wanted)
        return None, None, *results


def _attention(
    recorder: Recorder,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attn_mask: torch.Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    *,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> torch.Tensor:
    convention, name = recorder.convention, "scaled_dot_product_attention"
    if not enable_gqa:
        batch = torch.broadcast_shapes(query.shape[:-2], key.shape[:-2], value.shape[:-2])
        query = query.expand(*batch, *query.shape[-2:])
    shape = AttentionShape.of(query, key, value, attn_mask, is_causal, dropout_p > 0)
    if convention.name == "course" and is_causal:
        recorder.assume(f"{name}: causal mask, only the pairs it leaves counted (half)")
    elif convention.name == "course" and attn_mask is not None:
        recorder.assume(f"{name}: explicit mask, all pairs counted")
    tensors = (query, key, value) if attn_mask is None else (query, key, value, attn_mask)
    for tensor in tensors:
        recorder.use(tensor)
    read = sum(map(tensor_bytes, tensors))
    size = (*query.shape[:-1], value.shape[-1])
    written = prod(size) * query.element_size()

    def gradient(moved: int, wanted: tuple[bool, ...]) -> None:
        q, k, v, mask = (*wanted, False)[:4]
        cost = convention.attention_gradient(shape, (q, k, v, mask))
        recorder.add(f"{name}_backward", *cost, read + written + moved)

    out = _Whole.apply(size, gradient, *tensors)
    recorder.add(name, *convention.attention(shape), read + written)
    return out


def _rms_norm(
    recorder: Recorder,
    x: torch.Tensor,
    normalized_shape: Any,
    weight: torch.Tensor | None = None,
    eps: float | None = None,
) -> torch.Tensor:
    convention = recorder.convention
    rows = x.numel() // prod(normalized_shape)
    sizes = (x.numel(), rows, 0 if weight is None else weight.numel())
    tensors = (x,) if weight is None else (x, weight)
    read = sum(map(tensor_bytes, tensors))
    for tensor in tensors:
        recorder.use(tensor)

    def gradient(moved: int, wanted: tuple[bool, ...]) -> None:
        recorder.add("rms_norm_backward", *convention.rms_norm(*sizes, backward=True), read + moved)

    out = _Whole.apply(x.shape, gradient, *tensors)
    cost = convention.rms_norm(*sizes, backward=False)
    recorder.add("rms_norm", *cost, read + tensor_bytes(out))
    return out


def _counted(func: torch._ops.OpOverload, recorder: Recorder, *args: Any, **kwargs: Any) -> Any:
    """An operation that the convention may count as a whole: what it does inside then counts 0."""
    count = recorder.convention.whole(func, args)
    if count is None:
        return func.decompose(*args, **kwargs)
    recorder.muted += 1
    try:
        out = func.decompose(*args, **kwargs)
    finally:
        recorder.muted -= 1
    recorder.add(func._schema.name.removeprefix("aten::"), count, count, 0)
    return out


#: What is caught on the meta device, and how.
_WHOLE: dict[torch._ops.OpOverload, Callable[..., Any]] = {
    _aten.scaled_dot_product_attention.default: _attention,
    _aten.rms_norm.default: _rms_norm,
    **{
        func: partial(_counted, func)
        for func in (
            _aten.conv1d.padding,
            _aten.conv2d.padding,
            _aten.conv3d.padding,
            _aten.lstm.input,
            _aten.gru.input,
            _aten.rnn_tanh.input,
            _aten.rnn_relu.input,
            _aten.instance_norm.default,
            _aten.adaptive_avg_pool2d.default,
        )
    },
}


def _caught(func: torch._ops.OpOverload, *args: Any, **kwargs: Any) -> Any:
    recorder = getattr(_active, "recorder", None)
    if recorder is None:
        return func.decompose(*args, **kwargs)
    return _WHOLE[func](recorder, *args, **kwargs)


_library = torch.library.Library("aten", "IMPL")
for _func in _WHOLE:
    _library.impl(_func, partial(_caught, _func), "AutogradMeta")
