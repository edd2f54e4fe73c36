"""Unit 04: how near to its roof a layer comes, and how long a network takes."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from helpers.exercises.exercise import Exercise, Misconception
from helpers.exercises.mistakes import GB_AS_GIB, IN_PERCENT, IN_SECONDS
from helpers.exercises.unit_04_roofline.devices import (
    A100_BF16,
    DEVICES,
    T4_FP32,
    both_bounds,
    draw_work,
)


def _share(
    flops: int, bytes_moved: int, seconds: float, peak_tflops: float, bandwidth_gb: float
) -> float:
    return max(both_bounds(flops, bytes_moved, peak_tflops, bandwidth_gb)) / seconds


def _draw_runs(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    cases = []
    for flops, moved, peak, bandwidth in draw_work(draw):
        best = max(both_bounds(flops, moved, peak, bandwidth))
        cases.append((flops, moved, best * (1.1 + 4 * draw.random()), peak, bandwidth))
    return cases


ROOF_SHARE = Exercise(
    points=1,
    topic="how near a measured layer comes to its roof",
    examples=[
        (33_554_432, 33_570_816, 20e-6, *A100_BF16),
        (10**12, 10**8, 8e-3, *A100_BF16),
    ],
    hidden=_draw_runs,
    reference=_share,
    misconceptions=(
        Misconception(*IN_PERCENT, lambda *run: 100 * _share(*run)),
        Misconception(
            "the shorter bound",
            "the roof is what the slower of the two allows, arithmetic or moving: this is the "
            "other one",
            lambda flops, moved, seconds, *device: (
                min(both_bounds(flops, moved, *device)) / seconds
            ),
        ),
        Misconception(
            "both bounds added",
            "arithmetic and moving overlap: the bound is one of the two, not their sum",
            lambda flops, moved, seconds, *device: (
                sum(both_bounds(flops, moved, *device)) / seconds
            ),
        ),
        Misconception(
            *GB_AS_GIB,
            lambda flops, moved, seconds, peak, bandwidth: _share(
                flops, moved, seconds, peak, bandwidth * 1024**3 / 1e9
            ),
        ),
        Misconception(
            "share of the peak",
            "this compares with the peak: is the peak the roof at this intensity?",
            lambda flops, moved, seconds, peak, bandwidth: flops / seconds / (peak * 1e12),
        ),
        Misconception(
            "upside down",
            "a layer that comes near its roof has a share just below 1",
            lambda *run: 1 / _share(*run),
        ),
    ),
)


def _bounds(layers: list[list[int]], peak: float, bandwidth: float) -> list[tuple[float, float]]:
    return [both_bounds(flops, moved, peak, bandwidth) for flops, moved in layers]


def _network_time(
    layers: list[list[int]], peak_tflops: float, bandwidth_gb: float
) -> dict[str, float]:
    bounds = _bounds(layers, peak_tflops, bandwidth_gb)
    total = sum(map(max, bounds))
    waiting = sum(memory for compute, memory in bounds if memory > compute)
    return {"microseconds": 1e6 * total, "memory_share": waiting / total}


def _as_one_layer(layers: list[list[int]], peak: float, bandwidth: float) -> dict[str, float]:
    flops, moved = (sum(column) for column in zip(*layers, strict=True))
    return {"microseconds": 1e6 * max(both_bounds(flops, moved, peak, bandwidth))}


def _draw_networks(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    cases = []
    for number in range(4):
        peak, bandwidth = draw.choice(DEVICES)
        ridge = peak * 1e3 / bandwidth
        layers = []
        # As one layer, every other network is bound by memory.
        high = [1.5, 2, 2.5] if number % 2 else [3, 8, 20]
        for factor in [*draw.sample([0.02, 0.1, 0.4, *high], 4), 0.05, high[0]]:
            moved = draw.randrange(10**6, 10**8)
            layers.append([int(factor * ridge * moved), moved])
        cases.append((layers, peak, bandwidth))
    return cases


NETWORK_TIME = Exercise(
    points=1,
    topic="time bound of a network, layer by layer",
    examples=[
        ([[8_000_000, 2_000_000], [400_000_000, 1_000_000]], *T4_FP32),
        ([[10_000, 5_000_000], [3_000_000_000, 6_000_000]], *A100_BF16),
    ],
    hidden=_draw_networks,
    reference=_network_time,
    known_slips={"memory > compute → memory >= compute": "no layer takes both for equally long"},
    misconceptions=(
        Misconception(
            *IN_PERCENT,
            lambda *args: {"memory_share": 100 * _network_time(*args)["memory_share"]},
        ),
        Misconception(
            *IN_SECONDS,
            lambda *args: {"microseconds": _network_time(*args)["microseconds"] / 1e6},
        ),
        Misconception(
            "share of the other bound",
            "this is the part of the time that arithmetic bounds: the other part is asked for",
            lambda *args: {"memory_share": 1 - _network_time(*args)["memory_share"]},
        ),
        Misconception(
            "the network as one layer",
            "layers run one after the other: arithmetic of one does not fill the waiting of "
            "another. Bound each layer, then add",
            _as_one_layer,
        ),
        Misconception(
            "both times added",
            "within a layer, arithmetic and moving overlap",
            lambda *args: {"microseconds": 1e6 * sum(map(sum, _bounds(*args)))},
        ),
        Misconception(
            "share of the layers, not of the time",
            "a share of the time: layers differ in how long they take",
            lambda layers, *device: {
                "memory_share": sum(
                    memory > compute for compute, memory in _bounds(layers, *device)
                )
                / len(layers)
            },
        ),
    ),
)
