"""Formulas against numbers worked out by hand, against each other, and on impossible sizes."""

from __future__ import annotations

import inspect
import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import helpers.reference as reference
from helpers.reference import (
    alexnet_macs,
    alexnet_parameters,
    batch_norm_flops,
    conv2d_output_size,
    linear_bytes,
    linear_flops,
    softmax_flops,
)
from helpers.reference.attention import Attention, ScaledDotProduct
from helpers.reference.convolution import (
    Convolution,
    ConvTranspose,
    conv_transpose2d_output_size,
)
from helpers.reference.elementwise import (
    ELU,
    GELU,
    HardSwish,
    LeakyReLU,
    PReLU,
    ReLU,
    Sigmoid,
    SiLU,
)
from helpers.reference.embedding import Embedding
from helpers.reference.inference import kv_cache_bytes
from helpers.reference.linear import Linear, MatrixMatrix, MatrixVector
from helpers.reference.networks import AlexNet
from helpers.reference.normalization import LayerNorm, RMSNorm
from helpers.reference.pooling import AdaptiveAveragePool, AveragePool, MaxPool
from helpers.reference.recurrent import LSTM
from helpers.reference.transformer import (
    DecoderModel,
    FeedForward,
    TransformerBlock,
)

examples = settings(max_examples=50)


def test_alexnet_layer_by_layer():
    parameters = alexnet_parameters()
    weights = {
        "conv1": 96 * 3 * 11 * 11,
        "conv2": 256 * 48 * 5 * 5,
        "conv3": 384 * 256 * 3 * 3,
        "conv4": 384 * 192 * 3 * 3,
        "conv5": 256 * 192 * 3 * 3,
        "fc6": 9216 * 4096,
        "fc7": 4096 * 4096,
        "fc8": 4096 * 1000,
    }
    assert weights["conv1"] == 34_848
    assert {name: parameters[f"{name}/weights"] for name in weights} == weights
    assert sum(weights.values()) == 60_954_656
    assert sum(parameters[f"{name}/bias"] for name in weights) == 10_568
    assert parameters.total == 60_965_224
    assert round(alexnet_macs().total / 1e6) == 724
    assert alexnet_macs(batch=4).total == 4 * alexnet_macs().total
    assert AlexNet().bytes()["conv1/read weights"] == 4 * 34_848
    # two FLOP for each MAC, one for each bias; ReLU and pooling compare
    biases = 290_400 + 186_624 + 64_896 + 64_896 + 43_264 + 4096 + 4096 + 1000
    assert AlexNet().flops().total == 2 * alexnet_macs().total + biases


def test_attention_at_512_tokens_of_width_768():
    s, d = 512, 768
    ledger = Attention(1, s, d, 12, bias=False).flops()
    projections = sum(ledger[name] for name in ("query", "key", "value", "output"))
    products = ledger["attention/scores"] + ledger["attention/values"]
    assert projections == 8 * s * d * d
    assert products == 4 * s * s * d
    assert projections / (projections + products) == 0.75


@examples
@given(st.integers(1, 64), st.sampled_from([1, 2, 4, 8, 16]))
def test_the_number_of_heads_drops_out(tokens, heads):
    assert Attention(1, tokens, 64, heads).macs().total == Attention(1, tokens, 64, 1).macs().total


def test_scores_overtake_projections_at_twice_the_width():
    for d in (64, 256):
        ledger = Attention(1, 2 * d, d, 1).macs()
        products = ledger["attention"]
        assert products == ledger.total - products  # 2 s² d = 4 s d² at s = 2 d


@examples
@given(st.integers(1, 50))
def test_a_causal_mask_leaves_half_and_the_diagonal(s):
    causal = ScaledDotProduct(1, 1, s, s, 8, causal=True).macs().total
    assert causal == 2 * 8 * s * (s + 1) // 2


@examples
@given(st.integers(1, 20))
def test_decoding_with_a_cache_sums_up_to_one_prefill(tokens):
    steps = (
        Attention(1, 1, 16, 2, cached=past, causal=True).macs().total for past in range(tokens)
    )
    assert sum(steps) == Attention(1, tokens, 16, 2, causal=True).macs().total


def test_grouped_queries_save_parameters_and_cache_not_scores():
    full, grouped = (Attention(1, 10, 64, 8, kv_heads=heads).macs() for heads in (8, 2))
    assert grouped["attention"] == full["attention"]
    assert grouped["key"] == full["key"] / 4
    whole = Attention(1, 1, 64, 8, bias=False).parameters().total
    assert whole - Attention(1, 1, 64, 8, kv_heads=2, bias=False).parameters().total == 2 * 64 * 48


def test_a_block_of_bert_base_has_seven_million_parameters():
    # 4 (d² + d) + 2 · 4 d² + 5 d + 2 · 2 d
    d = 768
    expected = 4 * (d * d + d) + 8 * d * d + 5 * d + 4 * d
    assert TransformerBlock(1, 1, d, 12, 4 * d).parameters().total == expected == 7_087_872


def test_swiglu_has_three_matrices():
    assert FeedForward(1, 1, 8, 32, "swiglu", bias=False).parameters().total == 3 * 8 * 32
    assert FeedForward(1, 1, 8, 32, "gelu", bias=False).parameters().total == 2 * 8 * 32


LLAMA_70B = {
    "vocabulary": 128_256,
    "width": 8192,
    "heads": 64,
    "layers": 80,
    "hidden": 28_672,
    "kv_heads": 8,
}


def test_a_decoder_of_70_billion():
    parameters = DecoderModel(1, 1, **LLAMA_70B).parameters()
    assert parameters.total == 70_553_706_496
    # every weight but the embedding's meets the token once: 2 FLOP a parameter
    products = parameters.total - parameters["embedding"] - 161 * 8192
    macs = DecoderModel(1, 1, **LLAMA_70B).macs()
    attention = macs["blocks/attention/attention"]
    assert macs.total - attention == products
    flops = DecoderModel(1, 1, **LLAMA_70B, cached=8191).flops().total
    assert 2 * products < flops < 2.5 * products
    tied = DecoderModel(1, 1, **LLAMA_70B, tied=True).parameters().total
    assert parameters.total - tied == 128_256 * 8192


def test_its_cache_takes_320_kib_a_token():
    # 2 · 80 layers · 8 heads · 128 numbers of 2 B
    assert kv_cache_bytes(1, 1, 80, 8, 128).total == 327_680


def test_convolutions_of_every_dimension():
    assert Convolution(1, 2, 4, (10,), 3).macs().total == 8 * 4 * 2 * 3
    assert Convolution(1, 2, 4, (5, 6, 7), 3).macs().total == 3 * 4 * 5 * 4 * 2 * 27
    assert Convolution(1, 2, 4, (5, 7), (1, 3)).macs().total == 5 * 5 * 4 * 2 * 3
    assert Convolution(1, 2, 4, (8, 8), 3, padding="same").macs().total == 64 * 4 * 2 * 9
    assert Convolution(1, 2, 4, (8, 8), 3, padding="valid").macs().total == 36 * 4 * 2 * 9
    assert (
        Convolution(1, 2, 4, (9, 9), 3, stride=2, padding=1, dilation=2).macs().total
        == 16 * 4 * 2 * 9
    )


@examples
@given(st.integers(2, 8), st.integers(1, 4), st.integers(5, 9))
def test_depthwise_costs_in_channels_times_less(channels, batch, size):
    full = Convolution(batch, channels, channels, (size, size), 3).macs().total
    assert (
        Convolution(batch, channels, channels, (size, size), 3, groups=channels).macs().total
        * channels
        == full
    )


@examples
@given(
    st.integers(1, 30), st.integers(1, 5), st.integers(1, 4), st.integers(0, 4), st.integers(1, 3)
)
def test_output_sizes_are_those_of_pytorch(size, kernel, stride, padding, dilation):
    if dilation * (kernel - 1) + 1 > size + 2 * padding:
        with pytest.raises(ValueError, match="kernel spans"):
            conv2d_output_size(size, kernel, stride, padding, dilation)
        return
    layer = torch.nn.Conv1d(1, 1, kernel, stride, padding, dilation, device="meta")
    expected = layer(torch.empty(1, 1, size, device="meta")).shape[-1]
    assert conv2d_output_size(size, kernel, stride, padding, dilation) == expected


@examples
@given(st.integers(1, 9), st.integers(1, 5), st.integers(1, 4))
def test_a_transposed_convolution_undoes_the_sizes_of_a_convolution(size, kernel, stride):
    large = conv_transpose2d_output_size(size, kernel, stride)
    assert conv2d_output_size(large, kernel, stride) == size


def test_a_transposed_convolution_does_the_products_of_its_mirror():
    # 14 → 28 transposed does what 28 → 14 does
    down = Convolution(1, 32, 64, (28, 28), 4, stride=2, padding=1).macs().total
    assert ConvTranspose(1, 64, 32, (14, 14), 4, stride=2, padding=1).macs().total == down


def test_a_bias_is_an_addition_or_a_head_start():
    ledger = Convolution(1, 1, 1, (3, 3), 1).flops()
    assert ledger.total == 2 * 9 + 9
    assert ledger.accepted_totals() == {18, 27}
    assert linear_flops(2, 3, 4).accepted_totals() == {48, 56}


@pytest.mark.parametrize(
    ("activation", "price"),
    [
        (ReLU, 0),
        (Sigmoid, 40 + 1 + 4),
        (SiLU, 40 + 1 + 4 + 1),
        (GELU, 1 + 40 + 1 + 1 + 1),
        (HardSwish, 1 + 0 + 1 + 4),
    ],
)
def test_an_element_of_each_activation(activation, price):
    assert activation(10).flops().total == 10 * price
    assert activation((2, 5)).flops().total == 10 * price


def test_functions_that_cost_only_where_x_is_not_positive():
    x = np.array([-2.0, -1.0, 0.0, 1.0])
    assert PReLU(x).flops().total == LeakyReLU(x).flops().total == 3
    assert ELU(x).flops().total == 3 * (40 + 1 + 1)


def test_pooling():
    assert MaxPool(1, 2, (8, 8), 2).flops().total == 0
    # 2 channels of 16 windows of 4: 3 additions and a division
    assert AveragePool(1, 2, (8, 8), 2).flops().total == 32 * (3 + 4)
    assert AdaptiveAveragePool(1, 2, (8, 8)).flops().total == 2 * (63 + 4)
    # 5 into 2: windows of 3 that share the middle
    assert AdaptiveAveragePool(1, 1, (5, 1), output=(2, 1)).flops().total == 2 * (2 + 4)


def test_norms_differ_in_how_many_averages_they_take():
    n = 6 * 10
    assert LayerNorm(6, 10).flops().total == 11 * n + 11 * 6
    assert batch_norm_flops(6, 10, 1, 1).total == 11 * n + 11 * 10
    assert RMSNorm(6, 10).flops().total == 4 * n + 6 * (4 + 1 + 4 + 4 - 1)
    assert batch_norm_flops(6, 10, 1, 1, training=False).total == 7 * n + 5 * 10


def test_lstm_parameters_have_two_biases():
    assert LSTM(1, 1, 3, 5).parameters().total == 4 * 5 * (3 + 5) + 2 * 4 * 5
    layers = torch.nn.LSTM(3, 5, 2, bidirectional=True, device="meta").parameters()
    expected = sum(p.numel() for p in layers)
    assert LSTM(1, 1, 3, 5, layers=2, bidirectional=True).parameters().total == expected


def test_traffic_names_what_is_read_and_written():
    terms = [term.name for term in Convolution(1, 3, 4, (8, 8), 3).bytes().terms]
    assert terms == ["read weights", "read bias", "read input", "write output"]
    assert linear_bytes(2, 3, 4, dtype="bf16").total == 2 * (12 + 4 + 6 + 8)
    # five indices of eight bytes; a table's other rows stay where they are
    assert Embedding(1, 10_000, 8, tokens=5).bytes().total == 5 * 8 + 2 * 5 * 8 * 4


def test_products():
    assert MatrixVector(3, 4).macs().total == 12
    assert MatrixMatrix(3, 4, 5, batch=2).macs().total == 120
    assert Linear(2, 3, 4, tokens=5).macs().total == MatrixMatrix(10, 4, 3).macs().total


def test_softmax_written_out():
    """The same count from the operations of eˣ / Σ eˣ, one by one."""
    from helpers.meter import count

    def softmax(x):
        e = x.exp()
        return e / e.sum(-1, keepdim=True)

    assert count(softmax, (4, 32)).flops == softmax_flops(4, 32).total


def test_batch_norm_written_out():
    """The same count from the operations of the formula, one by one."""
    from helpers.meter import count

    def batch_norm(x, weight, bias):
        mean = x.mean((0, 2, 3), keepdim=True)
        variance = (x - mean).square().mean((0, 2, 3), keepdim=True)
        return (x - mean) / (variance + 1e-5).sqrt() * weight + bias

    sizes = {"batch": 4, "channels": 3, "height": 5, "width": 6}
    counted = count(batch_norm, (4, 3, 5, 6), (3, 1, 1), (3, 1, 1))
    assert counted.flops == batch_norm_flops(**sizes).total


def test_activations_written_out():
    from helpers.meter import count

    assert count(lambda x: x * (1 + (-x).exp()).reciprocal(), (10,)).flops == SiLU(10).flops().total
    gelu = count(lambda x: x * ((x * 0.7071).erf() + 1) * 0.5, (10,))
    assert gelu.flops == GELU(10).flops().total


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        (lambda: linear_flops(0, 3, 4), "batch must be a whole number ≥ 1, not 0"),
        (lambda: linear_flops(1, -3, 4), "in_features must be"),
        (lambda: linear_flops(1, 3, 4.0), "out_features must be"),
        (lambda: linear_flops(1, 3, "4"), "out_features must be"),
        (lambda: linear_flops(True, 3, 4), "batch must be"),
        (lambda: linear_flops(1, 3, 4, bias=1), "bias must be True or False"),
        (lambda: linear_bytes(1, 3, 4, dtype="float12"), "unknown dtype"),
        (
            lambda: Convolution(1, 3, 4, (2, 8), 3).macs(),
            "kernel spans 3 but the padded input only 2",
        ),
        (lambda: Convolution(1, 3, 4, (8, 8), 3, dilation=5).macs(), "kernel spans 11"),
        (
            lambda: Convolution(1, 3, 4, (8, 8), 3, groups=2).macs(),
            "groups \\(2\\) must divide in_channels",
        ),
        (lambda: Convolution(1, 4, 3, (8, 8), 3, groups=2).macs(), "must divide out_channels"),
        (lambda: Convolution(1, 3, 4, (8, 8), 3, padding=-1).macs(), "padding must be"),
        (lambda: Convolution(1, 3, 4, (8, 8), 3, padding="full").macs(), "padding must be"),
        (
            lambda: Convolution(1, 3, 4, (8, 8), 3, stride=2, padding="same").macs(),
            "needs stride 1",
        ),
        (lambda: Convolution(1, 3, 4, (8, 8), (3, 3, 3)).macs(), "kernel must be one number or 2"),
        (lambda: Convolution(1, 3, 4, 8, 3).macs(), "size must be one number for each dimension"),
        (lambda: Convolution(1, 3, 4, (0, 8), 3).parameters(), "size must be"),
        (lambda: ConvTranspose(1, 3, 4, (1, 1), 1, padding=1).macs(), "nothing of the output"),
        (lambda: MaxPool(1, 3, (8, 8), 2, padding=2).flops(), "at most half the kernel"),
        (lambda: ReLU(0).flops(), "elements must be"),
        (lambda: PReLU(-1).flops(), "≤ 0"),
        (lambda: PReLU(1.5).flops(), "≤ 0"),
        (lambda: Attention(1, 8, 10, 3).macs(), "heads \\(3\\) must divide width"),
        (lambda: Attention(1, 8, 12, 3, kv_heads=2).macs(), "kv_heads \\(2\\) must divide heads"),
        (lambda: Attention(1, 8, 12, 3, context=4, causal=True).macs(), "cross-attention has no"),
        (lambda: ScaledDotProduct(1, 1, 8, 4, 2, causal=True).macs(), "a key for each query"),
        (lambda: FeedForward(1, 1, 8, 8, "tanh").parameters(), "activation must be one of"),
        (lambda: softmax_flops(4, 0), "n must be"),
    ],
)
def test_impossible_sizes_get_one_clear_line(call, reason):
    with pytest.raises(ValueError, match=reason) as raised:
        call()
    assert "\n" not in str(raised.value)


def test_whole_numbers_of_numpy_are_numbers():
    assert Linear(np.int64(2), np.int32(3), 4).macs().total == 24


NAMED = [getattr(reference, name) for name in reference.__all__]


@pytest.mark.parametrize("function", NAMED, ids=lambda function: function.__name__)
def test_every_function_says_what_it_takes_and_returns(function):
    assert function.__doc__
    assert inspect.signature(function).return_annotation in ("Ledger", "int", "float")


def test_a_ledger_is_titled_as_its_function_was_called():
    assert softmax_flops(4, n=32).title == "softmax_flops(batch=4, n=32)"
    title = "linear_bytes(batch=1, in_features=3, out_features=4, dtype=bf16)"
    assert linear_bytes(1, 3, 4, dtype="bf16").title == title


@pytest.mark.parametrize(
    "layer",
    [
        Linear(2, 3, 4),
        Convolution(1, 3, 4, (8, 8), 3),
        LSTM(1, 3, 4, 5),
        Attention(1, 4, 8, 2),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_a_backward_adds_and_takes_nothing_away(layer):
    forward, both = layer.macs(), layer.macs(backward=True)
    assert set(forward.terms) <= set(both.terms)
    assert 2 * forward.total < both.total <= 3 * forward.total


def test_the_backward_flop_of_recurrent_layers_are_not_derived():
    with pytest.raises(ValueError, match="not derived"):
        LSTM(1, 2, 3, 4).flops(backward=True)


def test_the_formulas_are_plain_python():
    loaded = "import sys, helpers.reference; print({'numpy', 'torch'} & set(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True)
    assert ran.stdout == "set()\n"
