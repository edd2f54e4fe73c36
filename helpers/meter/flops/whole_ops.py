"""Operations that are counted as a whole, because PyTorch takes them apart on the meta device.

Attention and RMS norm have one kernel on most devices. While a recorder is at work, on the meta
device they compute nothing and make a result of the right shape: one entry forward, one backward,
whatever kernel would run them. A convention can name more operations that it counts as a whole;
those are taken apart, and what they are made of counts nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from math import prod
from typing import Any

import torch
from torch import Tensor

from helpers.meter.flops.conventions import Cost
from helpers.meter.flops.prices.attention import AttentionShape
from helpers.meter.flops.prices.op import Call, places_of
from helpers.meter.flops.recorder import Recorder
from helpers.meter.flops.traffic import tensor_bytes
from helpers.meter.interception import RECURRENT, VALUES_ONLY, intercepting

_aten = torch.ops.aten


def counting_whole(recorder: Recorder) -> AbstractContextManager[None]:
    """Lets `recorder` count whole operations as such, in this thread."""
    more = recorder.convention.whole.items()
    return intercepting(
        {
            **RECURRENT,
            **VALUES_ONLY,
            _aten.scaled_dot_product_attention.default: partial(_attention, recorder),
            _aten.rms_norm.default: partial(_rms_norm, recorder),
            **{func: partial(_taken_apart, recorder, func, cost) for func, cost in more},
        }
    )


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
    name = "scaled_dot_product_attention"
    if not enable_gqa:
        batch = torch.broadcast_shapes(query.shape[:-2], key.shape[:-2], value.shape[:-2])
        query = query.expand(*batch, *query.shape[-2:])
    if recorder.convention.leaves_out_masked and is_causal:
        recorder.assume(f"{name}: causal mask, only the pairs it leaves counted (half)")
    elif recorder.convention.leaves_out_masked and attn_mask is not None:
        recorder.assume(f"{name}: explicit mask, all pairs counted")
    tensors = (query, key, value) if attn_mask is None else (query, key, value, attn_mask)
    named = dict(zip(("query", "key", "value", "attn_mask"), tensors, strict=False))
    call = _call(**named, dropout_p=dropout_p, is_causal=is_causal)
    shape = AttentionShape.of(call)
    read = sum(map(tensor_bytes, tensors))
    size = (*query.shape[:-1], value.shape[-1])
    written = prod(size) * query.element_size()

    def gradient(moved: int, wanted: tuple[bool, ...]) -> None:
        call = _call(shape=shape, wanted=(*wanted, False)[:4])
        recorder.charge(f"{name}_backward", call, read + written + moved)

    for tensor in tensors:
        recorder.use(tensor)
    out = _Whole.apply(size, gradient, *tensors)
    recorder.charge(name, call, read + written)
    return out


def _rms_norm(
    recorder: Recorder,
    input: Tensor,
    normalized_shape: Any,
    weight: Tensor | None = None,
    eps: float | None = None,
) -> Tensor:
    tensors = (input,) if weight is None else (input, weight)
    read = sum(map(tensor_bytes, tensors))
    rows = input.numel() // prod(normalized_shape)

    def gradient(moved: int, wanted: tuple[bool, ...]) -> None:
        call = _call(input=input, rows=rows, weight=weight)
        recorder.charge("rms_norm_backward", call, read + moved)

    for tensor in tensors:
        recorder.use(tensor)
    out = _Whole.apply(input.shape, gradient, *tensors)
    call = _call(input=input, normalized_shape=normalized_shape, weight=weight)
    recorder.charge("rms_norm", call, read + tensor_bytes(out))
    return out


def _call(**arguments: Any) -> Call:
    return Call((), arguments, None, {})


def _taken_apart(
    recorder: Recorder, func: torch._ops.OpOverload, cost: Cost, *args: Any, **kwargs: Any
) -> Any:
    """An operation whose count is its convention's; what it does inside then counts nothing."""
    with recorder.muted():
        out = func.decompose(*args, **kwargs)
    name = func._schema.name.removeprefix("aten::")
    recorder.record(name, cost, Call(args, kwargs, out, places_of(func)), 0)
    return out
