"""Unit 03: how much arithmetic for what is moved, and how fast answers come."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from helpers.exercises.exercise import Exercise, Misconception
from helpers.exercises.mistakes import FIRST_ADDITION_SAVED
from helpers.exercises.unit_03_memory.traffic import FP32, draw_linear


def _linear_intensity_with_bias(batch: int, i: int, o: int) -> dict[str, float]:
    return {
        "intensity": (2 * batch * i * o + batch * o) / (FP32 * (batch * (i + o) + i * o + o)),
        "limit": (2 * i * o + o) / (FP32 * (i + o)),
    }


def _intensity_with_one_addition_less(batch: int, i: int, o: int) -> dict[str, float]:
    share = (2 * i - 1) / (2 * i)
    return {part: share * value for part, value in _linear_intensity(batch, i, o).items()}


def _linear_intensity(batch: int, in_features: int, out_features: int) -> dict[str, float]:
    weights, vectors = in_features * out_features, in_features + out_features
    return {
        "intensity": 2 * batch * weights / (FP32 * (weights + batch * vectors)),
        "limit": 2 * weights / (FP32 * vectors),
    }


LINEAR_INTENSITY = Exercise(
    points=1,
    topic="arithmetic intensity of a linear layer and its limit",
    examples=[(1, 768, 3072), (64, 768, 3072), (1024, 768, 3072), (16, 64, 32)],
    hidden=draw_linear,
    reference=_linear_intensity,
    misconceptions=(
        Misconception(
            "bias counted",
            "this layer has no bias: is one in your FLOP, or in your bytes?",
            _linear_intensity_with_bias,
        ),
        Misconception(*FIRST_ADDITION_SAVED, _intensity_with_one_addition_less),
        Misconception(
            "intensity at a large batch for the limit",
            "a million samples are many, but not a batch without end: which terms are left when "
            "the weights no longer count?",
            lambda batch, i, o: {"limit": _linear_intensity(10**6, i, o)["intensity"]},
        ),
        Misconception(
            "MAC for FLOP",
            "this is half: one MAC is two FLOP",
            lambda batch, i, o: {
                part: value / 2 for part, value in _linear_intensity(batch, i, o).items()
            },
        ),
        Misconception(
            "FLOP per element",
            "this is FLOP per element moved: how many bytes is an element of fp32?",
            lambda batch, i, o: {
                part: value * FP32 for part, value in _linear_intensity(batch, i, o).items()
            },
        ),
        Misconception(
            "traffic without the weights",
            "an intensity that does not change with the batch: are the weights in the traffic?",
            lambda batch, i, o: {"intensity": _linear_intensity(batch, i, o)["limit"]},
        ),
        Misconception(
            "it grows for ever",
            "a large batch moves more, too: what is left of FLOP ÷ bytes when the weights no "
            "longer count?",
            lambda batch, i, o: {"limit": None},
        ),
    ),
)


def _rates(stage_ms: list[int], batch: int) -> dict[str, float]:
    return {"latency_ms": sum(stage_ms), "images_per_s": 1000 * batch / max(stage_ms)}


def _draw_pipelines(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    return [
        *((draw.sample(range(2, 90), stages), draw.choice([1, 4, 8, 32])) for stages in (1, 2, 4)),
        (sorted(draw.sample(range(2, 90), 3)), 2),
        (sorted(draw.sample(range(2, 90), 3), reverse=True), 2),
    ]


PIPELINE_RATES = Exercise(
    points=1,
    topic="latency and throughput",
    examples=[([30], 1), ([10, 10, 10], 1), ([80], 8), ([30, 50, 20, 40], 4)],
    hidden=_draw_pipelines,
    reference=_rates,
    misconceptions=(
        Misconception(
            "stages taken as equal",
            "the stages differ: how often can a batch leave the slowest of them?",
            lambda stage_ms, batch: {"images_per_s": 1000 * batch * len(stage_ms) / sum(stage_ms)},
        ),
        Misconception(
            "the last stage's rate",
            "a batch leaves the last stage only as often as it arrives there: who decides that?",
            lambda stage_ms, batch: {"images_per_s": 1000 * batch / stage_ms[-1]},
        ),
        Misconception(
            "the first stage's rate",
            "the first stage may be quick: can a slower one behind it keep up?",
            lambda stage_ms, batch: {"images_per_s": 1000 * batch / stage_ms[0]},
        ),
        Misconception(
            "per millisecond",
            "stages are given in milliseconds, the rate is wanted for each second",
            lambda stage_ms, batch: {"images_per_s": batch / max(stage_ms)},
        ),
        Misconception(
            "throughput as one over latency",
            "while the second stage works, what does the first one do?",
            lambda stage_ms, batch: {"images_per_s": 1000 * batch / sum(stage_ms)},
        ),
        Misconception(
            "latency of the slowest stage",
            "one image has to pass every stage before its answer is there",
            lambda stage_ms, batch: {"latency_ms": max(stage_ms)},
        ),
        Misconception(
            "images of a batch forgotten",
            "how many images come out together?",
            lambda stage_ms, batch: {"images_per_s": 1000 / max(stage_ms)},
        ),
    ),
)
