"""Unit 03: its numbers worked by hand, and what PyTorch itself says of strides and shapes."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from helpers.exercises.own_number import own_number
from tests.exercises.questions import drawn, right


def test_a_name_is_a_number_of_bytes_in_four_units():
    # SHA-256 of "abc" begins with ba7816bf8f
    assert own_number("abc") == 0xBA7816BF8F == 800_878_673_807
    units = right("own_units", "abc")
    assert units["kB"] == 800_878_673.807
    assert units["MiB"] == 800_878_673_807 / 2**20


def test_weights_of_resnet50_take_102_megabytes_in_fp32_and_an_eighth_in_int4():
    assert right("weight_memory", 25_557_032, "fp32") == 102_228_128
    assert right("weight_memory", 25_557_032, "int4") == 102_228_128 / 8


shapes = st.lists(st.integers(1, 6), min_size=1, max_size=4).map(tuple)


@given(shapes)
def test_row_major_strides_are_those_of_a_fresh_tensor(shape):
    assert right("row_major_strides", shape) == list(torch.empty(shape).stride())


@pytest.mark.parametrize("args", drawn("storage_position"))
def test_a_position_is_where_pytorch_finds_the_element(args):
    index, strides, offset = args
    storage = torch.arange(2000)
    view = storage.as_strided([i + 1 for i in index], strides, offset)
    assert view[index] == right("storage_position", *args)


@pytest.mark.parametrize("args", drawn("can_flatten"))
def test_view_works_where_the_question_says_so(args):
    shape, strides = args
    tensor = torch.empty(100_000).as_strided(shape, strides)
    try:
        tensor.view(-1)
        works = True
    except RuntimeError:
        works = False
    assert right("can_flatten", shape, strides) is works


@given(shapes, shapes)
def test_shapes_broadcast_as_in_pytorch(a, b):
    try:
        expected = list(torch.broadcast_shapes(a, b))
    except RuntimeError:
        expected = "error"
    assert right("broadcast_shape", a, b) == expected


@given(st.integers(1, 300), st.integers(1, 100))
def test_lines_touched_are_the_lines_that_hold_an_element(count, stride):
    # 64 bytes ÷ 4 bytes: 16 elements a line
    assert right("lines_touched", count, stride) == len(
        {4 * i * stride // 64 for i in range(count)}
    )


def test_a_linear_layer_moves_weights_bias_input_and_output():
    # 768 · 3072 + 3072 weights and biases, 768 in, 3072 out
    assert right("linear_traffic", 1, 768, 3072, 4) == 4 * (2_359_296 + 3072 + 768 + 3072)
    layer, x = torch.nn.Linear(768, 3072), torch.empty(8, 768)
    moved = [*layer.parameters(), x, layer(x)]
    assert right("linear_traffic", 8, 768, 3072, 4) == sum(t.nbytes for t in moved)


def test_a_convolution_moves_each_pixel_once():
    # 16 · 16 · 3² weights, 16 · 11² in, 16 · 9² out
    assert right("conv_traffic", 1, 16, 16, 11, 3) == 4 * (2304 + 1936 + 1296)
    layer, x = torch.nn.Conv2d(3, 8, 5, bias=False), torch.empty(2, 3, 20, 20)
    moved = [layer.weight, x, layer(x)]
    assert right("conv_traffic", 2, 3, 8, 20, 5) == sum(t.nbytes for t in moved)


def test_a_residual_connection_moves_five_tensors():
    assert right("residual_traffic", 1000, 2) == 5 * 1000 * 4


def test_each_further_branch_of_a_sum_moves_three_more():
    assert right("residual_traffic", 1000, 3) == (5 + 3) * 1000 * 4


def test_four_movements_between_the_layers_of_an_mlp():
    answer = right("mlp_traffic", 2, 768, 3072)
    assert answer["between"] == 4 * (4 * 2 * 3072)
    # two weight matrices, input, output
    assert answer["total"] == answer["between"] + 4 * (2 * 768 * 3072 + 2 * 2 * 768)


def test_the_intensity_of_768_to_3072_ends_at_307():
    answer = right("linear_intensity", 10**9, 768, 3072)
    assert answer["limit"] == pytest.approx(2 * 768 * 3072 / (4 * (768 + 3072)))
    assert round(answer["limit"]) == 307
    assert answer["intensity"] == pytest.approx(answer["limit"], rel=1e-5)
    assert right("linear_intensity", 1, 768, 3072)["intensity"] < 0.5


@given(st.integers(1, 5000), st.integers(8, 4096), st.integers(8, 4096))
def test_intensity_grows_with_the_batch_and_stays_below_its_limit(batch, m, n):
    here = right("linear_intensity", batch, m, n)
    assert here["intensity"] < right("linear_intensity", batch + 1, m, n)["intensity"]
    assert here["intensity"] < here["limit"]


def test_one_latency_two_throughputs():
    assert right("pipeline_rates", [30], 1) == {"latency_ms": 30, "images_per_s": 1000 / 30}
    assert right("pipeline_rates", [10, 10, 10], 1) == {"latency_ms": 30, "images_per_s": 100}


@given(st.integers(1, 3000), st.integers(1, 1024), st.integers(1, 4096))
def test_half_the_traffic_is_left_with_the_widest_hidden_layer_and_with_none_wider(b, f, h):
    def moved(width):
        return right("mlp_traffic", b, f, width)["total"]

    widest = right("half_traffic", b, f, h)
    if widest is not None:
        assert 2 * moved(widest) <= moved(h)
    assert 2 * moved((widest or 0) + 1) > moved(h)


def test_half_of_the_width_is_too_wide_for_half_the_traffic():
    assert right("half_traffic", 128, 768, 3072) == 1536 - 48
    assert right("half_traffic", 2048, 768, 100) is None
    assert None in {right("half_traffic", *args) for args in drawn("half_traffic")}


def test_both_answers_occur_among_the_cases_drawn_for_view_and_broadcasting():
    assert {right("can_flatten", *args) for args in drawn("can_flatten")} == {True, False}
    shapes = [right("broadcast_shape", *args) for args in drawn("broadcast_shape")]
    assert {shape == "error" for shape in shapes} == {True, False}
