"""The numbers of the homework and of the first units, worked out by hand."""

import numpy as np
import pytest
import torch

from helpers.reference import (
    batch_norm_flops,
    conv2d_output_size,
    linear_bytes,
    linear_flops,
    receptive_field,
    softmax_flops,
)
from helpers.reference.convolution import Convolution
from helpers.reference.elementwise import PReLU


def test_a_kernel_of_two_has_three_places_in_four_inputs():
    assert conv2d_output_size(4, kernel=2) == 3


@pytest.mark.parametrize(("padding", "output"), [(0, 9), (1, 11)])
def test_padding_zero_takes_eleven_to_nine_and_one_keeps_eleven(padding, output):
    assert conv2d_output_size(11, kernel=3, padding=padding) == output


def test_standard_and_depthwise_convolution_of_the_homework():
    # 16 · 9 · 9 outputs, each a product of 16 · 3 · 3 numbers; depthwise of 3 · 3
    sizes = (1, 16, 16, (11, 11), 3)
    standard, depthwise = (
        Convolution(*sizes, bias=False),
        Convolution(*sizes, groups=16, bias=False),
    )
    assert standard.macs().total == 16 * 81 * 16 * 9 == 186_624
    assert standard.flops().total == 2 * 186_624 == 373_248
    assert depthwise.macs().total == 186_624 / 16 == 11_664
    assert depthwise.flops().total == 23_328


def test_two_groups_halve_the_weights_of_a_convolution():
    assert Convolution(1, 4, 2, (8, 8), 2, bias=False).parameters().total == 2 * 4 * 2 * 2 == 32
    assert Convolution(1, 4, 2, (8, 8), 2, groups=2, bias=False).parameters().total == 16


def test_batch_norm_in_training_is_11_n_and_10_n_when_x_minus_mean_is_kept():
    n, c = 4 * 3 * 220 * 220, 3
    ledger = batch_norm_flops(batch=4, channels=3, height=220, width=220)
    assert ledger.total == 11 * n + 6 * c + c + 4 * c
    accepted = ledger.accepted_totals()
    assert 10 * n + 6 * c + c + 4 * c in accepted
    assert 11 * n + 6 * c + c not in accepted  # the square root has a price
    assert 11 * n + 8 * c + c + 4 * c in accepted  # n additions in each sum
    assert not any(9 * n <= total < 10 * n for total in accepted)
    # statistics divided c·h·w times instead of c times
    assert 11 * n + 6 * c + c + 4 * c + 8 * (c * 220 * 220 - c) not in accepted
    # the variance's sum missing
    assert 11 * n + 11 * c - (n - c) not in accepted
    # the normalising division priced 1
    assert 8 * n + 11 * c not in accepted


def test_prelu_multiplies_only_where_x_is_not_positive():
    x = [[-1.0, 0.0, 2.0], [3.0, -4.0, 5.0]]
    assert PReLU(x).flops().total == 3
    assert PReLU(np.array(x)).flops().total == 3
    assert PReLU(torch.tensor(x, dtype=torch.bfloat16)).flops().total == 3
    assert PReLU(3).flops().total == 3
    assert PReLU(torch.ones(5)).flops().total == 0


def test_softmax_is_40_n_plus_n_minus_1_plus_4_n_for_each_row():
    ledger = softmax_flops(4, 32)
    assert ledger.total == 4 * (40 * 32 + 31 + 4 * 32) == 5_756
    assert ledger.accepted_totals() == {5_756, 5_760}


def test_the_weights_are_most_of_what_a_small_linear_layer_moves():
    moved = linear_bytes(1, 64, 32, bias=False)
    assert moved["read weights"] == 64 * 32 * 4 == 8_192
    assert moved.total == 8_192 + 64 * 4 + 32 * 4
    assert linear_bytes(1, 64, 32, bias=False, dtype="int4")["read weights"] == 1_024


def test_prelu_then_linear_does_about_0_46_flop_for_each_byte():
    flop = PReLU(64).flops().total + linear_flops(1, 64, 32, bias=False).total
    moved = PReLU(64).bytes().total + linear_bytes(1, 64, 32, bias=False).total
    assert flop == 64 + 2 * 64 * 32
    assert round(flop / moved, 2) == 0.46


def test_its_intensity_saturates_at_4_6_flop_for_each_byte():
    batch = 10**7
    flop = PReLU(64 * batch).flops().total + linear_flops(batch, 64, 32, bias=False).total
    moved = PReLU(64 * batch).bytes().total + linear_bytes(batch, 64, 32, bias=False).total
    # for one more image: (64 + 4096) FLOP; 64 + 64 read and written, 64 read, 32 written, 4 B each
    assert flop / moved == pytest.approx(4_160 / (4 * 224), rel=1e-4)
    assert round(flop / moved, 1) == 4.6


def test_a_large_linear_layer_saturates_at_307_flop_for_each_byte():
    batch = 10**8
    flop = linear_flops(batch, 768, 3072, bias=False).total
    moved = linear_bytes(batch, 768, 3072, bias=False).total
    assert flop / moved == pytest.approx(2 * 768 * 3072 / (4 * (768 + 3072)), rel=1e-4)
    assert int(flop / moved) == 307


def test_a_stride_widens_what_later_layers_see():
    assert receptive_field([3, 3, 3]) == 7
    assert receptive_field([3, 3, 3], strides=[2, 1, 1]) == 3 + 2 * 2 + 2 * 2
