"""The numbers of unit 01, worked out by hand and held against PyTorch."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from helpers.check import judge
from helpers.diagnosis import is_right
from helpers.exercises import EXERCISES
from tests.exercises.questions import drawn, right


def test_a_kernel_of_2_has_3_places_over_4_pixels():
    assert right("output_size", 4, 2, 1, 0) == 3


@pytest.mark.parametrize(("size_out", "padding"), [(9, 0), (11, 1)])
def test_a_3x3_kernel_over_11_pixels_keeps_them_with_padding_1_and_gives_9_without(
    size_out, padding
):
    assert right("padding_needed", 11, size_out, 3) == padding


def test_no_padding_lets_an_even_kernel_keep_the_size():
    assert right("padding_needed", 32, 32, 4) is None


def test_no_padding_takes_pixels_away():
    # Without padding, 11 - 3 + 1 = 9 columns are left: 7 would take a padding of -1.
    assert right("padding_needed", 11, 7, 3) is None


@pytest.mark.parametrize("args", drawn("output_size"))
def test_output_size_is_that_of_pytorch(args):
    size, kernel, stride, padding = args
    out = F.conv1d(torch.zeros(1, 1, size), torch.zeros(1, 1, kernel), None, stride, padding)
    assert right("output_size", *args) == out.shape[-1]


@pytest.mark.parametrize("args", drawn("padding_needed"))
def test_the_padding_gives_the_size_in_pytorch(args):
    size_in, size_out, kernel = args
    padding = right("padding_needed", *args)
    reached = {
        F.conv1d(torch.zeros(1, 1, size_in), torch.zeros(1, 1, kernel), padding=p).shape[-1]
        for p in (range(64) if padding is None else [padding])
    }
    assert (size_out in reached) == (padding is not None)


@pytest.mark.parametrize("args", drawn("receptive_field"))
def test_receptive_field_is_where_the_gradient_reaches(args):
    kernels, strides = args
    field = right("receptive_field", *args)
    x = torch.ones(1, 1, field, dtype=torch.float64, requires_grad=True)
    y = x
    for kernel, stride in zip(kernels, strides, strict=True):
        y = F.conv1d(y, torch.ones(1, 1, kernel, dtype=torch.float64), stride=stride)
    # One output fits, and it sees the first input and the last.
    assert y.numel() == 1
    y.sum().backward()
    assert x.grad[0, 0, 0]
    assert x.grad[0, 0, -1]


@pytest.mark.parametrize("args", drawn("cnn_shapes"))
def test_shapes_are_those_of_pytorch(args):
    batch, size = args
    with torch.device("meta"):
        conv1, conv2 = nn.Conv2d(1, 16, 3, padding=1), nn.Conv2d(16, 32, 3, stride=2)
        pooled = nn.MaxPool2d(2)(conv1(torch.empty(batch, 1, size, size)))
        last = conv2(pooled)
    assert right("cnn_shapes", *args) == {
        "pool": list(pooled.shape),
        "conv2": list(last.shape),
        "flatten": list(last.flatten(1).shape),
    }


def test_two_groups_halve_the_32_weights_of_a_small_convolution():
    assert right("grouped_parameters", 4, 2, 2, 1) == 2 * 4 * 2 * 2 == 32
    assert right("grouped_parameters", 4, 2, 2, 2) == 16


@pytest.mark.parametrize("args", drawn("grouped_parameters"))
def test_grouped_weights_are_those_of_pytorch(args):
    i, o, k, groups = args
    try:
        with torch.device("meta"):
            weights = nn.Conv2d(i, o, k, groups=groups, bias=False).weight.numel()
    except ValueError:
        weights = None
    assert right("grouped_parameters", *args) == weights


@pytest.mark.parametrize("args", drawn("linear_shapes"))
def test_linear_shapes_are_those_of_pytorch(args):
    batch, i, o = args
    with torch.device("meta"):
        layer = nn.Linear(i, o)
        out = layer(torch.empty(batch, i))
    assert right("linear_shapes", *args) == {
        "weight": list(layer.weight.shape),
        "output": list(out.shape),
        "parameters": sum(p.numel() for p in layer.parameters()),
    }


@pytest.mark.parametrize("args", drawn("block_parameters"))
def test_block_parameters_are_those_of_pytorch(args):
    width, heads = args
    with torch.device("meta"):
        block = nn.TransformerEncoderLayer(width, heads, dim_feedforward=4 * width)

    def parameters(*modules):
        return sum(p.numel() for module in modules for p in module.parameters())

    assert right("block_parameters", *args) == {
        "attention": parameters(block.self_attn),
        "MLP": parameters(block.linear1, block.linear2),
        "norms": parameters(block.norm1, block.norm2),
    }


def test_alexnet_layer_by_layer():
    counted = right("alexnet_weights", 3, 1000, 1)
    assert counted == {
        "conv1": 34_848,
        "conv2": 307_200,
        "conv3": 884_736,
        "conv4": 663_552,
        "conv5": 442_368,
        "fc6": 37_748_736,
        "fc7": 16_777_216,
        "fc8": 4_096_000,
        "biases": 10_568,
    }
    assert sum(counted.values()) - counted["biases"] == 60_954_656


def test_the_slip_of_alexnets_first_layer_gets_its_own_hint():
    exercise = EXERCISES["alexnet_weights"]
    cases = exercise.visible_cases()
    verdict = judge(
        exercise, lambda *args: {**right("alexnet_weights", *args), "conv1": 24_847}, cases
    )
    assert verdict.fraction == pytest.approx(8 / 9)
    assert verdict.misconceptions == ("two digits of conv1 slipped",)


@pytest.mark.parametrize(
    ("kind", "means_of"),
    [
        ("batch", lambda x, groups: x.mean((0, 2, 3))),
        ("layer", lambda x, groups: x.mean((1, 2, 3))),
        ("instance", lambda x, groups: x.mean((2, 3))),
        ("group", lambda x, groups: x.unflatten(1, (groups, -1)).mean((2, 3, 4))),
    ],
)
def test_as_many_means_as_pytorchs_norm_subtracts(kind, means_of):
    x = torch.randn(3, 4, 5, 6, dtype=torch.float64)
    means = means_of(x, 2)
    assert right("norm_means", 3, 4, 5, 6, 2)[kind] == means.numel()
    # What PyTorch subtracts is that mean: over its group, nothing is left.
    normed = {
        "batch": F.batch_norm(x, None, None, training=True),
        "layer": F.layer_norm(x, x.shape[1:]),
        "instance": F.instance_norm(x),
        "group": F.group_norm(x, 2),
    }[kind]
    assert means_of(normed, 2).abs().max() < 1e-12


@pytest.mark.parametrize("activation", ["relu", "relu6", "leaky_relu"])
def test_levels_span_the_outputs_of_pytorchs_function(activation):
    function = {"relu": F.relu, "relu6": F.relu6, "leaky_relu": lambda x: F.leaky_relu(x, 0.1)}
    y = function[activation](torch.linspace(-51, 51, 3, dtype=torch.float64))
    spanned = 255 * right("quantization_step", activation, 51.0)
    assert is_right(float(y.max() - y.min()), spanned, 1e-6)


def test_a_neuron_stays_silent_below_zero_and_adds_its_bias_inside():
    assert right("neuron_output", [1.0, 2.0], [0.5, 1.0], -1.0) == 0.5 + 2.0 - 1.0
    assert right("neuron_output", [1.0, 2.0], [0.5, -1.0], 0.5) == 0
