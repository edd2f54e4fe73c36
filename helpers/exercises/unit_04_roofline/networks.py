"""Unit 04: how long many layers take, and a queue of kernels."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

from helpers.exercises.exercise import Exercise, Misconception
from helpers.exercises.mistakes import IN_PERCENT, IN_SECONDS
from helpers.exercises.unit_04_roofline.devices import (
    A100_BF16,
    DEVICES,
    T4_FP32,
    both_bounds,
)


def _queued(order_us: float, kernels_us: Sequence[float], ahead: int = 0) -> dict[str, float]:
    """A kernel begins when it is ordered and the one before is done. `ahead`: orders for free."""
    done = 0.0
    for number, duration in enumerate(kernels_us, start=1 - ahead):
        done = max(number * order_us, done) + duration
    return {"microseconds": done, "waiting": done - sum(kernels_us)}


def _in_all(total: Callable[[float, Sequence[float]], float]) -> Callable[..., Any]:
    """A wrong `_queued`: another time for all, and the waiting that follows from it."""

    def gives(order_us: float, kernels_us: Sequence[float]) -> dict[str, float]:
        time = total(order_us, kernels_us)
        return {"microseconds": time, "waiting": time - sum(kernels_us)}

    return gives


def _first_wait_forgotten(order_us: float, kernels_us: Sequence[float]) -> dict[str, float]:
    return {"waiting": _queued(order_us, kernels_us)["waiting"] - order_us}


def _draw_queues(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    cases = []
    for _ in range(4):
        order = draw.randrange(4, 12)
        short = [draw.randrange(1, order) for _ in range(3)]
        # A long one hides some orders, not all; then the GPU waits once more.
        hides = draw.randrange(order + 1, 3 * order)
        later = [draw.randrange(1, order) for _ in range(4)]
        cases.append((order, [*short, hides, *later, draw.randrange(order, 4 * order)]))
    return cases


QUEUED_TIME = Exercise(
    points=1,
    topic="kernels that are ordered and run in turn",
    # The GPU waits in between, at the end, never but at first, and before every kernel.
    examples=[
        (5, [1, 12, 4, 2, 3]),
        (5, [20, 1, 1, 1, 1, 1, 1]),
        (8, [30, 40, 9, 50]),
        (10, [2, 3, 4]),
        (6, [1, 9, 8, 1, 2, 2, 11]),
    ],
    hidden=_draw_queues,
    reference=_queued,
    misconceptions=(
        Misconception(
            "Python waits for each kernel",
            "Python does not wait for a kernel to end: it orders the next one meanwhile",
            _in_all(lambda order, kernels: sum(order + each for each in kernels)),
        ),
        Misconception(
            "only one order ahead",
            "while a long kernel runs, more than one order can be placed",
            _in_all(
                lambda order, kernels: (
                    order + sum(max(order, each) for each in kernels[:-1]) + kernels[-1]
                )
            ),
        ),
        Misconception(
            "the longer of order and kernel, each",
            "a kernel begins when it is ordered and the one before is done: follow both, one "
            "kernel after the other",
            _in_all(lambda order, kernels: sum(max(order, each) for each in kernels)),
        ),
        Misconception(
            "the longer of order and kernel, each, behind the first order",
            "while a long kernel runs, more than one order can be placed: follow both, one kernel "
            "after the other",
            _in_all(lambda order, kernels: order + sum(max(order, each) for each in kernels)),
        ),
        Misconception(
            "the longer of two sums",
            "the last kernels cannot begin before they are ordered, nor the first ones run later "
            "for free: in which order do things happen?",
            _in_all(lambda order, kernels: max(order * len(kernels), sum(kernels))),
        ),
        Misconception(
            "kernels alone",
            "how long does the GPU wait for its first kernel, and for others?",
            _in_all(lambda order, kernels: sum(kernels)),
        ),
        Misconception(
            "only the first order seen",
            "after a short kernel, is the next one ordered already?",
            _in_all(lambda order, kernels: order + sum(kernels)),
        ),
        Misconception(
            "orders alone",
            "when all is ordered, is the last kernel done?",
            _in_all(lambda order, kernels: order * len(kernels)),
        ),
        Misconception(
            "the first wait left out",
            "the GPU waits before its first kernel, too",
            _first_wait_forgotten,
        ),
        Misconception(
            "the first kernel ordered at 0",
            "before the first kernel can begin, it has to be ordered, too",
            lambda order, kernels: _queued(order, kernels, ahead=1),
        ),
        Misconception(
            "a share of the time",
            "not a share: how many µs does the GPU wait?",
            lambda *args: {"waiting": _queued(*args)["waiting"] / _queued(*args)["microseconds"]},
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
    compute, memory = both_bounds(flops, moved, peak, bandwidth)
    return {"microseconds": 1e6 * max(compute, memory), "memory_share": float(memory > compute)}


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
            "a time for a share",
            "these are the µs that memory bounds: which part of the whole time are they?",
            lambda *args: {
                "memory_share": _network_time(*args)["memory_share"]
                * _network_time(*args)["microseconds"]
            },
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
