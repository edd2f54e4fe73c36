"""A PyTorch model made of a table of layers, to be counted, timed and trained.

It runs the rows one after another and lets go of each tensor after the last row that reads it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn, optim

from helpers.meter.measured import Measured, measured_inference, measured_training
from helpers.meter.memory.largest_batch import largest_batch
from helpers.model_table import INPUT, Row


class TableModel(nn.Module):
    """What the rows of `helpers.model_table.layers` describe, with random weights.

    Images are (batch, 3, side, side), a text (batch, tokens) of whole numbers; logits come out,
    (batch, classes) or (batch, tokens, words).
    """

    def __init__(self, rows: Sequence[Row]) -> None:
        super().__init__()
        self._rows = tuple(rows)
        self.layers = nn.ModuleList(_LAYERS[row.kind](row) for row in rows)
        for row, layer in zip(rows, self.layers, strict=True):
            if row.shares >= 0:
                layer.weight = self.layers[row.shares].weight
        last = {tensor: number for number, row in enumerate(rows) for tensor in row.reads}
        self._done_with = [[t for t in last if last[t] == number] for number in range(len(rows))]

    def forward(self, x: Tensor) -> Tensor:
        tensors = {INPUT: x}
        for number, row in enumerate(self._rows):
            tensors[number] = self.layers[number](*[tensors[tensor] for tensor in row.reads])
            for tensor in self._done_with[number]:
                del tensors[tensor]
        return tensors[len(self._rows) - 1]

    def example_input(self, batch: int) -> Tensor:
        """A batch of random images or texts, on the model's device."""
        first, device = self._rows[0], next(self.parameters()).device
        if first.kind == "embedding":
            size = (batch, first.places_in)
            return torch.randint(first.channels_in, size, device=device)
        side = math.isqrt(first.places_in)
        return torch.randn(batch, 3, side, side, device=device)


def cross_entropy(output: Tensor) -> Tensor:
    """Of each image or token, that it is of class 0: what a class is called costs nothing."""
    logits = output.reshape(-1, output.shape[-1])
    return F.cross_entropy(logits, torch.zeros(len(logits), dtype=torch.long, device=output.device))


def fused_adam(parameters: list[nn.Parameter]) -> optim.Optimizer:
    """Adam that holds nothing more while it updates."""
    return optim.Adam(parameters, fused=True)


def measured_forward(model: TableModel, batch: int) -> Measured:
    """The peak of a forward pass of so many images or texts."""
    return measured_inference(model, model.example_input(batch))


def measured_step(model: TableModel, batch: int) -> Measured:
    """The peak of a steady step with cross entropy and fused Adam."""
    inputs = model.example_input(batch)
    return measured_training(model, inputs, optimizer=fused_adam, loss=cross_entropy)


def counted_largest_batch(model: TableModel, memory: int) -> int:
    """The largest batch whose step fits on a GPU of so many bytes, its context beside it: by the
    meter, which tries batches without data."""
    one = model.example_input(1)
    return largest_batch(
        model,
        tuple(one.shape[1:]),
        memory,
        input_dtype=one.dtype,
        fused=True,
        loss=cross_entropy,
    ).batch


class _Attention(nn.Module):
    def __init__(self, row: Row) -> None:
        super().__init__()
        self._heads, self._causal = row.heads, row.kind == "causal attention"

    def forward(self, x: Tensor) -> Tensor:
        batch, tokens, _ = x.shape
        q, k, v = x.view(batch, tokens, 3, self._heads, -1).permute(2, 0, 3, 1, 4)
        found = F.scaled_dot_product_attention(q, k, v, is_causal=self._causal)
        return found.transpose(1, 2).reshape(batch, tokens, -1)


class _Positions(nn.Module):
    def __init__(self, row: Row) -> None:
        super().__init__()
        self.weight = nn.Parameter(0.02 * torch.randn(row.places_out, row.channels_out))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.weight


class _Patches(nn.Conv2d):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x).flatten(2).transpose(1, 2)


class _Add(nn.Module):
    def forward(self, one: Tensor, other: Tensor) -> Tensor:
        return one + other


class _Mean(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.mean((2, 3) if x.dim() == 4 else 1)


def _convolution(row: Row) -> nn.Module:
    stride = math.isqrt(row.places_in // row.places_out)
    if stride == row.kernel > 1:
        return _Patches(row.channels_in, row.channels_out, row.kernel, stride, bias=row.bias)
    sizes = (row.channels_in, row.channels_out, row.kernel, stride, row.kernel // 2)
    return nn.Conv2d(*sizes, bias=row.bias)


_LAYERS: Mapping[str, Callable[[Row], nn.Module]] = {
    "conv": _convolution,
    "linear": lambda row: nn.Linear(row.channels_in, row.channels_out, bias=row.bias),
    "batch norm": lambda row: nn.BatchNorm2d(row.channels_out),
    "layer norm": lambda row: nn.LayerNorm(row.channels_out),
    "relu": lambda row: nn.ReLU(),
    "gelu": lambda row: nn.GELU(),
    "attention": _Attention,
    "causal attention": _Attention,
    "add": lambda row: _Add(),
    "max pool": lambda row: nn.MaxPool2d(3, 2, 1),
    "mean": lambda row: _Mean(),
    "embedding": lambda row: nn.Embedding(row.channels_in, row.channels_out),
    "positions": _Positions,
}
