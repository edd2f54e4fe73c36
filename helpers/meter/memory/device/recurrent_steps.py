"""Recurrent layers that PyTorch runs on a CPU step by step: GRU, RNN, LSTM with projections, and
whatever runs on packed sequences.

On a CPU, all steps' inputs are multiplied at once and held until the layer has run; on meta PyTorch
would multiply step by step. So the layers are made again here, after ATen's `RNN.cpp`, with each
tensor held as long as it is there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import linear

State = tuple[Tensor, ...]


@dataclass(frozen=True)
class _Weights:
    """Of one layer in one direction."""

    input: Tensor
    hidden: Tensor
    input_bias: Tensor | None = None
    hidden_bias: Tensor | None = None
    projection: Tensor | None = None

    def of_inputs(self, x: Tensor) -> Tensor:
        return linear(x, self.input, self.input_bias)

    def of_state(self, hidden: Tensor) -> Tensor:
        return linear(hidden, self.hidden, self.hidden_bias)


#: One step: from its input's products, the state before it and the weights to the state after it.
Cell = Callable[[Tensor, State, _Weights], State]


#: One layer in all its directions: from a cell, an input, states and weights to its output and its
#: last states.
Layer = Callable[[Cell, Tensor, list[State], list[_Weights]], tuple[Tensor, list[State]]]


def _lstm_cell(products: Tensor, state: State, weights: _Weights) -> State:
    gates = weights.of_state(state[0]).add_(products)
    chunks = torch.unsafe_chunk(gates, 4, 1)
    enter, forget, cell, out = (
        *(chunks[0].sigmoid_(), chunks[1].sigmoid_()),
        *(chunks[2].tanh_(), chunks[3].sigmoid_()),
    )
    after = (forget * state[1]).add_(enter * cell)
    hidden = out * after.tanh()
    if weights.projection is not None:
        hidden = torch.matmul(hidden, weights.projection.t())
    return hidden, after


def _gru_cell(products: Tensor, state: State, weights: _Weights) -> State:
    (hidden,) = state
    given = torch.unsafe_chunk(products, 3, 1)
    own = torch.unsafe_chunk(weights.of_state(hidden), 3, 1)
    reset = own[0].add_(given[0]).sigmoid_()
    update = own[1].add_(given[1]).sigmoid_()
    new = given[2].add(own[2].mul_(reset)).tanh_()
    return ((hidden - new).mul_(update).add_(new),)


def _tanh_cell(products: Tensor, state: State, weights: _Weights) -> State:
    return (torch.tanh(weights.of_state(state[0]).add_(products)),)


def _relu_cell(products: Tensor, state: State, weights: _Weights) -> State:
    return (torch.relu(weights.of_state(state[0]).add_(products)),)


def _steps(
    cell: Cell, inputs: Sequence[Tensor], state: State, weights: _Weights
) -> tuple[list[Tensor], State]:
    outs = []
    for each in inputs:
        state = cell(each, state, weights)
        outs.append(state[0])
    return outs, state


def _one_way(
    cell: Cell, x: Tensor, states: list[State], weights: list[_Weights]
) -> tuple[Tensor, list[State]]:
    products = weights[0].of_inputs(x)
    outs, state = _steps(cell, products.unbind(0), states[0], weights[0])
    return torch.stack(outs, 0), [state]


def _both_ways(
    cell: Cell, x: Tensor, states: list[State], weights: list[_Weights]
) -> tuple[Tensor, list[State]]:
    """The steps forwards are held until the steps backwards have run."""
    products = weights[0].of_inputs(x)
    inputs = products.unbind(0)
    forwards, last = _steps(cell, inputs, states[0], weights[0])
    first = torch.stack(forwards, 0)
    products = weights[1].of_inputs(x)
    inputs = products.unbind(0)[::-1]
    backwards, end = _steps(cell, inputs, states[1], weights[1])
    second = torch.stack(backwards[::-1], 0)
    return torch.cat([first, second], -1), [last, end]


def _packed(
    cell: Cell, x: Tensor, sizes: list[int], before: State, weights: _Weights, backwards: bool
) -> tuple[Tensor, State]:
    """Steps of packed sequences, `sizes[i]` rows in step i: ever fewer, or backwards ever more."""
    products = weights.of_inputs(x)
    ends = [sum(sizes[: i + 1]) for i in range(len(sizes))]
    order = range(len(sizes))[::-1] if backwards else range(len(sizes))
    size = sizes[order[0]]
    state = tuple(s.narrow(0, 0, size) for s in before) if backwards else before
    outs, finished = [], []
    for i in order:
        step = products.narrow(0, ends[i] - sizes[i], sizes[i])
        if sizes[i] < size:
            finished.append(tuple(s.narrow(0, sizes[i], size - sizes[i]) for s in state))
            state = tuple(s.narrow(0, 0, sizes[i]) for s in state)
        elif sizes[i] > size:
            more = [s.narrow(0, size, sizes[i] - size) for s in before]
            state = tuple(torch.cat(pair, 0) for pair in zip(state, more, strict=True))
        size = sizes[i]
        state = cell(step, state, weights)
        outs.append(state[0])
    if backwards:
        return torch.cat(outs[::-1], 0), state
    finished.append(state)
    joined = torch.cat(outs, 0)
    return joined, tuple(torch.cat(parts, 0) for parts in zip(*finished[::-1], strict=True))


def _of_packed(sizes: list[int]) -> Layer:
    def layer(
        cell: Cell, x: Tensor, states: list[State], weights: list[_Weights]
    ) -> tuple[Tensor, list[State]]:
        first = _packed(cell, x, sizes, states[0], weights[0], False)
        if len(weights) == 1:
            return first[0], [first[1]]
        second = _packed(cell, x, sizes, states[1], weights[1], True)
        return torch.cat([first[0], second[0]], -1), [first[1], second[1]]

    return layer


def _run(
    cell: Cell,
    x: Tensor,
    hx: Sequence[Tensor],
    params: list[Tensor],
    layer: Layer | None,
    has_biases: bool,
    num_layers: int,
    dropout: float,
    train: bool,
    bidirectional: bool,
) -> tuple[Tensor, ...]:
    """All layers: their output, and the last states."""
    directions = 2 if bidirectional else 1
    weights = _weights(params, has_biases, num_layers * directions)
    states: list[State] = list(zip(*(s.unbind(0) for s in hx), strict=True))
    layer = layer or (_both_ways if bidirectional else _one_way)
    ends: list[State] = []
    for number in range(num_layers):
        own = slice(number * directions, (number + 1) * directions)
        x, last = layer(cell, x, states[own], weights[own])
        ends += last
        del last
        if dropout and train and number < num_layers - 1:
            x = torch.dropout(x, dropout, True)
    return (x, *(torch.stack(each, 0) for each in zip(*ends, strict=True)))


def _weights(params: list[Tensor], has_biases: bool, count: int) -> list[_Weights]:
    each = len(params) // count
    parts = (params[at : at + each] for at in range(0, len(params), each))
    none = () if has_biases else (None, None)
    return [_Weights(part[0], part[1], *none, *part[2:]) for part in parts]


def of_steps(cell: Cell) -> Callable[..., tuple[Tensor, ...]]:
    """A recurrent layer of a cell, called as ATen calls it: (length, batch, width) comes in."""

    def run(input: Tensor, hx: Any, params: list[Tensor], *options: Any) -> tuple[Tensor, ...]:
        *others, batch_first = options
        x = input.transpose(0, 1) if batch_first else input
        out, *states = _run(cell, x, _listed(hx), params, None, *others)
        return (out.transpose(0, 1) if batch_first else out, *states)

    return run


def of_packed(cell: Cell) -> Callable[..., tuple[Tensor, ...]]:
    """The same on packed sequences."""

    def run(
        data: Tensor, batch_sizes: Tensor, hx: Any, params: list[Tensor], *options: Any
    ) -> tuple[Tensor, ...]:
        layer = _of_packed(batch_sizes.tolist())
        return _run(cell, data, _listed(hx), params, layer, *options)

    return run


def _listed(hx: Any) -> Sequence[Tensor]:
    return [hx] if isinstance(hx, Tensor) else hx


lstm_steps = of_steps(_lstm_cell)

aten = torch.ops.aten

#: Handlers of `interception`. LSTM without projections has oneDNN's kernel: see `recurrent`.
STEPS: dict[torch._ops.OpOverload, Callable[..., tuple[Tensor, ...]]] = {
    aten.lstm.data: of_packed(_lstm_cell),
    aten.gru.input: of_steps(_gru_cell),
    aten.gru.data: of_packed(_gru_cell),
    aten.rnn_tanh.input: of_steps(_tanh_cell),
    aten.rnn_tanh.data: of_packed(_tanh_cell),
    aten.rnn_relu.input: of_steps(_relu_cell),
    aten.rnn_relu.data: of_packed(_relu_cell),
}
