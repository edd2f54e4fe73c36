"""Unit 04: what a device allows."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from helpers.exercises.exercise import Exercise, Misconception
from helpers.exercises.mistakes import GB_AS_GIB

#: Dense peak in TFLOP/s and bandwidth in GB/s (see `helpers.hardware.DEVICES`).
A100_BF16, A100_FP32, H100_BF16, H100_FP32 = (312, 2039), (19.5, 2039), (989, 3350), (66.9, 3350)
T4_FP32, L4_BF16, H200_BF16, B200_BF16 = (8.1, 320), (121, 300), (989, 4800), (2250, 8000)
DEVICES = (A100_BF16, A100_FP32, H100_BF16, H100_FP32, T4_FP32, L4_BF16, H200_BF16, B200_BF16)

_GIB = 1024**3


def both_bounds(
    flops: float, bytes_moved: float, peak_tflops: float, bandwidth_gb: float
) -> tuple[float, float]:
    """Seconds that the arithmetic and the moving take, each alone."""
    return flops / (peak_tflops * 1e12), bytes_moved / (bandwidth_gb * 1e9)


def _layer_time(
    flops: int, bytes_moved: int, peak_tflops: float, bandwidth_gb: float
) -> dict[str, Any]:
    compute, memory = both_bounds(flops, bytes_moved, peak_tflops, bandwidth_gb)
    bound = "compute" if compute >= memory else "memory"
    return {"microseconds": 1e6 * max(compute, memory), "bound": bound}


def _combined(combine: Any) -> Any:
    """A wrong `_layer_time`: another way to join the two times."""
    return lambda *args: {"microseconds": 1e6 * combine(both_bounds(*args))}


def draw_work(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    cases: list[tuple[Any, ...]] = []
    # Half of them on each side of the ridge.
    for factor in (0.02, 0.3, 3, 40):
        peak, bandwidth = draw.choice(DEVICES)
        moved = draw.randrange(10**6, 10**9)
        flops = int(moved * factor * peak * 1e12 / (bandwidth * 1e9))
        cases.append((flops, moved, peak, bandwidth))
    return cases


LAYER_TIME = Exercise(
    points=1,
    topic="time bound of a layer",
    examples=[(33_554_432, 33_570_816, *A100_BF16), (68_719_476_736, 67_108_864, *A100_BF16)],
    hidden=draw_work,
    reference=_layer_time,
    tolerance=1e-3,
    misconceptions=(
        Misconception(
            "both times added",
            "arithmetic and moving overlap: while one batch of numbers is computed, the next "
            "arrives. Who waits for whom?",
            _combined(sum),
        ),
        Misconception(
            "the shorter of the two",
            "the layer is done when the slower of the two is done",
            _combined(min),
        ),
        Misconception(
            "arithmetic only",
            "this is the time of the arithmetic: what about the bytes?",
            _combined(lambda times: times[0]),
        ),
        Misconception(
            "seconds for microseconds",
            "this is in seconds: how many microseconds has one?",
            lambda *args: {"microseconds": max(both_bounds(*args))},
        ),
        Misconception(
            "bound the wrong way round",
            "what takes longer is the bound",
            lambda *args: {
                "bound": "memory" if _layer_time(*args)["bound"] == "compute" else "compute"
            },
        ),
    ),
)


def _attainable(
    intensity: float, peak_tflops: float, bandwidth_gb: float, giga: float = 1e9
) -> float:
    return min(peak_tflops, intensity * bandwidth_gb * giga / 1e12)


def _draw_intensities(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    cases = []
    for factor in (0.01, 0.1, 0.6, 2, 20):
        peak, bandwidth = draw.choice(DEVICES)
        cases.append((round(factor * peak * 1e3 / bandwidth, 3), peak, bandwidth))
    return cases


ATTAINABLE_TFLOPS = Exercise(
    points=1,
    topic="rate that the roof allows",
    examples=[(0.1, *A100_BF16), (1.0, *A100_BF16), (100.0, *A100_BF16), (1000.0, *A100_BF16)],
    hidden=_draw_intensities,
    reference=_attainable,
    tolerance=1e-3,
    misconceptions=(
        Misconception(
            "a flat line for the bandwidth",
            "the memory roof slopes: how much work comes with each byte that arrives?",
            lambda intensity, peak, bandwidth: min(peak, bandwidth / 1e3),
        ),
        Misconception(
            "always the peak",
            "the peak is reached only where the bytes arrive fast enough",
            lambda intensity, peak, bandwidth: peak,
        ),
        Misconception(
            "no peak",
            "at a high intensity memory is no limit any more: what is?",
            lambda intensity, peak, bandwidth: intensity * bandwidth / 1e3,
        ),
        Misconception(
            *GB_AS_GIB,
            lambda intensity, peak, bandwidth: _attainable(intensity, peak, bandwidth, _GIB),
        ),
        Misconception(
            "tera and giga left as they are",
            "FLOP/B times GB/s is GFLOP/s: the peak is in TFLOP/s",
            lambda intensity, peak, bandwidth: _attainable(intensity, peak, bandwidth, 1e12),
        ),
    ),
)


def _ridges(
    bf16_tflops: float,
    tf32_tflops: float,
    fp32_tflops: float,
    bandwidth_gb: float,
    giga: float = 1e9,
) -> dict[str, float]:
    peaks = {"bf16": bf16_tflops, "tf32": tf32_tflops, "fp32": fp32_tflops}
    return {dtype: peak * 1e12 / (bandwidth_gb * giga) for dtype, peak in peaks.items()}


def _draw_sheets(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    cases = []
    for _ in range(4):
        bf16 = draw.randrange(100, 3000)
        fp32 = round(bf16 / draw.randrange(8, 30), 1)
        cases.append((bf16, bf16 / 2, fp32, draw.randrange(300, 9000)))
    return cases


RIDGE_POINTS = Exercise(
    points=1,
    topic="ridge of a device in each number format",
    examples=[(989, 494.7, 66.9, 3350), (312, 156, 19.5, 2039)],
    hidden=_draw_sheets,
    reference=_ridges,
    tolerance=1e-3,
    misconceptions=(
        Misconception(
            *GB_AS_GIB,
            lambda bf16, tf32, fp32, bandwidth: _ridges(bf16, tf32, fp32, bandwidth, _GIB),
        ),
        Misconception(
            "one ridge for all formats",
            "each format has a peak of its own: can the ridge be the same?",
            lambda bf16, tf32, fp32, bandwidth: _ridges(bf16, bf16, bf16, bandwidth),
        ),
        Misconception(
            "tera and giga left as they are",
            "the quotient is a thousand times too small: a tera is a thousand giga",
            lambda bf16, tf32, fp32, bandwidth: _ridges(bf16, tf32, fp32, bandwidth, 1e12),
        ),
        Misconception(
            "sparse peaks",
            "this is double: are these peaks the dense ones already?",
            lambda *sheet: {dtype: 2 * ridge for dtype, ridge in _ridges(*sheet).items()},
        ),
    ),
)

Spec = tuple[float, float]


def _speedup(intensity: float, old: Spec, new: Spec) -> float:
    return _attainable(intensity, *new) / _attainable(intensity, *old)


def _draw_upgrades(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    pairs = [(A100_BF16, H100_BF16), (A100_FP32, H100_FP32), (H100_BF16, H200_BF16)]
    drawn = [(draw.choice([0.5, 2.0, 40.0, 3000.0]), *draw.choice(pairs)) for _ in range(3)]
    # One between the two ridges: bound by memory before, by compute after.
    return [*drawn, (150.0 + draw.randrange(60, 120), H100_BF16, H200_BF16), (1.0, *pairs[0])]


UPGRADE_SPEEDUP = Exercise(
    points=1,
    topic="what a faster device brings a layer",
    examples=[(1.0, A100_BF16, H100_BF16), (1000.0, A100_BF16, H100_BF16)],
    hidden=_draw_upgrades,
    reference=_speedup,
    tolerance=1e-3,
    misconceptions=(
        Misconception(
            "ratio of the peaks",
            "does a layer of low intensity ever see the peak?",
            lambda intensity, old, new: new[0] / old[0],
        ),
        Misconception(
            "ratio of the bandwidths",
            "does a layer of high intensity wait for memory?",
            lambda intensity, old, new: new[1] / old[1],
        ),
        Misconception(
            "old over new",
            "a faster device: is the speedup above 1?",
            lambda intensity, old, new: 1 / _speedup(intensity, old, new),
        ),
    ),
)
