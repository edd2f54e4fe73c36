"""Unit 04: its numbers worked by hand, its block held against the meter, its plot read."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.check import judge
from helpers.exercises import EXERCISES, grading_cases
from helpers.exercises.unit_04_roofline import devices
from helpers.figures import read_figure
from helpers.hardware import DEVICES
from helpers.meter import count
from helpers.plots.roofs import Roof, roofs
from helpers.roofline import smallest_compute_bound_batch
from helpers.widgets.roofline import LAYERS, linear_point, roofline_figure
from tests.exercises.questions import drawn, right


def test_a_linear_layer_of_one_sample_waits_for_memory_on_an_a100():
    # 33,570,816 B at 2039 GB/s: 16.46 µs; 33,554,432 FLOP at 312 TFLOP/s: 0.11 µs
    answer = right("layer_time", 33_554_432, 33_570_816, 312, 2039)
    assert answer["microseconds"] == pytest.approx(33_570_816 / 2039e9 * 1e6)
    assert answer["bound"] == "memory"


def test_the_memory_roof_slopes_and_the_peak_does_not():
    assert right("attainable_tflops", 2.0, 312, 2039) == pytest.approx(2 * 2.039)
    assert right("attainable_tflops", 4.0, 312, 2039) == pytest.approx(4 * 2.039)
    assert right("attainable_tflops", 1000.0, 312, 2039) == 312


def test_the_ridges_of_the_h100_are_295_148_and_20():
    ridges = right("ridge_points", 989, 494.7, 66.9, 3350)
    assert {dtype: round(ridge) for dtype, ridge in ridges.items()} == {
        "bf16": 295,
        "tf32": 148,
        "fp32": 20,
    }
    assert ridges == {dtype: pytest.approx(DEVICES["H100"].ridge(dtype)) for dtype in ridges}


@pytest.mark.parametrize(
    "name",
    [
        *("A100_BF16", "A100_FP32", "H100_BF16", "H100_FP32"),
        *("T4_FP32", "L4_BF16", "H200_BF16", "B200_BF16"),
    ],
)
def test_the_questions_ask_of_devices_as_the_table_has_them(name):
    device, dtype = name.split("_")
    where = DEVICES[device]
    assert getattr(devices, name) == (where.peak_at(dtype) / 1e12, where.bandwidth / 1e9)


def test_an_upgrade_brings_the_bandwidth_left_of_both_ridges_and_the_peak_right_of_them():
    assert right("upgrade_speedup", 1.0, (312, 2039), (989, 3350)) == pytest.approx(3350 / 2039)
    assert right("upgrade_speedup", 1e4, (312, 2039), (989, 3350)) == pytest.approx(989 / 312)


def test_prelu_and_linear_of_one_sample():
    costs = EXERCISES["pair_costs"].reference(1, 64, 32)
    # 64 for PReLU, 2 · 64 · 32 for Linear
    assert costs["FLOP"].total == 64 + 4096
    # in, slope, out; in, weights, out
    assert costs["bytes"].total == 4 * (64 + 1 + 64 + 64 + 64 * 32 + 32)
    assert costs["bytes"]["read weights"] == 8192
    assert costs["bytes"].accepted_totals() == {9092, 9088}  # the slope is read, or stays


def test_one_sample_waits_for_memory_on_an_a100():
    answer = right("pair_bound", 1, 64, 32, 19.5, 2039)
    assert round(answer["intensity"], 2) == 0.46
    assert answer["bound"] == "memory"


@settings(max_examples=20)
@given(st.integers(1, 64), st.integers(1, 100), st.integers(1, 100))
def test_the_block_costs_what_the_meter_counts(batch, i, o):
    block = torch.nn.Sequential(torch.nn.PReLU(), torch.nn.Linear(i, o, bias=False))
    counted = count(block, (batch, i))
    costs = right("pair_costs", batch, i, o)
    assert counted.flops == costs["FLOP"]
    assert counted.bytes_unfused == costs["bytes"]


def drawn_figure(limit=4160 / 896, label="batch", weights=8192):
    from matplotlib import pyplot

    figure, axes = pyplot.subplots()
    batches = range(1, 65)
    axes.plot(batches, [b * 4160 / (4 + weights + b * 896) for b in batches])
    if limit:
        axes.axhline(limit)
    axes.set(xlabel=label, ylabel="FLOP/B")
    return figure


def plotted(**options):
    exercise = EXERCISES["plot_pair"]
    return judge(
        exercise, lambda i, o: read_figure(drawn_figure(**options)), exercise.visible_cases()[:1]
    )


def test_the_plot_is_judged_by_its_curve_its_limit_and_its_axes():
    # one more sample adds 64 + 4096 FLOP and 4 · (3 · 64 + 32) B
    assert plotted().status == "right"
    assert plotted(limit=None).fraction == 3 / 4
    assert "level line" in plotted(limit=None).hint
    assert plotted(label="x").fraction == 3 / 4
    flat = plotted(weights=0)
    assert "weights are missing" in flat.hint
    assert "not arrived" in plotted(limit=64 * 4160 / (4 + 8192 + 64 * 896)).hint


def test_a_figure_without_a_curve_gets_a_line_that_says_so():
    from matplotlib import pyplot

    exercise = EXERCISES["plot_pair"]
    empty = read_figure(pyplot.figure())
    verdict = judge(exercise, lambda i, o: empty, grading_cases(exercise, b""))
    assert verdict.fraction == 0
    assert "no figure" in verdict.hint


def test_the_best_batch_is_the_first_that_reaches_the_ridge():
    # fp32 on an A100, ridge 9.56: 2b·mn ≥ 9.56·4·(mn + b(m + n)) from b = 19.75 on
    assert right("ridge_batch", 768, 3072, 4, 19.5, 2039) == 20
    # its limit of 10.7 FLOP/B is under the T4's ridge of 25.3
    assert right("ridge_batch", 64, 32, 4, 8.1, 320) is None


@pytest.mark.parametrize("args", drawn("ridge_batch"))
def test_the_best_batch_is_what_a_search_finds(args):
    from helpers.hardware import Device

    i, o, width, peak, bandwidth = args
    device = Device("drawn", {"fp32": peak * 1e12}, bandwidth * 1e9, 0, "drawn")
    found = smallest_compute_bound_batch(
        lambda b: (2 * b * i * o, width * (i * o + b * (i + o))), device
    )
    assert right("ridge_batch", *args) == found


def test_fusing_saves_the_tensor_between_both_ways():
    answer = right("fusion_saves", 1, 64, 32)
    assert answer["saved"] == 2 * 64 * 4
    assert answer["limit"] == pytest.approx(4160 / (4 * (64 + 32)))
    assert round(answer["limit"], 1) == 10.8


def test_a_long_kernel_hides_the_orders_of_those_behind_it():
    # ordered at 5, 10, 15, 20, 25; they run 5–6, 10–22, 22–26, 26–28, 28–31
    answer = right("queued_time", 5, [1, 12, 4, 2, 3])
    assert answer == {"microseconds": 31, "waiting": 5 + 4}


def test_a_network_takes_the_sum_of_its_layers_bounds():
    # T4, fp32: 2 MB at 320 GB/s is 6.25 µs, more than 8 MFLOP at 8.1 TFLOP/s (0.99 µs);
    # 400 MFLOP take 49.4 µs, more than 1 MB (3.1 µs)
    answer = right("network_time", [[8_000_000, 2_000_000], [400_000_000, 1_000_000]], 8.1, 320)
    assert answer["microseconds"] == pytest.approx(6.25 + 400 / 8.1)
    assert answer["memory_share"] == pytest.approx(6.25 / (6.25 + 400 / 8.1))


def test_a_roof_bends_at_its_ridge_and_layers_stand_where_they_were_measured():
    ax = roofs([Roof("here", 100.0, 10.0)], "title", {"layer": (2.0, 15.0)})
    roof, ridge, layer = (line.get_xydata().tolist() for line in ax.get_lines())
    # peak 100, bandwidth 10: the ridge is at 10, and a decade lower the rate is 10
    assert ridge == [[10.0, 100.0]]
    assert roof[0][1] == pytest.approx(10 * roof[0][0])
    assert roof[-1][1] == 100
    assert layer == [[2.0, 15.0]]


def test_the_slider_picture_puts_the_layer_on_the_roof():
    point = linear_point("A100", "bf16", "768 → 3072", 1)
    assert point.bound == "memory"
    assert point.rate == pytest.approx(point.intensity * 2039e9)
    figure = roofline_figure("A100", "bf16", "768 → 3072", 1)
    assert "0.652 %" in figure.axes[0].get_title()


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", ["bf16", "fp16", "tf32", "fp32"])
def test_every_choice_of_the_sliders_draws_something(device, dtype):
    figure = roofline_figure(device, dtype, next(iter(LAYERS)), 16)
    (axes,) = figure.axes
    assert axes.get_title() or "no " + dtype in axes.texts[0].get_text()
