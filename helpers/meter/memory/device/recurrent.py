"""LSTM as a CPU runs it, by oneDNN's kernel.

oneDNN runs a layer in one direction over all steps at once. For the backward pass it keeps a
workspace; while it runs it takes scratch space, and copies of the weights in its own layout. The
sizes were read off the allocator's events (oneDNN 3.7, as PyTorch has it up to 2.10, and 3.10 to
3.13; fp32) and hold to the byte for training. For inference some kB are not known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import ceil
from typing import Any

import torch
from torch import Tensor

from helpers.meter.memory.device.processor import (
    LEANER_LSTM,
    onednn_runs,
    onednn_version,
    vector_register,
)
from helpers.meter.memory.device.recurrent_steps import lstm_steps

aten = torch.ops.aten

_PAGE = 4096
#: Bytes that oneDNN keeps to find its blocks: in training, in inference.
_BOOKKEEPING = 4_664, 13_304
_LSTM = 2  # PyTorch's number of the mode

#: One direction of one layer: from its input, its initial states and its weights to its output and
#: its last states.
Layer = Callable[[Tensor, list[Tensor], list[Tensor], bool], tuple[Tensor, list[Tensor]]]


def lstm(
    input: Tensor,
    hx: list[Tensor],
    params: list[Tensor],
    has_biases: bool,
    num_layers: int,
    dropout: float,
    train: bool,
    bidirectional: bool,
    batch_first: bool,
) -> tuple[Tensor, ...]:
    """`aten.lstm.input` as on a CPU. Projections and 16 bits go PyTorch's own way."""
    options = has_biases, num_layers, dropout, train, bidirectional, batch_first
    projected = hx[0].shape[-1] != hx[1].shape[-1]
    if projected or input.dtype is not torch.float32 or not onednn_runs():
        return lstm_steps(input, hx, params, *options)
    hidden = hx[1].shape[-1]

    def layer(
        x: Tensor, states: list[Tensor], weights: list[Tensor], backwards: bool
    ) -> tuple[Tensor, list[Tensor]]:
        biases = weights[2:] if has_biases else [torch.zeros_like(w) for w in weights[:2]]
        out, h, c, _ = aten.mkldnn_rnn_layer(
            *(x, *weights[:2], *biases, *states, backwards, [], _LSTM, hidden, num_layers),
            *(has_biases, bidirectional, batch_first, train),
        )
        return out, [h, c]

    out, (h, c) = _stacked(layer, input.contiguous(), hx, params, *options)
    return out, h, c


def _stacked(
    layer: Layer,
    x: Tensor,
    hx: list[Tensor],
    params: list[Tensor],
    has_biases: bool,
    num_layers: int,
    dropout: float,
    train: bool,
    bidirectional: bool,
    batch_first: bool,
) -> tuple[Tensor, list[Tensor]]:
    """Layers on top of each other, each in one direction or two."""
    each, directions = (4 if has_biases else 2), (2 if bidirectional else 1)
    weights = iter([params[at : at + each] for at in range(0, len(params), each)])
    starts: Iterator[tuple[Tensor, ...]] = zip(*(states.unbind(0) for states in hx), strict=True)
    x = x.transpose(0, 1) if batch_first else x
    x = first = x.contiguous()  # which is kept until all layers have run
    outs: list[Tensor] = []  # what a layer gave is kept until the next has taken its place
    ends: list[list[Tensor]] = []
    for number in range(num_layers):
        for direction in range(directions):
            out, states = layer(x, list(next(starts)), next(weights), direction == 1)
            outs[direction : direction + 1] = [out]
            ends.append(states)
        x = torch.cat(outs, -1) if bidirectional else outs[0]
        if dropout and train and number < num_layers - 1:
            x = torch.dropout(x, dropout, True)
    del first
    x = x.transpose(0, 1) if batch_first else x
    return x, [torch.stack(states, 0) for states in zip(*ends, strict=True)]


def rnn_layer(x: Tensor, *args: Any) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
    """The results of `aten.mkldnn_rnn_layer`, its workspace among them."""
    h, c, hidden, train = args[4], args[5], args[9], args[-1]
    out = x.new_empty(x.shape[0], x.shape[1], hidden)
    keeps = train and torch.is_grad_enabled()
    workspace = x.new_empty(_kept_bytes(x, hidden), dtype=torch.uint8) if keeps else None
    return out, torch.empty_like(h), torch.empty_like(c), workspace


def rnn_layer_backward(x: Tensor, *args: Any) -> tuple[Tensor, ...]:
    """Gradients of input, weights, biases (one for both) and states."""
    weights, h, c = args[:2], args[4], args[5]
    bias = x.new_empty(weights[0].shape[0])
    like = (torch.empty_like(t) for t in (x, *weights))
    return *like, bias, bias, torch.empty_like(h), torch.empty_like(c)


def rnn_layer_workspace(out: Any, x: Tensor, *args: Any) -> int:
    """Beyond its results: the summed bias, the weights in blocks, scratch space for the gates."""
    hidden, trains = args[9], out[3] is not None
    steps, batch, width = x.shape
    bias = 4 * hidden * 4
    if trains:
        return bias + (width + hidden) * _leading(4 * hidden) * 4 + _scratch(x, hidden)
    blocked = 4 * _up(hidden, 2 * vector_register()) * 4
    gates = steps * batch * 4 * hidden * 4 * (2 if batch == 1 else 1)
    # Two copies of all states, as wide as what comes in; the results' own numbers hold a part.
    states = (steps + 1) * batch * _leading(max(width, hidden)) * 4
    gates += 2 * (states - (steps + 1) * batch * hidden * 4)
    if onednn_version() < LEANER_LSTM:
        rows = steps if batch == 1 else batch
        gates += 4 * (states + (rows * _leading(4 * hidden) + batch * _leading(hidden)) * 4)
    return bias + (width + hidden) * blocked + gates + batch * 8 * hidden * 4 + _BOOKKEEPING[1]


def rnn_layer_unsure(out: Any, x: Tensor, *args: Any) -> int:
    """Bytes that inference may take beyond that: one more state of a step, some pages, and, with
    narrower registers, weights in blocks as wide as with AVX-512."""
    hidden, trains = args[9], out[3] is not None
    if trains:
        return 0
    wider = _up(hidden, 32) - _up(hidden, 2 * vector_register())
    weights = (x.shape[2] + hidden) * 4 * wider * 4
    return weights + x.shape[1] * _leading(hidden) * 4 + 4 * _PAGE


def rnn_layer_backward_workspace(out: Any, x: Tensor, *args: Any) -> int:
    """As forward, with gradients that were not given and weights' gradients in blocks."""
    hidden, width = args[4].shape[-1], x.shape[-1]
    extra = 2 * args[4].numel() * 4 + 2 * 4 * hidden * 4
    gradient = args[9]
    if gradient is not None and not gradient.is_contiguous():
        extra += gradient.numel() * 4
    extra += sum(_leading(n) * 4 * hidden * 4 for n in (width, hidden) if _leading(n) != n)
    return extra + (width + hidden) * _leading(4 * hidden) * 4 + _scratch(x, hidden)


def _kept_bytes(x: Tensor, hidden: int) -> int:
    """Gates, states and their gradients for every step, each array on pages of its own."""
    steps, batch, width = x.shape
    padded = _leading(hidden)
    states = 2 * (steps + 1) * batch * 4  # of the layer and of what it is fed
    copies = 5 if onednn_version() < LEANER_LSTM else 3
    return (
        _pages(steps * batch * _leading(4 * hidden) * 4)
        + copies * _pages(states * _leading(max(width, hidden)))
        + 2 * _pages(states * hidden)
        + _pages(steps * batch * padded * 4)
    )


def _scratch(x: Tensor, hidden: int) -> int:
    """Gates of all steps, both states of one, each array on pages of its own."""
    steps, batch, _ = x.shape
    gates, state = steps * batch * _leading(4 * hidden) * 4, batch * _leading(hidden) * 4
    # Before, every gate had a buffer of its own.
    apart = 4 * (gates + 2 * state) + 384 if onednn_version() < LEANER_LSTM else 0
    return _pages(gates) + 2 * _pages(state) + apart + _BOOKKEEPING[0]


def _leading(size: int) -> int:
    """Numbers from one row to the next: whole cache lines, and no multiple of 256."""
    padded = _up(size, 16)
    return padded + 16 if padded % 256 == 0 else padded


def _up(size: int, block: int) -> int:
    return ceil(size / block) * block


def _pages(size: int) -> int:
    return _up(size, _PAGE)
