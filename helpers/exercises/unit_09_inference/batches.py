"""Unit 09: how fast a batch decodes, when arithmetic takes over, what a promise to users costs."""

from __future__ import annotations

import random
from collections.abc import Sequence
from math import floor
from typing import Any

from helpers.exercises.exercise import Exercise, Misconception
from helpers.exercises.mistakes import GB_AS_GIB, WEIGHTS_FOR_EVERY_SAMPLE
from helpers.exercises.unit_09_inference.models import (
    A100,
    H100,
    L4,
    LLAMA_2_7B_MULTIPLY,
    LLAMA_3_8B_MULTIPLY,
    draw_service,
)
from helpers.reference.inference import compute_bound_batch, decode_seconds

_GIB = 1024**3


def rates(
    weight_bytes: float, cache_bytes: float, batch: int, bandwidth_gb: float
) -> dict[str, float]:
    """Both parts of the answer, from the traffic of a step."""
    seconds = decode_seconds(weight_bytes, cache_bytes, batch, 1e9 * bandwidth_gb)
    return {"ms a token": 1e3 * seconds, "tokens a second": batch / seconds}


def _draw_batches(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    cases = []
    for _ in range(4):
        weights, cache, bandwidth = draw_service(draw)
        cases.append((weights, cache, draw.randrange(2, 65), bandwidth))
    return cases


DECODE_RATE = Exercise(
    points=1,
    topic="latency and throughput of a decoding batch",
    examples=[
        (14 * 10**9, 10**9, 1, H100[0]),
        (14 * 10**9, 10**9, 32, H100[0]),
        (16 * 10**9, 262_144_000, 8, L4[0]),
    ],
    hidden=_draw_batches,
    reference=rates,
    misconceptions=(
        Misconception(
            "one cache for all",
            "each reader has a text of their own, and so a cache of their own",
            lambda weights, cache, batch, bandwidth: rates(
                weights + cache - batch * cache, cache, batch, bandwidth
            ),
        ),
        Misconception(
            *WEIGHTS_FOR_EVERY_SAMPLE,
            lambda weights, cache, batch, bandwidth: rates(
                weights * batch, cache, batch, bandwidth
            ),
        ),
        Misconception(
            "no cache",
            "besides the weights, each step reads what is kept of the tokens before",
            lambda weights, cache, batch, bandwidth: rates(weights, 0, batch, bandwidth),
        ),
        Misconception(
            "tokens of one sequence",
            "this is what one reader gets: how many tokens does a step write in all?",
            lambda *args: {"tokens a second": rates(*args)["tokens a second"] / args[2]},
        ),
        Misconception(
            "a step's time shared out",
            "every reader waits for the whole step: the batch does not make it shorter",
            lambda *args: {"ms a token": rates(*args)["ms a token"] / args[2]},
        ),
        Misconception(
            "in seconds",
            "this is in seconds: how many milliseconds has one?",
            lambda *args: {"ms a token": rates(*args)["ms a token"] / 1e3},
        ),
        Misconception(
            *GB_AS_GIB,
            lambda weights, cache, batch, bandwidth: rates(
                weights, cache, batch, bandwidth * _GIB / 1e9
            ),
        ),
    ),
)


def _ridge_batch(
    weights: int, bytes_each: int, cache_bytes: int, peak_tflops: float, bandwidth_gb: float
) -> int | None:
    return compute_bound_batch(
        weights, weights * bytes_each, cache_bytes, peak_tflops * 1e12, bandwidth_gb * 1e9
    )


def _beyond_the_ridge(
    weights: int, width: int, cache_bytes: int, peak: float, bandwidth: float
) -> int | None:
    """One more where a batch is exactly on the ridge."""
    batch = _ridge_batch(weights, width, cache_bytes, peak, bandwidth)
    if batch is None:
        return None
    reading = 1000 * peak * (weights * width + batch * cache_bytes)
    return batch + (2 * batch * weights * bandwidth == reading)


def _draw_ridges(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    cases = []
    for share in (0.0, 0.2, 0.7, 1.5):
        peak = draw.randrange(100, 3000)
        bandwidth = draw.randrange(3 * peak, 12 * peak)
        weights = 10**6 * draw.randrange(500, 60_000) + draw.randrange(10**6)
        # The cache that takes as long to read as a sequence's arithmetic lasts.
        most = 2 * weights * bandwidth / (1e3 * peak)
        cases.append((weights, draw.choice([1, 2]), int(share * most), peak, bandwidth))
    return cases


COMPUTE_BOUND_FROM = Exercise(
    points=1,
    topic="batch from which arithmetic is the bound, if there is one",
    examples=[
        (LLAMA_2_7B_MULTIPLY, 2, 0, 989, H100[0]),
        (LLAMA_2_7B_MULTIPLY, 1, 0, 989, H100[0]),
        # 128 tokens at 128 KiB; 512 of them: more to read than 15 GFLOP take time.
        (LLAMA_3_8B_MULTIPLY, 2, 16_777_216, 989, H100[0]),
        (LLAMA_3_8B_MULTIPLY, 2, 67_108_864, 989, H100[0]),
        # Exactly at 100.
        (10**9, 2, 0, 100, 1000),
    ],
    hidden=_draw_ridges,
    reference=_ridge_batch,
    known_slips={
        "2 * weights * bandwidth_gb / (1000 * peak_tflops) → "
        "2 * weights * bandwidth_gb // (1000 * peak_tflops)": "less than a byte is lost",
        **dict.fromkeys(
            ("spare <= 0 → spare < 0", "0 → 1", "0 → -1"),
            "no cache leaves just a byte or none to spare: rounding would decide",
        ),
    },
    misconceptions=(
        Misconception(
            "no cache",
            "each reader brings a cache that has to be read, too",
            lambda weights, width, cache, *device: _ridge_batch(weights, width, 0, *device),
        ),
        Misconception(
            "one cache for all",
            "each reader has a cache of their own",
            lambda weights, width, cache, peak, bandwidth: compute_bound_batch(
                weights, weights * width + cache, 0, peak * 1e12, bandwidth * 1e9
            ),
        ),
        Misconception(
            "always two bytes",
            "bytes_each is an argument: an int8 weight is one byte",
            lambda weights, width, *others: _ridge_batch(weights, 2, *others),
        ),
        Misconception(
            "one batch too many at the ridge",
            "where both take exactly as long, arithmetic is a bound already",
            _beyond_the_ridge,
        ),
        Misconception(
            "rounded down",
            "at this batch reading still takes longer: one more?",
            lambda *args: (
                None
                if (batch := _ridge_batch(*args)) is None
                else batch - (_beyond_the_ridge(*args) == batch)
            ),
        ),
        Misconception(
            "one batch too few",
            "at this batch reading still takes longer: one more?",
            lambda *args: None if (batch := _ridge_batch(*args)) is None else batch - 1,
        ),
        Misconception(
            "twice as many",
            "about double: is each weight two FLOP for a token, and is the peak the one given?",
            lambda weights, width, cache, peak, bandwidth: _ridge_batch(
                weights, width, cache, 2 * peak, bandwidth
            ),
        ),
    ),
)


def _room(
    weight_bytes: int, cache_bytes: int, bandwidth_gb: float, memory_gb: float, milliseconds: float
) -> tuple[float, float]:
    """How many caches the time allows, and how many the memory; negative where not even the
    weights are."""
    in_time = (bandwidth_gb * 1e6 * milliseconds - weight_bytes) / cache_bytes
    return in_time, (memory_gb * 1e9 - weight_bytes) / cache_bytes


def _most(*args: Any) -> tuple[int, int]:
    """How many readers the time allows, and how many the memory."""
    in_time, in_memory = _room(*args)
    return max(0, floor(in_time)), max(0, floor(in_memory))


def _served(batch: float, weights: int, cache: int, bandwidth: float) -> dict[str, float]:
    read = weights + batch * cache
    rate = batch * bandwidth * 1e9 / read if batch and read else 0
    return {"batch": batch, "tokens a second": rate}


def _service(*args: Any) -> dict[str, float]:
    return _served(min(_most(*args)), *args[:3])


def _service_batch(
    weight_bytes: int, cache_bytes: int, bandwidth_gb: float, memory_gb: float, milliseconds: float
) -> dict[str, float]:
    return _service(weight_bytes, cache_bytes, bandwidth_gb, memory_gb, milliseconds)


def _draw_services(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    cases = []
    for in_time, in_memory in ((draw.randrange(4, 40), 60), (50, draw.randrange(4, 40)), (9, 8)):
        weights, cache, bandwidth = draw_service(draw)
        part = draw.choice([0.3, 0.7])  # of a reader: far from rounding either way
        memory = (weights + (in_memory + part) * cache) / 1e9
        milliseconds = (weights + (in_time + part) * cache) / bandwidth / 1e6
        cases.append((weights, cache, bandwidth, round(memory, 2), round(milliseconds, 3)))
    return cases


SERVICE_BATCH = Exercise(
    points=1,
    topic="largest batch that fits and keeps a promise",
    examples=[
        (14 * 10**9, 10**9, *H100, 20),
        (14 * 10**9, 10**9, *H100, 40),
        (14 * 10**9, 10**9, *H100, 6.5),
        (16 * 10**9, 131_072_000, *A100, 15.3),
        # Alone a step takes 46.7 ms.
        (14 * 10**9, 10**9, *L4, 40),
    ],
    hidden=_draw_services,
    reference=_service_batch,
    known_slips={
        **{
            f"{room} // cache_bytes → {room} / cache_bytes": "equivalent: int() rounds down"
            for room in (
                "(bandwidth_gb * 1000000000.0 * milliseconds / 1000 - weight_bytes)",
                "(memory_gb * 1000000000.0 - weight_bytes)",
            )
        },
        "bandwidth_gb * 1000000000.0 * milliseconds / 1000 → "
        "bandwidth_gb * 1000000000.0 * milliseconds // 1000": "less than a byte is lost",
    },
    misconceptions=(
        Misconception(
            "memory forgotten",
            "weights and all caches have to lie in memory, too",
            lambda *args: _served(_most(*args)[0], *args[:3]),
        ),
        Misconception(
            "time forgotten",
            "it fits: does everybody get a token within the promised time?",
            lambda *args: _served(_most(*args)[1], *args[:3]),
        ),
        Misconception(
            "the larger of the two",
            "it has to fit *and* be in time",
            lambda *args: _served(max(_most(*args)), *args[:3]),
        ),
        Misconception(
            "fewer than none",
            "can a batch be negative? What is asked for where not even one reader is served?",
            lambda *args: _served(floor(min(_room(*args))), *args[:3]),
        ),
        Misconception(
            "rounded to the nearest",
            "where this is one more: does the last reader still fit, and is it still in time?",
            lambda *args: _served(max(0, round(min(_room(*args)))), *args[:3]),
        ),
        Misconception(
            "one too many",
            "with this many, does it still fit, and is it still in time?",
            lambda *args: _served(min(_most(*args)) + 1, *args[:3]),
        ),
        Misconception(
            "weights not in memory",
            "what is left of the memory once the weights lie there?",
            lambda weights, cache, bandwidth, memory, milliseconds: _served(
                min(
                    _most(weights, cache, bandwidth, memory, milliseconds)[0],
                    floor(memory * 1e9 / cache),
                ),
                *(weights, cache, bandwidth),
            ),
        ),
        Misconception(
            "memory in GiB",
            "memory_gb and bandwidth_gb are in 10⁹ B here, whatever a card's own GB are",
            lambda weights, cache, bandwidth, memory, milliseconds: _service(
                weights, cache, bandwidth, memory * _GIB / 1e9, milliseconds
            ),
        ),
        Misconception(
            "both in GiB",
            "memory_gb and bandwidth_gb are in 10⁹ B here, whatever a card's own GB are",
            lambda weights, cache, bandwidth, memory, milliseconds: {
                "batch": _service(
                    weights, cache, bandwidth * _GIB / 1e9, memory * _GIB / 1e9, milliseconds
                )["batch"]
            },
        ),
        Misconception(
            "at least one",
            "what is asked for where not even one reader is served?",
            lambda *args: _served(max(1, min(_most(*args))), *args[:3]),
        ),
        Misconception(
            "the promise for the step",
            "a step is done when its bytes have been read: is that as long as was promised?",
            lambda *args: {"tokens a second": 1e3 * min(_most(*args)) / args[-1]},
        ),
        Misconception(
            "tokens of one sequence",
            "this is what one reader gets: how many tokens does a step write in all?",
            lambda *args: {
                "tokens a second": _service(*args)["tokens a second"] / max(1, min(_most(*args)))
            },
        ),
        Misconception(
            "steps a second",
            "these are the steps of a second: how many tokens does a step write?",
            lambda weights, cache, bandwidth, *limits: {
                "tokens a second": 1e9
                * bandwidth
                / (weights + min(_most(weights, cache, bandwidth, *limits)) * cache)
            },
        ),
    ),
)
