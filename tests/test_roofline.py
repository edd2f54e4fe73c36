"""The roofline: ridge, attainable rate, time bound, and what bounds a layer."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.hardware import DEVICES
from helpers.meter import count
from helpers.reference import linear_bytes, linear_flops
from helpers.roofline import (
    attainable_rate,
    bound_of,
    point,
    points,
    ridge_point,
    smallest_compute_bound_batch,
    time_bound,
)

work = st.floats(1, 1e15)
examples = settings(max_examples=50)


def test_a_ridge_is_that_of_the_device_in_fp32_unless_another_dtype_is_named():
    assert ridge_point("H100") == DEVICES["H100"].ridge("fp32")
    assert ridge_point("H100", "bf16") == DEVICES["H100"].ridge("bf16")


def test_the_memory_roof_slopes_and_the_compute_roof_is_flat():
    # H100, bf16: 3350 GB/s below the ridge, 989 TFLOP/s above
    assert attainable_rate(1, "H100", "bf16") == 3350e9
    assert attainable_rate(10, "H100", "bf16") == 10 * 3350e9
    assert (
        attainable_rate(1000, "H100", "bf16") == attainable_rate(10_000, "H100", "bf16") == 989e12
    )


def test_prelu_and_linear_at_batch_one_are_bound_by_memory():
    # 64 + 2 · 64 · 32 FLOP; 8,192 B of weights, 256 + 256 B for PReLU, 256 + 128 B for linear
    flops, moved = 64 + 4096, 8192 + 512 + 384
    assert bound_of(flops, moved, "H100") == "memory"
    assert time_bound(flops, moved, "H100") == moved / 3350e9
    assert round(point("both", flops, moved, "H100", "fp32").intensity, 2) == 0.46


@examples
@given(work, work, st.sampled_from(sorted(DEVICES)))
def test_time_and_rate_say_the_same(flops, moved, name):
    dtype = next(iter(DEVICES[name].peak))
    rate = attainable_rate(flops / moved, name, dtype)
    assert flops / rate == pytest.approx(time_bound(flops, moved, name, dtype))


@examples
@given(work, st.sampled_from(sorted(DEVICES)))
def test_at_the_ridge_both_roofs_take_as_long(moved, name):
    dtype = next(iter(DEVICES[name].peak))
    flops = moved * ridge_point(name, dtype)
    assert time_bound(flops, moved, name, dtype) == pytest.approx(moved / DEVICES[name].bandwidth)


def test_the_smallest_batch_that_is_bound_by_compute():
    def large(batch):
        flops = linear_flops(batch, 4096, 4096, bias=False).total
        return flops, linear_bytes(batch, 4096, 4096, bias=False, dtype="bf16").total

    batch = smallest_compute_bound_batch(large, "H100", "bf16")
    assert bound_of(*large(batch), "H100", "bf16") == "compute"
    assert bound_of(*large(batch - 1), "H100", "bf16") == "memory"

    def small(batch):
        flops = linear_flops(batch, 64, 32, bias=False).total
        return flops, linear_bytes(batch, 64, 32, bias=False).total

    # its intensity saturates under every ridge
    assert smallest_compute_bound_batch(small, "H100", "fp32") is None


def test_the_layers_of_a_model_under_a_roof():
    layers = count("resnet18").layers()
    shown = points(layers, "T4", "fp32")
    assert {p.bound for p in shown} == {"memory", "compute"}
    assert sum(p.flops for p in shown) == count("resnet18").flops
    assert all(p.rate <= 8.1e12 for p in shown)


@pytest.mark.parametrize(
    ("call", "line"),
    [
        (lambda: attainable_rate(-1, "H100"), "an intensity is a number ≥ 0, not -1"),
        (lambda: attainable_rate(float("nan"), "H100"), "an intensity is a number ≥ 0, not nan"),
        (lambda: time_bound(-1, 1, "H100"), "work cannot be negative: -1 FLOP, 1 B"),
        (lambda: ridge_point("H1000"), "unknown device 'H1000'"),
        (lambda: ridge_point("T4", "bf16"), "T4 has no bf16 peak here"),
    ],
)
def test_impossible_questions_get_one_clear_line(call, line):
    with pytest.raises(ValueError, match=rf"^{line}[^\n]*$"):
        call()
