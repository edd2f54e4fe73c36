"""The numbers of unit 02, worked out by hand and held against what PyTorch executes."""

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from helpers.diagnosis import is_right
from helpers.exercises import EXERCISES
from helpers.meter import count
from helpers.reference import alexnet_macs
from tests.exercises.questions import drawn, right


@pytest.mark.parametrize("args", drawn("linear_cost"))
def test_a_linear_layer_costs_what_pytorch_executes(args):
    batch, tokens, i, o = args
    counted = count(nn.Linear(i, o, device="meta"), (batch, tokens, i))
    assert right("linear_cost", *args) == {"MAC": counted.macs, "FLOP": counted.flops}


@pytest.mark.parametrize("args", drawn("convolution_macs"))
def test_a_convolution_costs_what_pytorch_executes(args):
    batch, i, o, size, kernel, stride, padding = args
    layer = nn.Conv2d(i, o, kernel, stride, padding, bias=False, device="meta")
    assert right("convolution_macs", *args) == count(layer, (batch, i, size, size)).macs


def test_sixteen_channels_of_11_by_11_pixels():
    # 16 · 16 kernels of 3 · 3 at 9 · 9 places
    assert right("grouped_cost", 16, 16, 11, 3, 1) == {"MAC": 186_624, "FLOP": 373_248}
    assert right("grouped_cost", 16, 16, 11, 3, 16) == {"MAC": 11_664, "FLOP": 23_328}


@pytest.mark.parametrize("args", drawn("grouped_cost"))
def test_a_grouped_convolution_costs_what_pytorch_executes(args):
    i, o, size, kernel, groups = args
    layer = nn.Conv2d(i, o, kernel, groups=groups, bias=False, device="meta")
    assert right("grouped_cost", *args)["MAC"] == count(layer, (1, i, size, size)).macs


@pytest.mark.parametrize("args", drawn("transposed_macs"))
def test_a_transposed_convolution_costs_what_pytorch_executes(args):
    i, o, size, kernel, stride = args
    layer = nn.ConvTranspose2d(i, o, kernel, stride, bias=False, device="meta")
    assert right("transposed_macs", *args) == count(layer, (1, i, size, size)).macs
    with FlopCounterMode(display=False) as counter:
        layer(torch.empty(1, i, size, size, device="meta"))
    assert counter.get_total_flops() == 2 * right("transposed_macs", *args)


def test_a_transposed_convolution_is_no_dot_product_at_every_output_pixel():
    # 2 × 2 pixels, kernel 2, stride 2: each of the 16 outputs is one product, not four
    assert right("transposed_macs", 1, 1, 2, 2, 2) == 16


@pytest.mark.parametrize("args", drawn("batch_norm_cost"))
def test_batch_norm_costs_11_for_each_number_and_11_for_each_channel(args):
    batch, channels, height, width = args
    numbers = batch * channels * height * width
    cost = right("batch_norm_cost", *args)
    assert cost["statistics"] == 4 * numbers + 6 * channels
    assert cost["normalize"] == 7 * numbers + 5 * channels
    layer = nn.BatchNorm2d(channels, device="meta").train()
    assert sum(cost.values()) == count(layer, args).flops


def test_prelu_multiplies_where_x_is_not_positive():
    assert right("prelu_products", [[2.0, -1.0, 0.0]]) == 2


@pytest.mark.parametrize("args", drawn("softmax_cost"))
def test_softmax_costs_what_pytorch_executes(args):
    rows, n = args
    assert right("softmax_cost", rows, n) == rows * (40 * n + (n - 1) + 4 * n)
    assert right("softmax_cost", rows, n) == count(nn.Softmax(-1), args).flops


@pytest.mark.parametrize("args", drawn("attention_cost"))
def test_attention_costs_what_pytorch_executes_whatever_the_heads(args):
    tokens, width, heads = args
    layer = nn.MultiheadAttention(width, heads, bias=False, batch_first=True, device="meta")
    x = torch.empty(1, tokens, width, device="meta")
    cost = right("attention_cost", *args)
    macs = count(layer, x, x, x, need_weights=False).macs
    assert cost["projections"] + cost["scores and values"] == 2 * macs


def test_a_causal_mask_may_be_counted_exactly_or_as_half():
    causal = EXERCISES["attention_cost"].reference(10, 64, 4)["causal"]
    pairs = sum(1 for query in range(10) for key in range(10) if key <= query)
    half = right("attention_cost", 10, 64, 4)["scores and values"] // 2
    assert is_right(causal, 4 * 64 * pairs, 0)
    assert is_right(causal, half, 0)
    assert not is_right(causal, 2 * half, 0)


def test_at_512_tokens_of_width_768_projections_are_three_quarters():
    assert right("attention_share", 512, 768) == {"share of projections": 0.75, "even at": 1536}
    even = right("attention_cost", 1536, 768, 12)
    assert even["projections"] == even["scores and values"]


def test_alexnet_computes_724_million_mac():
    counted = right("alexnet_layer_macs", 3, 1000, 1)
    assert counted == {name: alexnet_macs()[name] for name in counted}
    assert round(sum(counted.values()) / 1e6) == 724


def test_published_figures_are_sorted_by_what_they_count():
    assert right("published_unit", 4.089, count("resnet50").macs / 1e9) == "MAC"
    assert right("published_unit", 21.785, 11.17) == "FLOP"
    assert right("published_unit", 55.48, 17.56) is None


def test_distilbert_in_print_is_twice_its_linear_layers():
    """FastBERT (Liu et al. 2020), table 2: 10872 M and 5436 M for 6 and 3 blocks, 128 tokens."""
    one_block = 2 * 128 * (4 * 768**2 + 2 * 768 * 3072)
    assert round(6 * one_block / 1e6) == 10872
    assert round(3 * one_block / 1e6) == 5436


@pytest.mark.parametrize("args", drawn("flopco_macs"))
def test_flopco_reports_what_the_question_says(args):
    from flopco import FlopCo

    batch, tokens, channels, groups = args
    side = round(tokens**0.5)
    linear = nn.Sequential(nn.Linear(channels, channels))
    convolution = nn.Sequential(nn.Conv2d(channels, channels, 1, groups=groups))
    assert right("flopco_macs", *args) == {
        "linear": FlopCo(linear, img_size=(batch, tokens, channels)).total_macs,
        "convolution": FlopCo(convolution, img_size=(batch, channels, side, side)).total_macs,
    }


@pytest.mark.parametrize("groups", [1, 4, 16])
def test_pytorchs_counter_does_not_divide_the_weights_gradient_by_the_groups(groups):
    """What the audit shows; when a release of PyTorch mends it, the unit must say so."""

    layer = nn.Conv2d(16, 16, 3, groups=groups, bias=False, device="meta")
    with FlopCounterMode(display=False) as counter:
        y = layer(torch.empty(1, 16, 9, 9, device="meta"))
        forward = counter.get_total_flops()
        y.sum().backward()
    assert counter.get_total_flops() == forward * (1 + groups)
