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

import helpers.reference as reference
from helpers.meter import count

examples = settings(max_examples=20, deadline=None)
fewer_examples = settings(max_examples=10, deadline=None)

small, tiny = st.integers(1, 9), st.integers(1, 4)
yes_or_no = st.booleans()


def metered(model, *shapes, backward):
    """The count of a model on meta inputs, whose gradients are wanted too."""
    inputs = [torch.empty(shape, device="meta", requires_grad=True) for shape in shapes]
    with torch.device("meta"):
        module = model() if isinstance(model, type) else model
    return count(module, *inputs, backward=backward)


#: Layers whose bytes are sums over their parts: a count of the whole moves less.
OF_PARTS = ("transformer_block", "alexnet")


def assert_equal(layer, counted, *, backward=False, **sizes):
    """Parameters, MAC, FLOP and, forward, bytes of `layer` are those that were counted."""
    for quantity, value in (("macs", counted.macs), ("flops", counted.flops)):
        function = getattr(reference, f"{layer}_{quantity}", None)
        if function:
            assert function(**sizes, backward=backward).total == value
    parameters = getattr(reference, f"{layer}_parameters", None)
    if parameters:
        assert parameters(**sizes).total == counted.parameters
    moved = getattr(reference, f"{layer}_bytes", None)
    # In training a batch norm writes its running averages, which are no output of the module.
    writes_averages = layer == "batch_norm" and sizes["training"]
    if moved and not backward and layer not in OF_PARTS and not writes_averages:
        assert moved(**sizes).total == counted.bytes_moved
    assert not counted.unknown


@examples
@given(small, small, small, small, yes_or_no, yes_or_no)
def test_linear(batch, tokens, m, n, bias, backward):
    counted = metered(nn.Linear(m, n, bias), (batch, tokens, m), backward=backward)
    sizes = {"batch": batch, "tokens": tokens, "in_features": m, "out_features": n, "bias": bias}
    assert_equal("linear", counted, backward=backward, **sizes)
    if not backward:
        assert counted.bytes_moved == reference.linear_bytes(**sizes).total
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


def spatial(size):
    names = {1: ("length",), 2: ("height", "width"), 3: ("depth", "height", "width")}[len(size)]
    return dict(zip(names, size, strict=True))


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
    sizes |= spatial(size)
    assert_equal(f"conv{len(size)}d", counted, backward=backward, **sizes)
    if not backward:
        moved = getattr(reference, f"conv{len(size)}d_bytes")(**sizes).total
        assert counted.bytes_moved == counted.bytes_unfused == moved


@examples
@given(convolutions(), yes_or_no)
def test_convolution_with_padding_same(drawn, backward):
    sizes, size = drawn
    sizes |= {"padding": "same", "stride": 1}
    module = getattr(nn, f"Conv{len(size)}d")(**module_arguments(sizes), device="meta")
    counted = metered(module, (sizes["batch"], sizes["in_channels"], *size), backward=backward)
    assert_equal(f"conv{len(size)}d", counted, backward=backward, **sizes, **spatial(size))


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
    layer = f"conv_transpose{len(size)}d"
    assert_equal(layer, counted, backward=backward, **sizes, **spatial(size))


@examples
@given(tiny, tiny, small, small, yes_or_no, yes_or_no, yes_or_no)
def test_batch_norm(batch, channels, height, width, training, affine, backward):
    assume(batch * height * width > 1)
    module = nn.BatchNorm2d(channels, affine=affine, device="meta").train(training)
    counted = metered(module, (batch, channels, height, width), backward=backward)
    sizes = {"batch": batch, "channels": channels, "height": height, "width": width}
    sizes |= {"training": training, "affine": affine}
    assert_equal("batch_norm", counted, backward=backward, **sizes)


@examples
@given(tiny, tiny, small, small, yes_or_no, yes_or_no)
def test_instance_norm(batch, channels, height, width, affine, backward):
    assume(height * width > 1)
    module = nn.InstanceNorm2d(channels, affine=affine, device="meta")
    counted = metered(module, (batch, channels, height, width), backward=backward)
    sizes = {"batch": batch, "channels": channels, "height": height, "width": width}
    assert_equal("instance_norm", counted, backward=backward, affine=affine, **sizes)


@examples
@given(tiny, tiny, tiny, small, small, yes_or_no, yes_or_no)
def test_group_norm(batch, groups, each, height, width, affine, backward):
    channels = groups * each
    assume(batch * each * height * width > 1)
    module = nn.GroupNorm(groups, channels, affine=affine, device="meta")
    counted = metered(module, (batch, channels, height, width), backward=backward)
    sizes = {"batch": batch, "channels": channels, "height": height, "width": width}
    sizes |= {"groups": groups, "affine": affine}
    assert_equal("group_norm", counted, backward=backward, **sizes)


@pytest.mark.parametrize(
    ("layer", "norm"), [("layer_norm", nn.LayerNorm), ("rms_norm", nn.RMSNorm)]
)
@examples
@given(tiny, small, small, yes_or_no, yes_or_no)
def test_layer_and_rms_norm(layer, norm, batch, tokens, features, affine, backward):
    module = norm(features, elementwise_affine=affine, device="meta")
    counted = metered(module, (batch, tokens, features), backward=backward)
    sizes = {"batch": batch, "tokens": tokens, "features": features, "affine": affine}
    assert_equal(layer, counted, backward=backward, **sizes)


FUNCTIONS = {
    "relu": F.relu,
    "relu6": F.relu6,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "silu": F.silu,
    "gelu": F.gelu,
    "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"),
    "hard_sigmoid": F.hardsigmoid,
    "hard_swish": F.hardswish,
    # Without data the meter takes every element as one that costs something.
    "leaky_relu": F.leaky_relu,
    "elu": F.elu,
}


@pytest.mark.parametrize("name", FUNCTIONS)
@examples
@given(small, small, yes_or_no)
def test_activation_functions(name, rows, columns, backward):
    counted = metered(FUNCTIONS[name], (rows, columns), backward=backward)
    expected = getattr(reference, f"{name}_flops")(rows * columns, backward=backward)
    assert counted.flops == expected.total
    if not backward:
        moved = reference.elementwise_bytes(rows * columns).total
        assert counted.bytes_moved == counted.bytes_unfused == moved


@examples
@given(small, small, yes_or_no)
def test_prelu(batch, features, backward):
    counted = metered(nn.PReLU(device="meta"), (batch, features), backward=backward)
    expected = reference.prelu_flops(batch * features, backward=backward)
    assert counted.flops == expected.total
    assert counted.parameters == reference.prelu_parameters().total
    assert counted.assumptions
    if not backward:
        assert counted.bytes_moved == reference.prelu_bytes(batch * features).total


@pytest.mark.parametrize(
    ("layer", "function"), [("softmax", F.softmax), ("log_softmax", F.log_softmax)]
)
@examples
@given(small, small, yes_or_no)
def test_softmax(layer, function, batch, n, backward):
    counted = metered(lambda x: function(x, dim=-1), (batch, n), backward=backward)
    assert_equal(layer, counted, backward=backward, batch=batch, n=n)


@examples
@given(tiny, tiny, st.integers(1, 3), tiny, st.integers(4, 9), yes_or_no)
def test_pooling(batch, channels, kernel, stride, size, backward):
    shape = (batch, channels, size, size)
    sizes = {"batch": batch, "channels": channels, "height": size, "width": size}
    sizes |= {"kernel": kernel, "stride": stride, "padding": kernel // 2}
    window = (kernel, stride, kernel // 2)
    counted = metered(nn.MaxPool2d(*window), shape, backward=backward)
    assert_equal("max_pool2d", counted, backward=backward, **sizes)
    counted = metered(nn.AvgPool2d(*window), shape, backward=backward)
    assert_equal("avg_pool2d", counted, backward=backward, **sizes)


@examples
@given(tiny, tiny, small, small, st.integers(2, 5), st.integers(2, 5), yes_or_no)
def test_adaptive_average(batch, channels, height, width, rows, columns, backward):
    counted = metered(
        nn.AdaptiveAvgPool2d((rows, columns)), (batch, channels, height, width), backward=backward
    )
    sizes = {"batch": batch, "channels": channels, "height": height, "width": width}
    assert_equal("adaptive_avg_pool2d", counted, backward=backward, output=(rows, columns), **sizes)


@examples
@given(tiny, tiny, small, small, yes_or_no)
def test_global_average(batch, channels, height, width, backward):
    shape = (batch, channels, height, width)
    counted = metered(nn.AdaptiveAvgPool2d(1), shape, backward=backward)
    sizes = {"batch": batch, "channels": channels, "height": height, "width": width}
    assert_equal("adaptive_avg_pool2d", counted, backward=backward, **sizes)


@examples
@given(tiny, small, small, small, yes_or_no)
def test_embedding(batch, tokens, vocabulary, width, backward):
    indices = torch.empty(batch, tokens, dtype=torch.long, device="meta")
    module = nn.Embedding(vocabulary, width, device="meta")
    counted = count(module, indices, backward=backward)
    sizes = {"batch": batch, "tokens": tokens, "vocabulary": vocabulary, "width": width}
    assert_equal("embedding", counted, backward=backward, **sizes)
    if not backward:
        assert counted.bytes_unfused == reference.embedding_bytes(**sizes).total


@pytest.mark.parametrize(("layer", "module"), [("rnn", nn.RNN), ("lstm", nn.LSTM), ("gru", nn.GRU)])
@fewer_examples
@given(tiny, tiny, small, small, st.integers(1, 3), yes_or_no, yes_or_no)
def test_recurrent(layer, module, batch, tokens, inputs, hidden, layers, bias, both):
    options = {"bias": bias, "bidirectional": both}
    net = module(inputs, hidden, layers, batch_first=True, **options, device="meta")
    x = torch.empty(batch, tokens, inputs, device="meta", requires_grad=True)
    sizes = {"batch": batch, "tokens": tokens, "input_size": inputs, "hidden_size": hidden}
    sizes |= {"layers": layers, **options}
    assert_equal(layer, count(net, x), **sizes)
    macs = getattr(reference, f"{layer}_macs")(**sizes, backward=True).total
    assert count(lambda x: net(x)[0], x, backward=True).macs == macs


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
    sizes = {"batch": batch, "heads": heads, "queries": queries, "keys": keys}
    sizes |= {"head_width": width, "causal": causal}
    assert_equal("scaled_dot_product", counted, backward=backward, **sizes)
    if not backward:
        moved = reference.scaled_dot_product_bytes(**sizes).total
        assert counted.bytes_moved == counted.bytes_unfused == moved


@examples
@given(tiny, small, tiny, small, yes_or_no, yes_or_no)
def test_multi_head_attention(batch, tokens, heads, each, bias, backward):
    width = heads * each
    module = nn.MultiheadAttention(width, heads, bias=bias, batch_first=True, device="meta")
    counted = metered(_Self(module), (batch, tokens, width), backward=backward)
    sizes = {"batch": batch, "tokens": tokens, "width": width, "heads": heads, "bias": bias}
    assert reference.attention_macs(**sizes, backward=backward).total == counted.macs
    assert reference.attention_parameters(**sizes).total == counted.parameters
    if not backward:
        assert reference.attention_flops(**sizes).total == counted.flops


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
    sizes = {"batch": batch, "tokens": tokens, "width": 8, "heads": 2, "hidden": hidden}
    assert_equal("transformer_block", counted, activation=activation, **sizes)


@fewer_examples
@given(tiny, small, small)
def test_decoder_block_with_cross_attention(batch, tokens, context):
    block = nn.TransformerDecoderLayer(8, 2, 16, 0.0, batch_first=True, device="meta")
    counted = metered(block, (batch, tokens, 8), (batch, context, 8), backward=False)
    sizes = {"batch": batch, "tokens": tokens, "width": 8, "heads": 2, "hidden": 16}
    assert_equal("transformer_block", counted, activation="relu", context=context, **sizes)


@examples
@given(small, small, yes_or_no)
def test_losses(batch, classes, backward):
    target = torch.empty(batch, dtype=torch.long, device="meta")
    counted = metered(lambda x: F.cross_entropy(x, target), (batch, classes), backward=backward)
    assert_equal("cross_entropy", counted, backward=backward, batch=batch, classes=classes)
    for layer, loss in (("mse_loss", F.mse_loss), ("l1_loss", F.l1_loss)):
        other = torch.empty(batch, classes, device="meta")
        counted = metered(lambda x, f=loss, y=other: f(x, y), (batch, classes), backward=backward)
        expected = getattr(reference, f"{layer}_flops")(batch * classes, backward=backward)
        assert counted.flops == expected.total


@examples
@given(small, small, small, tiny, yes_or_no)
def test_matrix_products(m, n, k, batch, backward):
    counted = metered(torch.bmm, (batch, m, k), (batch, k, n), backward=backward)
    assert_equal("matrix_matrix", counted, backward=backward, m=m, n=n, k=k, batch=batch)
    counted = metered(torch.mv, (m, n), (n,), backward=False)
    assert_equal("matrix_vector", counted, m=m, n=n)


def test_alexnet_with_two_groups():
    layers = [nn.Conv2d(3, 96, 11, 4), nn.ReLU(), nn.MaxPool2d(3, 2)]
    layers += [nn.Conv2d(96, 256, 5, padding=2, groups=2), nn.ReLU(), nn.MaxPool2d(3, 2)]
    layers += [nn.Conv2d(256, 384, 3, padding=1), nn.ReLU()]
    layers += [nn.Conv2d(384, 384, 3, padding=1, groups=2), nn.ReLU()]
    layers += [nn.Conv2d(384, 256, 3, padding=1, groups=2), nn.ReLU(), nn.MaxPool2d(3, 2)]
    layers += [nn.Flatten(), nn.Linear(9216, 4096), nn.ReLU(), nn.Linear(4096, 4096), nn.ReLU()]
    layers += [nn.Linear(4096, 1000)]
    counted = metered(nn.Sequential(*layers), (2, 3, 227, 227), backward=True)
    assert_equal("alexnet", counted, backward=True, batch=2)
