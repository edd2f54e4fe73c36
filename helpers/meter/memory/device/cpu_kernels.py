"""What PyTorch's CPU kernels do with memory that a meta tensor does not show.

Two things differ between an operation on meta tensors and the same operation on a CPU: the strides
of some results (`LAYOUTS`), on which later copies depend, and the buffers that a kernel takes and
gives back while it runs (`WORKSPACES`). Everything else, meta tensors tell exactly.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch._prims_common import suggest_memory_format

from helpers.meter.memory.device import elementwise
from helpers.meter.memory.device.convolution_call import (
    convolution_of,
    is_channels_last,
    uses_onednn,
)
from helpers.meter.memory.device.onednn import Convolution
from helpers.meter.memory.device.recurrent import (
    rnn_layer,
    rnn_layer_backward,
    rnn_layer_backward_workspace,
    rnn_layer_workspace,
)

aten = torch.ops.aten


def _memory_format(source: Tensor, weight: Tensor) -> torch.memory_format:
    if not is_channels_last(source, weight):
        return torch.contiguous_format
    return torch.channels_last if source.dim() == 4 else torch.channels_last_3d


class ConvolutionCall(NamedTuple):
    """The arguments of `aten.convolution`."""

    source: Tensor
    weight: Tensor
    bias: Tensor | None
    stride: Any
    padding: Any
    dilation: Any
    transposed: bool
    output_padding: Any
    groups: int


class ConvolutionBackwardCall(NamedTuple):
    """The arguments of `aten.convolution_backward`; `mask`: gradients of input, weight, bias."""

    gradient: Tensor
    source: Tensor
    weight: Tensor
    bias_sizes: Any
    stride: Any
    padding: Any
    dilation: Any
    transposed: bool
    output_padding: Any
    groups: int
    mask: list[bool]


def _convolution(*args: Any) -> Tensor:
    call = ConvolutionCall(*args)
    out = aten.convolution.default(*args)
    return torch.empty_like(out, memory_format=_memory_format(call.source, call.weight))


def _convolution_backward(*args: Any) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
    call = ConvolutionBackwardCall(*args)
    layout = _memory_format(call.source, call.weight)
    return (
        torch.empty_like(call.source, memory_format=layout) if call.mask[0] else None,
        torch.empty_like(call.weight, memory_format=layout) if call.mask[1] else None,
        call.gradient.new_empty(call.gradient.shape[1]) if call.mask[2] else None,
    )


def _layer_norm(source: Tensor, *args: Any) -> tuple[Tensor, ...]:
    """What comes out is always contiguous, also in the stride of a dimension of size 1."""
    out = aten.native_layer_norm.default(source, *args)
    return out[0].new_empty(source.shape), *out[1:]


def _layer_norm_backward(
    gradient: Tensor, source: Tensor, shape: Any, *args: Any
) -> tuple[Tensor | None, ...]:
    """The gradient of a layer norm's input is always contiguous."""
    out = aten.native_layer_norm_backward.default(gradient, source, shape, *args)
    if out[0] is None:
        return out
    return torch.empty_like(source, memory_format=torch.contiguous_format), *out[1:]


def _batch_norm(source: Tensor, *args: Any) -> tuple[Tensor, ...]:
    """What comes out is contiguous or channels last; on meta it lies as the input does."""
    out = aten.native_batch_norm.default(source, *args)
    return torch.empty_like(source, memory_format=suggest_memory_format(source)), *out[1:]


def _batch_norm_backward(gradient: Tensor, source: Tensor, *args: Any) -> tuple[Tensor | None, ...]:
    """The gradient of a batch norm's input lies as the input does; meta makes it unasked."""
    out = aten.native_batch_norm_backward.default(gradient, source, *args)
    if not args[-1][0]:
        return None, *out[1:]
    return torch.empty_like(source, memory_format=suggest_memory_format(source)), *out[1:]


def _keeping_losses(func: Any) -> Callable[..., Tensor]:
    """A loss that is reduced to a number: it lies where the losses of all elements were."""

    def loss(source: Tensor, target: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        out: Tensor = func(source, target, *args, **kwargs)
        if out.dim():
            return out
        each = torch.broadcast_shapes(source.shape, target.shape)
        return out.new_empty(each).as_strided((), ())

    return loss


def _as_its_source(func: Any, place: int = 0) -> Callable[..., Tensor]:
    """A result that is contiguous or channels last, as the argument in this place is."""

    def call(*args: Any) -> Tensor:
        out: Tensor = func(*args)
        return torch.empty_like(out, memory_format=suggest_memory_format(args[place]))

    return call


def _log_sigmoid(source: Tensor) -> tuple[Tensor, ...]:
    return tuple(t.contiguous() for t in aten.log_sigmoid_forward.default(source))


def _layer_norm_workspace(out: Any, source: Tensor, *args: Any) -> int:
    return _copy_bytes(source, torch.contiguous_format)


def _layer_norm_backward_workspace(
    out: Any, gradient: Tensor, source: Tensor, shape: Any, *args: Any
) -> int:
    """Copies of what is not contiguous, and each thread's sums for weight and bias."""
    copies = sum(_copy_bytes(t, torch.contiguous_format) for t in (gradient, source))
    return copies + 2 * torch.get_num_threads() * prod(shape) * source.itemsize


def _batch_norm_workspace(
    out: Any, source: Tensor, weight: Any, bias: Any, mean: Any, var: Any, train: bool, *args: Any
) -> int:
    """Two numbers a channel; twice, where sums are made across a row of channels. In inference,
    meta takes them for results."""
    if not train:
        return 0
    channels_first = source.is_contiguous() and prod(source.shape[2:]) > 1
    return 2 * source.shape[1] * source.itemsize * (1 if channels_first else 2)


def _batch_norm_backward_workspace(out: Any, gradient: Tensor, source: Tensor, *args: Any) -> int:
    """The fast path, where both tensors lie alike, makes the result twice; then threads' sums."""
    layout = suggest_memory_format(source)
    alike = gradient.is_contiguous(memory_format=layout)
    channels_first = layout is torch.contiguous_format and prod(source.shape[2:]) > 1
    sums = 0 if channels_first else 2 * torch.get_num_threads() * source.shape[1] * source.itemsize
    again = alike and out[0] is not None
    return max(sums, source.numel() * source.itemsize if again else 0)


def _contiguous_copies(count: int, channels_last: bool = False) -> Callable[..., int]:
    """The workspace of a kernel that copies its first `count` arguments unless they are contiguous,
    or, where the kernel takes that too, channels-last."""

    def workspace(out: Any, *args: Any, **kwargs: Any) -> int:
        return sum(
            _copy_bytes(t, suggest_memory_format(t) if channels_last else torch.contiguous_format)
            for t in args[:count]
        )

    return workspace


def _copy_bytes(tensor: Tensor, layout: torch.memory_format) -> int:
    """Bytes of the copy that a kernel makes of a tensor that does not lie as it wants it."""
    return 0 if tensor.is_contiguous(memory_format=layout) else tensor.numel() * tensor.itemsize


def _group_norm_backward_workspace(out: Any, *args: Any) -> int:
    """Copies, and two sums for each channel of each image."""
    sums = 2 * args[0].shape[0] * args[0].shape[1] * args[0].itemsize
    return sums + _contiguous_copies(2, channels_last=True)(out, *args)


def _convolution_workspace(out: Tensor, *args: Any) -> int:
    call = ConvolutionCall(*args)
    copies = _copy_bytes(call.source, _memory_format(call.source, call.weight))
    shapes = shapes_of(call, out)
    if shapes is None:
        return copies + _own_kernel_bytes(call, out)
    if call.transposed:
        return copies + shapes.transposed_forward(call.bias is not None)
    return copies + shapes.forward()


def _convolution_backward_workspace(out: tuple[Tensor | None, ...], *args: Any) -> int:
    call = ConvolutionBackwardCall(*args)
    layout = _memory_format(call.source, call.weight)
    copies = _copy_bytes(call.source, layout) + _copy_bytes(call.gradient, layout)
    mask = call.mask[0], call.mask[1], call.mask[2]
    shapes = shapes_of(call, call.gradient)
    if shapes is None:
        return copies + _own_kernel_bytes(call, call.gradient)
    return copies + (shapes.transposed_backward if call.transposed else shapes.backward)(mask)


def shapes_of(call: ConvolutionCall | ConvolutionBackwardCall, out: Tensor) -> Convolution | None:
    """Those of a call whose result is as large as `out`; None where oneDNN does not run it."""
    if not uses_onednn(call.source, call.weight, call.stride, call.dilation, call.groups):
        return None
    return convolution_of(
        *(call.source, call.weight, out.shape[2:], call.stride, call.padding, call.dilation),
        *(call.transposed, call.groups),
    )


def _own_kernel_bytes(call: ConvolutionCall | ConvolutionBackwardCall, out: Tensor) -> int:
    """What PyTorch's own kernel takes; `out` is as large as the result."""
    if call.transposed:
        channels = call.weight.shape[1] * prod(call.weight.shape[2:])
        return channels * prod(call.source.shape[2:]) * call.source.itemsize
    return _column_bytes(call.source, call.weight, out, call.stride, call.padding)


def _column_bytes(source: Tensor, weight: Tensor, out: Tensor, stride: Any, padding: Any) -> int:
    """PyTorch's own convolution unfolds the input into columns, unless the kernel is 1 x 1."""
    kernel = weight.shape[2:]
    if prod(kernel) == 1 and max(stride) == 1 and max(padding) == 0:
        return 0
    return prod(kernel) * source.shape[0] * source.shape[1] * prod(out.shape[2:]) * source.itemsize


def _query_block(queries: int) -> int:
    """Rows of queries that a thread of CPU flash attention takes at a time."""
    return min(queries, 256 if queries >= 768 else 64 if queries >= 192 else 32)


def _flash_attention_workspace(
    out: Any, query: Tensor, key: Tensor, value: Tensor, *args: Any, **kwargs: Any
) -> int:
    """Each thread holds a block of scores, of the output, and two columns of statistics."""
    rows, columns = _query_block(query.shape[2]), min(512, key.shape[2])
    elements = torch.get_num_threads() * rows * (columns + 2 + query.shape[3])
    bytes_ = elements * 4
    if query.itemsize < 4:
        bytes_ += torch.get_num_threads() * rows * columns * query.itemsize
    return bytes_


def _flash_attention_backward_workspace(
    out: Any, gradient: Tensor, query: Tensor, key: Tensor, *args: Any, **kwargs: Any
) -> int:
    """Each thread holds a block of scores and one of their gradients."""
    rows, columns = _query_block(query.shape[2]), min(512, key.shape[2])
    threads = torch.get_num_threads()
    scores = threads * 2 * rows * columns * 4
    return scores + rows * 4 + _copy_bytes(gradient.transpose(1, 2), torch.contiguous_format)


def _packing_workspace(out: Any, *args: Any) -> int:
    """Every step alone, before they are joined."""
    return out[0].numel() * out[0].itemsize


def _safe_softmax_workspace(out: Tensor, source: Tensor, *args: Any, **kwargs: Any) -> int:
    """Where scores are −∞, and in which rows all are; a zero for these."""
    masks = out.numel() + out.numel() // out.shape[-1] + out.itemsize
    return _copy_bytes(source, torch.contiguous_format) + masks


def _distances_workspace(out: Any, first: Tensor, second: Tensor) -> int:
    """Distances by a product: both sides with two columns more."""
    return sum(t.numel() // t.shape[-1] * (t.shape[-1] + 2) * t.itemsize for t in (first, second))


#: Operations whose results lie otherwise on a CPU than on meta, and how they lie.
LAYOUTS: dict[Any, Callable[..., Any]] = {
    aten.convolution.default: _convolution,
    aten.convolution_backward.default: _convolution_backward,
    aten.native_layer_norm.default: _layer_norm,
    aten.native_layer_norm_backward.default: _layer_norm_backward,
    aten.native_batch_norm.default: _batch_norm,
    aten.native_batch_norm_backward.default: _batch_norm_backward,
    aten.mkldnn_rnn_layer.default: rnn_layer,
    aten.mkldnn_rnn_layer_backward.default: rnn_layer_backward,
    aten.log_sigmoid_forward.default: _log_sigmoid,
    **{
        func: _as_its_source(func)
        for func in (
            *(aten.reflection_pad2d.default, aten.replication_pad2d.default),
            *(aten.pixel_shuffle.default, aten.channel_shuffle.default),
        )
    },
    **{
        func: _as_its_source(func, 1)
        for func in (
            aten.reflection_pad2d_backward.default,
            aten.replication_pad2d_backward.default,
        )
    },
    **{
        loss: _keeping_losses(loss)
        for loss in (
            *(aten.mse_loss.default, aten.smooth_l1_loss.default),
            *(aten.binary_cross_entropy.default, aten.soft_margin_loss.default),
        )
    },
}

#: Bytes beyond the outputs that an operation holds at its highest: of its result and arguments.
WORKSPACES: dict[Any, Callable[..., int]] = {
    aten.convolution.default: _convolution_workspace,
    aten.convolution_backward.default: _convolution_backward_workspace,
    aten.native_layer_norm.default: _layer_norm_workspace,
    aten.native_layer_norm_backward.default: _layer_norm_backward_workspace,
    aten.native_batch_norm.default: _batch_norm_workspace,
    aten.native_batch_norm_backward.default: _batch_norm_backward_workspace,
    aten._scaled_dot_product_flash_attention_for_cpu.default: _flash_attention_workspace,
    aten._scaled_dot_product_flash_attention_for_cpu_backward.default: (
        _flash_attention_backward_workspace
    ),
    **elementwise.WORKSPACES,
    aten._euclidean_dist.default: _distances_workspace,
    aten.mkldnn_rnn_layer.default: rnn_layer_workspace,
    aten.mkldnn_rnn_layer_backward.default: rnn_layer_backward_workspace,
    aten._softmax.default: _contiguous_copies(1),
    aten._log_softmax.default: _contiguous_copies(1),
    aten._pack_padded_sequence.default: _packing_workspace,
    aten._safe_softmax.default: _safe_softmax_workspace,
    aten._softmax_backward_data.default: _contiguous_copies(2),
    aten._log_softmax_backward_data.default: _contiguous_copies(2),
    aten.native_group_norm.default: _contiguous_copies(1, channels_last=True),
    aten.native_group_norm_backward.default: _group_norm_backward_workspace,
    aten.max_pool2d_with_indices.default: _contiguous_copies(1, channels_last=True),
    aten.avg_pool2d.default: _contiguous_copies(1, channels_last=True),
    aten._adaptive_avg_pool2d.default: _contiguous_copies(1, channels_last=True),
}
