"""Every formula of `reference` against what the meter sees PyTorch dispatch: exactly equal.

Random sizes, forward alone and with the backward. `reference` knows only sizes, the meter only
operations; neither imports the other.
"""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import nn

from helpers.meter import count
from helpers.reference.attention import Attention, ScaledDotProduct
from helpers.reference.convolution import Convolution, ConvTranspose
from helpers.reference.elementwise import (
    ELU,
    GELU,
    GELUTanh,
    HardSigmoid,
    HardSwish,
    LeakyReLU,
    PReLU,
    ReLU,
    ReLU6,
    Sigmoid,
    SiLU,
    Tanh,
)
from helpers.reference.embedding import Embedding
from helpers.reference.linear import Linear, MatrixMatrix, MatrixVector
from helpers.reference.losses import CrossEntropy, MeanAbsoluteError, MeanSquaredError
from helpers.reference.networks import AlexNet
from helpers.reference.normalization import BatchNorm, GroupNorm, InstanceNorm, LayerNorm, RMSNorm
from helpers.reference.pooling import AdaptiveAveragePool, AveragePool, MaxPool
from helpers.reference.recurrent import GRU, LSTM, RNN
from helpers.reference.softmax import LogSoftmax, Softmax
from helpers.reference.transformer import TransformerBlock

examples = settings(max_examples=20)
fewer_examples = settings(max_examples=10)

small, tiny = st.integers(1, 9), st.integers(1, 4)
yes_or_no = st.booleans()


def metered(model, *shapes, backward):
    """The count of a model on meta inputs, whose gradients are wanted too."""
    inputs = [torch.empty(shape, device="meta", requires_grad=True) for shape in shapes]
    with torch.device("meta"):
        module = model() if isinstance(model, type) else model
    return count(module, *inputs, backward=backward)


def assert_equal(layer, counted, *, backward=False, moves_as_much=True):
    """Parameters, MAC, FLOP and, forward, bytes of `layer` are those that were counted.

    `moves_as_much` is false where the two say different things on purpose.
    """
    assert layer.macs(backward).total == counted.macs
    assert layer.flops(backward).total == counted.flops
    assert layer.parameters().total == counted.parameters
    if moves_as_much and not backward:
        assert layer.bytes().total == counted.bytes_moved
    assert not counted.unknown


@examples
@given(small, small, small, small, yes_or_no, yes_or_no)
def test_linear(batch, tokens, m, n, bias, backward):
    counted = metered(nn.Linear(m, n, bias), (batch, tokens, m), backward=backward)
    assert_equal(Linear(batch, m, n, bias, tokens), counted, backward=backward)
    if not backward:
        assert counted.bytes_unfused == counted.bytes_moved


@st.composite
def convolutions(draw):
    """Sizes of a convolution in one, two or three dimensions that fits its input."""
    dimensions = draw(st.integers(1, 3))
    groups = draw(tiny)

    def sides(low, high):
        return tuple(draw(st.integers(low, high)) for _ in range(dimensions))

    sizes = {
        "batch": draw(tiny),
        "in_channels": groups * draw(tiny),
        "out_channels": groups * draw(tiny),
        "kernel": sides(1, 3),
        "stride": sides(1, 3),
        "padding": sides(0, 2),
        "dilation": sides(1, 2),
        "groups": groups,
        "bias": draw(yes_or_no),
    }
    return sizes, sides(5, 9)


def module_arguments(sizes):
    names = {"kernel": "kernel_size"}
    return {names.get(key, key): value for key, value in sizes.items() if key != "batch"}


@examples
@given(convolutions(), yes_or_no)
def test_convolution(drawn, backward):
    sizes, size = drawn
    module = getattr(nn, f"Conv{len(size)}d")(**module_arguments(sizes), device="meta")
    shape = (sizes["batch"], sizes["in_channels"], *size)
    counted = metered(module, shape, backward=backward)
    assert_equal(Convolution(size=size, **sizes), counted, backward=backward)
    if not backward:
        assert counted.bytes_unfused == counted.bytes_moved


@examples
@given(convolutions(), yes_or_no)
def test_convolution_with_padding_same(drawn, backward):
    sizes, size = drawn
    sizes |= {"padding": "same", "stride": 1}
    module = getattr(nn, f"Conv{len(size)}d")(**module_arguments(sizes), device="meta")
    counted = metered(module, (sizes["batch"], sizes["in_channels"], *size), backward=backward)
    assert_equal(Convolution(size=size, **sizes), counted, backward=backward)


@examples
@given(convolutions(), yes_or_no)
def test_transposed_convolution(drawn, backward):
    sizes, size = drawn
    output_padding = tuple(
        min(1, max(s, d) - 1) for s, d in zip(sizes["stride"], sizes["dilation"], strict=True)
    )
    sizes |= {"output_padding": output_padding}
    module = getattr(nn, f"ConvTranspose{len(size)}d")(**module_arguments(sizes), device="meta")
    shape = (sizes["batch"], sizes["in_channels"], *size)
    counted = metered(module, shape, backward=backward)
    assert_equal(ConvTranspose(size=size, **sizes), counted, backward=backward)


@examples
@given(tiny, tiny, small, small, yes_or_no, yes_or_no, yes_or_no)
def test_batch_norm(batch, channels, height, width, training, affine, backward):
    assume(batch * height * width > 1)
    module = nn.BatchNorm2d(channels, affine=affine, device="meta").train(training)
    counted = metered(module, (batch, channels, height, width), backward=backward)
    layer = BatchNorm(batch, channels, (height, width), training, affine)
    # In training it writes its running averages, which are no output of the module.
    assert_equal(layer, counted, backward=backward, moves_as_much=not training)


@examples
@given(tiny, tiny, small, small, yes_or_no, yes_or_no)
def test_instance_norm(batch, channels, height, width, affine, backward):
    assume(height * width > 1)
    module = nn.InstanceNorm2d(channels, affine=affine, device="meta")
    counted = metered(module, (batch, channels, height, width), backward=backward)
    layer = InstanceNorm(batch, channels, (height, width), affine)
    assert_equal(layer, counted, backward=backward)


@examples
@given(tiny, tiny, tiny, small, small, yes_or_no, yes_or_no)
def test_group_norm(batch, groups, each, height, width, affine, backward):
    channels = groups * each
    assume(batch * each * height * width > 1)
    module = nn.GroupNorm(groups, channels, affine=affine, device="meta")
    counted = metered(module, (batch, channels, height, width), backward=backward)
    layer = GroupNorm(batch, channels, (height, width), groups, affine)
    assert_equal(layer, counted, backward=backward)


@pytest.mark.parametrize(("layer", "norm"), [(LayerNorm, nn.LayerNorm), (RMSNorm, nn.RMSNorm)])
@examples
@given(tiny, small, small, yes_or_no, yes_or_no)
def test_layer_and_rms_norm(layer, norm, batch, tokens, features, affine, backward):
    module = norm(features, elementwise_affine=affine, device="meta")
    counted = metered(module, (batch, tokens, features), backward=backward)
    assert_equal(layer(batch, features, tokens, affine), counted, backward=backward)


FUNCTIONS = {
    ReLU: F.relu,
    ReLU6: F.relu6,
    Sigmoid: torch.sigmoid,
    Tanh: torch.tanh,
    SiLU: F.silu,
    GELU: F.gelu,
    GELUTanh: lambda x: F.gelu(x, approximate="tanh"),
    HardSigmoid: F.hardsigmoid,
    HardSwish: F.hardswish,
    # Without data the meter takes every element as one that costs something.
    LeakyReLU: F.leaky_relu,
    ELU: F.elu,
}


@pytest.mark.parametrize("layer", FUNCTIONS, ids=lambda layer: layer.__name__)
@examples
@given(small, small, yes_or_no)
def test_activation_functions(layer, rows, columns, backward):
    counted = metered(FUNCTIONS[layer], (rows, columns), backward=backward)
    assert_equal(layer(rows * columns), counted, backward=backward)
    if not backward:
        assert counted.bytes_unfused == counted.bytes_moved


@examples
@given(small, small, yes_or_no)
def test_prelu(batch, features, backward):
    counted = metered(nn.PReLU(device="meta"), (batch, features), backward=backward)
    assert_equal(PReLU(batch * features), counted, backward=backward)
    assert counted.assumptions


@pytest.mark.parametrize(("layer", "function"), [(Softmax, F.softmax), (LogSoftmax, F.log_softmax)])
@examples
@given(small, small, yes_or_no)
def test_softmax(layer, function, batch, n, backward):
    counted = metered(lambda x: function(x, dim=-1), (batch, n), backward=backward)
    assert_equal(layer(batch, n), counted, backward=backward)


@examples
@given(tiny, tiny, st.integers(1, 3), tiny, st.integers(4, 9), yes_or_no)
def test_pooling(batch, channels, kernel, stride, size, backward):
    shape = (batch, channels, size, size)
    window = (kernel, stride, kernel // 2)
    for layer, module in ((MaxPool, nn.MaxPool2d), (AveragePool, nn.AvgPool2d)):
        counted = metered(module(*window), shape, backward=backward)
        sizes = (batch, channels, (size, size))
        assert_equal(layer(*sizes, *window), counted, backward=backward)


@examples
@given(tiny, tiny, small, small, st.integers(2, 5), st.integers(2, 5), yes_or_no)
def test_adaptive_average(batch, channels, height, width, rows, columns, backward):
    counted = metered(
        nn.AdaptiveAvgPool2d((rows, columns)), (batch, channels, height, width), backward=backward
    )
    layer = AdaptiveAveragePool(batch, channels, (height, width), (rows, columns))
    assert_equal(layer, counted, backward=backward)


@examples
@given(tiny, tiny, small, small, yes_or_no)
def test_global_average(batch, channels, height, width, backward):
    shape = (batch, channels, height, width)
    counted = metered(nn.AdaptiveAvgPool2d(1), shape, backward=backward)
    layer = AdaptiveAveragePool(batch, channels, (height, width))
    assert_equal(layer, counted, backward=backward)


@examples
@given(tiny, small, small, small, yes_or_no)
def test_embedding(batch, tokens, vocabulary, width, backward):
    indices = torch.empty(batch, tokens, dtype=torch.long, device="meta")
    module = nn.Embedding(vocabulary, width, device="meta")
    counted = count(module, indices, backward=backward)
    assert_equal(Embedding(batch, vocabulary, width, tokens), counted, backward=backward)
    if not backward:
        assert counted.bytes_unfused == counted.bytes_moved


@pytest.mark.parametrize(("layer", "module"), [(RNN, nn.RNN), (LSTM, nn.LSTM), (GRU, nn.GRU)])
@fewer_examples
@given(tiny, tiny, small, small, st.integers(1, 3), yes_or_no, yes_or_no)
def test_recurrent(layer, module, batch, tokens, inputs, hidden, layers, bias, both):
    options = {"bias": bias, "bidirectional": both}
    net = module(inputs, hidden, layers, batch_first=True, **options, device="meta")
    x = torch.empty(batch, tokens, inputs, device="meta", requires_grad=True)
    recurrent = layer(batch, tokens, inputs, hidden, layers, bias, both)
    assert_equal(recurrent, count(net, x))
    macs = count(lambda x: net(x)[0], x, backward=True).macs
    assert recurrent.macs(backward=True).total == macs


@examples
@given(tiny, small, small, tiny, small, yes_or_no, yes_or_no)
def test_scaled_dot_product(batch, queries, more, heads, width, causal, backward):
    keys = queries if causal else more
    shapes = ((batch, heads, length, width) for length in (queries, keys, keys))
    counted = metered(
        lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=causal),
        *shapes,
        backward=backward,
    )
    layer = ScaledDotProduct(batch, heads, queries, keys, width, causal=causal)
    assert_equal(layer, counted, backward=backward)
    if not backward:
        assert counted.bytes_unfused == counted.bytes_moved


@examples
@given(tiny, small, tiny, small, yes_or_no, yes_or_no)
def test_multi_head_attention(batch, tokens, heads, each, bias, backward):
    width = heads * each
    module = nn.MultiheadAttention(width, heads, bias=bias, batch_first=True, device="meta")
    counted = metered(_Self(module), (batch, tokens, width), backward=backward)
    layer = Attention(batch, tokens, width, heads, bias=bias)
    assert layer.macs(backward).total == counted.macs
    assert layer.parameters().total == counted.parameters
    if not backward:
        assert layer.flops().total == counted.flops


class _Self(nn.Module):
    """Self-attention without its weights, which keep PyTorch from the fused operation."""

    def __init__(self, attention):
        super().__init__()
        self.attention = attention

    def forward(self, x):
        return self.attention(x, x, x, need_weights=False)[0]


@fewer_examples
@given(tiny, small, small, st.sampled_from(["relu", "gelu"]), yes_or_no)
def test_encoder_block(batch, tokens, hidden, activation, norm_first):
    block = nn.TransformerEncoderLayer(
        8, 2, hidden, 0.0, activation, norm_first=norm_first, batch_first=True, device="meta"
    )
    counted = metered(block, (batch, tokens, 8), backward=False)
    layer = TransformerBlock(batch, tokens, 8, 2, hidden, activation=activation)
    # Its bytes are a sum over its parts: the whole moves less.
    assert_equal(layer, counted, moves_as_much=False)


@fewer_examples
@given(tiny, small, small)
def test_decoder_block_with_cross_attention(batch, tokens, context):
    block = nn.TransformerDecoderLayer(8, 2, 16, 0.0, batch_first=True, device="meta")
    counted = metered(block, (batch, tokens, 8), (batch, context, 8), backward=False)
    layer = TransformerBlock(batch, tokens, 8, 2, 16, activation="relu", context=context)
    assert_equal(layer, counted, moves_as_much=False)


@examples
@given(small, small, yes_or_no)
def test_losses(batch, classes, backward):
    target = torch.empty(batch, dtype=torch.long, device="meta")
    counted = metered(lambda x: F.cross_entropy(x, target), (batch, classes), backward=backward)
    # The formula leaves out the targets, which are read as whole numbers.
    layer = CrossEntropy(batch, classes)
    assert_equal(layer, counted, backward=backward, moves_as_much=False)
    for layer, loss in ((MeanSquaredError, F.mse_loss), (MeanAbsoluteError, F.l1_loss)):
        other = torch.empty(batch, classes, device="meta")
        counted = metered(lambda x, f=loss, y=other: f(x, y), (batch, classes), backward=backward)
        assert layer(batch * classes).flops(backward).total == counted.flops


@examples
@given(small, small, small, tiny, yes_or_no)
def test_matrix_products(m, n, k, batch, backward):
    counted = metered(torch.bmm, (batch, m, k), (batch, k, n), backward=backward)
    assert_equal(MatrixMatrix(m, n, k, batch), counted, backward=backward)
    counted = metered(torch.mv, (m, n), (n,), backward=False)
    assert_equal(MatrixVector(m, n), counted)


def test_alexnet_with_two_groups():
    layers = [nn.Conv2d(3, 96, 11, 4), nn.ReLU(), nn.MaxPool2d(3, 2)]
    layers += [nn.Conv2d(96, 256, 5, padding=2, groups=2), nn.ReLU(), nn.MaxPool2d(3, 2)]
    layers += [nn.Conv2d(256, 384, 3, padding=1), nn.ReLU()]
    layers += [nn.Conv2d(384, 384, 3, padding=1, groups=2), nn.ReLU()]
    layers += [nn.Conv2d(384, 256, 3, padding=1, groups=2), nn.ReLU(), nn.MaxPool2d(3, 2)]
    layers += [nn.Flatten(), nn.Linear(9216, 4096), nn.ReLU(), nn.Linear(4096, 4096), nn.ReLU()]
    layers += [nn.Linear(4096, 1000)]
    counted = metered(nn.Sequential(*layers), (2, 3, 227, 227), backward=True)
    assert_equal(AlexNet(2), counted, backward=True)
