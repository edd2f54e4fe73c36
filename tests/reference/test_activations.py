"""Activations by hand, against known figures and against what autograd keeps."""

from __future__ import annotations

from math import prod

import pytest
import torch
from torch import Tensor, nn

from helpers.meter.memory.predict import training_memory
from helpers.reference.activations import (
    chain_activations,
    chain_peak_activations,
    layer_saved_bytes,
    transformer_block_saved_bytes,
)

#: AlexNet with two groups, 224 x 224: outputs of its convolutions, pools and linear layers.
ALEXNET = {
    "input": (3, 224, 224),
    "conv1": (96, 55, 55),
    "pool1": (96, 27, 27),
    "conv2": (256, 27, 27),
    "pool2": (256, 13, 13),
    "conv3": (384, 13, 13),
    "conv4": (384, 13, 13),
    "conv5": (256, 13, 13),
    "pool5": (256, 6, 6),
    "fc6": 4096,
    "fc7": 4096,
    "fc8": 1000,
}


def test_alexnet_has_932264_activations() -> None:
    assert chain_activations(ALEXNET).total == 932_264


def test_alexnet_holds_440928_at_once() -> None:
    peak = chain_peak_activations(ALEXNET)
    assert peak.total == 440_928 == 3 * 224 * 224 + 96 * 55 * 55
    assert peak.title == "peak at conv1"


def test_activations_grow_with_the_batch() -> None:
    assert chain_peak_activations(ALEXNET, batch=8).total == 8 * 440_928


@pytest.mark.parametrize(
    ("layer", "module", "shape", "outputs", "statistics"),
    [
        ("linear", nn.Linear(32, 8), (4, 32), (4, 8), 0),
        ("convolution", nn.Conv2d(3, 8, 3, padding=1), (2, 3, 8, 8), (2, 8, 8, 8), 0),
        ("batch_norm", nn.BatchNorm2d(3), (2, 3, 8, 8), (2, 3, 8, 8), 3),
        ("layer_norm", nn.LayerNorm(32), (4, 32), (4, 32), 4),
        ("gelu", nn.GELU(), (4, 32), (4, 32), 0),
        ("silu", nn.SiLU(), (4, 32), (4, 32), 0),
        ("relu6", nn.ReLU6(), (4, 32), (4, 32), 0),
        ("dropout", nn.Dropout(0.1), (4, 32), (4, 32), 0),
        ("relu", nn.ReLU(), (4, 32), (4, 32), 0),
        ("sigmoid", nn.Sigmoid(), (4, 32), (4, 32), 0),
        ("tanh", nn.Tanh(), (4, 32), (4, 32), 0),
        ("softmax", nn.Softmax(-1), (4, 32), (4, 32), 0),
        ("max_pool", nn.MaxPool2d(2), (2, 3, 8, 8), (2, 3, 4, 4), 0),
        ("average_pool", nn.AdaptiveAvgPool2d(1), (2, 3, 8, 8), (2, 3, 1, 1), 0),
    ],
)
def test_a_layer_saves_what_autograd_keeps(
    layer: str, module: nn.Module, shape: tuple, outputs: tuple, statistics: int
) -> None:
    class Alone(nn.Module):
        """The layer between a copy of the input and a sum: only it decides what is saved."""

        def __init__(self) -> None:
            super().__init__()
            self.shift, self.layer = nn.Parameter(torch.zeros(1)), module

        def forward(self, x: Tensor) -> Tensor:
            return self.layer(x + self.shift)

    memory = training_memory(Alone(), shape, loss=lambda output: output.sum())
    by_hand = layer_saved_bytes(layer, shape, outputs, statistics)
    kept = sum(t.bytes for t in memory.saved)
    assert kept == by_hand.total


class Block(nn.Module):
    """The block that the formula is about: every product and mask written out."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.query, self.key, self.value, self.out = (nn.Linear(width, width) for _ in range(4))
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.dropout = nn.Dropout(0.1)

    def forward(self, x: Tensor) -> Tensor:
        batch, length, width = x.shape

        def split(y: Tensor) -> Tensor:
            return y.view(batch, length, self.heads, width // self.heads).transpose(1, 2)

        y = self.norm1(x)
        query, key, value = split(self.query(y)), split(self.key(y)), split(self.value(y))
        scores = (query @ key.transpose(-2, -1) / (width // self.heads) ** 0.5).softmax(-1)
        y = (self.dropout(scores) @ value).transpose(1, 2).reshape(batch, length, width)
        x = x + self.dropout(self.out(y))
        return x + self.dropout(self.down(nn.functional.gelu(self.up(self.norm2(x)))))


def test_a_transformer_block_keeps_sbh_times_34_plus_5as_over_h() -> None:
    batch, tokens, width, heads = 2, 32, 64, 4

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.before, self.block = nn.Parameter(torch.zeros(1)), Block(width, heads)

        def forward(self, x: Tensor) -> Tensor:
            return self.block(x + self.before)

    memory = training_memory(
        Model(),
        (batch, tokens, width),
        device="cuda",
        dtype="bf16",
        loss=lambda output: output.sum(),
    )
    statistics = [tensor for tensor in memory.saved if tensor.shape[-1:] == (1,)]
    kept = memory.saved_bytes - sum(tensor.bytes for tensor in statistics)
    by_hand = transformer_block_saved_bytes(batch, tokens, width, heads)
    assert kept == by_hand.total == tokens * batch * width * (34 + 5 * heads * tokens / width)
    # left out: a mean and an inverse deviation of each token, for two norms
    assert sum(prod(tensor.shape) for tensor in statistics) == 2 * 2 * batch * tokens


def test_fused_attention_leaves_out_the_scores() -> None:
    with_scores, without = (
        transformer_block_saved_bytes(1, 2048, 4096, 32, keep) for keep in (True, False)
    )
    assert without.total == 34 * 2048 * 4096
    assert with_scores.total - without.total == 5 * 32 * 2048**2


@pytest.mark.parametrize(
    ("call", "line"),
    [
        (lambda: chain_peak_activations({"input": 3}), "an input and at least one layer"),
        (lambda: layer_saved_bytes("lstm", 3, 3), "layer must be one of .*, not 'lstm'"),
        (lambda: layer_saved_bytes("batch_norm", 3, 3), "statistics must be a whole number ≥ 1"),
        (lambda: transformer_block_saved_bytes(1, 8, 10, 3), r"heads \(3\) must divide width"),
    ],
)
def test_impossible_sizes_are_refused(call, line) -> None:
    with pytest.raises(ValueError, match=line):
        call()
