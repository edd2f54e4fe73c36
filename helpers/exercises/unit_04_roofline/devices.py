"""Unit 04: what a device allows."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import Any

from helpers.exercises.exercise import Exercise, Misconception, OneOf
from helpers.exercises.mistakes import (
    FLOP_DOUBLED,
    GB_AS_GIB,
    IN_SECONDS,
    SPARSE_PEAK,
    TERA_LEFT_AS_GIGA,
)

#: Dense peak in TFLOP/s and bandwidth in GB/s (see `helpers.hardware.DEVICES`).
A100_BF16, A100_FP32, H100_BF16, H100_FP32 = (312, 2039), (19.5, 2039), (989, 3350), (66.9, 3350)
T4_FP32, L4_BF16, H200_BF16, B200_BF16 = (8.1, 320), (121, 300), (989, 4800), (2250, 7700)
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


def _misread(compute: float = 1, memory: float = 1) -> Any:
    """A wrong `_layer_time`: one of the two times is off by a factor, and so may be the bound."""

    def gives(*args: float) -> dict[str, Any]:
        times = both_bounds(*args)
        return _layer_time(1, 1, 1e-12 / (compute * times[0]), 1e-9 / (memory * times[1]))

    return gives


def _whole_microseconds(*args: Any) -> dict[str, Any]:
    exactly = 1e6 * max(both_bounds(*args))
    return {"microseconds": OneOf((round(exactly), int(exactly), math.ceil(exactly)))}


def draw_work(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    cases: list[tuple[Any, ...]] = []
    # Half of them on each side of the ridge, and so many that nobody guesses on which.
    for factor in (0.02, 0.3, 0.4, 0.5, 0.6, 0.7, 1.3, 1.5, 1.8, 2.2, 3, 40):
        peak, bandwidth = draw.choice(DEVICES)
        moved = draw.randrange(10**6, 10**9)
        flops = int(moved * factor * peak * 1e12 / (bandwidth * 1e9))
        cases.append((flops, moved, peak, bandwidth))
    return cases


LAYER_TIME = Exercise(
    points=1,
    topic="time bound of a layer",
    examples=[
        (33_554_432, 33_570_816, *A100_BF16),
        # Products of matrices: 4096² by 4096 × 2048, and 8192² by 8192².
        (68_719_476_736, 67_108_864, *A100_BF16),
        (1_099_511_627_776, 402_653_184, *A100_BF16),
        # More FLOP than bytes, and yet it waits for memory; and far fewer.
        (100_000_000, 5_000_000, *A100_BF16),
        (1_000_000, 12_000_000, *A100_BF16),
    ],
    hidden=draw_work,
    reference=_layer_time,
    known_slips={"compute >= memory → compute > memory": "no layer takes both for equally long"},
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
            *IN_SECONDS,
            lambda *args: {"microseconds": max(both_bounds(*args))},
        ),
        Misconception(
            "whole microseconds",
            "do not round: the time of a layer need not be a whole number",
            _whole_microseconds,
        ),
        Misconception(*GB_AS_GIB, _misread(memory=1e9 / _GIB)),
        Misconception(*TERA_LEFT_AS_GIGA, _misread(compute=1000)),
        Misconception(
            "bytes taken as bits",
            "a bandwidth in GB/s counts bytes, as the traffic does: is one of them in bits?",
            _misread(memory=8),
        ),
        Misconception(*SPARSE_PEAK, _misread(compute=0.5)),
        Misconception(*FLOP_DOUBLED, _misread(compute=2)),
        Misconception(
            "bytes against FLOP",
            "FLOP and bytes are two kinds of things: compare the times that they take",
            lambda flops, moved, *device: {"bound": "memory" if moved > flops else "compute"},
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
    examples=[
        (0.02, *T4_FP32),
        (1.0, *A100_BF16),
        (100.0, *A100_BF16),
        (1500.5, *B200_BF16),
        (500.5, *H100_FP32),
    ],
    hidden=_draw_intensities,
    reference=_attainable,
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
            "the higher of the two",
            "two things hold a layer back: does it get the higher or the lower of the two rates?",
            lambda intensity, peak, bandwidth: max(peak, intensity * bandwidth / 1e3),
        ),
        Misconception(
            "in GFLOP/s",
            "this is in GFLOP/s: how many of them are a TFLOP/s?",
            lambda *args: 1e3 * _attainable(*args),
        ),
        Misconception(
            "a thousand as 1024",
            "from giga to tera is a step of 1000, not of 1024",
            lambda intensity, peak, bandwidth: min(peak, intensity * bandwidth / 1024),
        ),
        Misconception(
            "bytes taken as bits",
            "GB/s are bytes, and the intensity is in FLOP for each byte: where do bits come in?",
            lambda intensity, peak, bandwidth: _attainable(intensity / 8, peak, bandwidth),
        ),
        Misconception(
            *SPARSE_PEAK,
            lambda intensity, peak, bandwidth: _attainable(intensity, 2 * peak, bandwidth),
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
    misconceptions=(
        Misconception(
            *GB_AS_GIB,
            lambda bf16, tf32, fp32, bandwidth: _ridges(bf16, tf32, fp32, bandwidth, _GIB),
        ),
        Misconception(
            "bandwidth over peak",
            "this is bytes for each FLOP: the ridge is FLOP for each byte",
            lambda *sheet: {
                # With the peak in TFLOP/s as it is, too.
                dtype: OneOf((1 / ridge, 1000 / ridge))
                for dtype, ridge in _ridges(*sheet).items()
            },
        ),
        Misconception(
            "whole numbers",
            "do not round: a ridge need not be a whole number",
            lambda *sheet: {
                dtype: OneOf((round(ridge), int(ridge))) for dtype, ridge in _ridges(*sheet).items()
            },
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


def _ratio(of_peaks: bool, old: Spec, new: Spec) -> float:
    return new[0] / old[0] if of_peaks else new[1] / old[1]


def _draw_upgrades(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    pairs = [(A100_BF16, H100_BF16), (A100_FP32, H100_FP32), (H100_BF16, H200_BF16)]
    drawn = [(draw.choice([0.5, 2.0, 40.0, 3000.0]), *draw.choice(pairs)) for _ in range(3)]
    # Two between the two ridges: bound by memory before and by compute after, and the reverse.
    return [
        *drawn,
        (1.0, *pairs[0]),
        (float(draw.randrange(210, 290)), H100_BF16, H200_BF16),
        (float(draw.randrange(160, 290)), A100_BF16, H100_BF16),
    ]


UPGRADE_SPEEDUP = Exercise(
    points=1,
    topic="what a faster device brings a layer",
    # The third is right of the A100's ridge, 153, and left of the H100's, 295.
    examples=[(intensity, A100_BF16, H100_BF16) for intensity in (1.0, 1000.0, 200.0, 400.0)],
    hidden=_draw_upgrades,
    reference=_speedup,
    misconceptions=(
        Misconception(
            "ratio of the peaks",
            "this is the ratio of the peaks, at 1 FLOP/B, too: does such a layer reach its peak? "
            "If you take the lower of two rates, are both in one unit?",
            lambda intensity, old, new: new[0] / old[0],
        ),
        Misconception(
            "bound on the old device",
            "the new device has another ridge: on which side of it does this layer stand there?",
            lambda intensity, old, new: _ratio(intensity >= 1e3 * old[0] / old[1], old, new),
        ),
        Misconception(
            "bound on the new device",
            "the old device has another ridge: on which side of it did this layer stand there?",
            lambda intensity, old, new: _ratio(intensity >= 1e3 * new[0] / new[1], old, new),
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
