"""Unit 09: what a million tokens cost, and how well a training step uses the machine."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from helpers.exercises.exercise import Exercise, Misconception
from helpers.exercises.unit_09_inference.batches import rates
from helpers.exercises.unit_09_inference.models import H100, L4, draw_service
from helpers.reference.inference import (
    model_flops_utilization,
    price_of_tokens,
    training_flops,
)


def _price(
    weight_bytes: float,
    cache_bytes: float,
    batch: int,
    bandwidth_gb: float,
    rent: float,
    watts: float,
) -> dict[str, float]:
    rate = rates(weight_bytes, cache_bytes, batch, bandwidth_gb)["tokens a second"]
    return {"a million tokens": price_of_tokens(rate, rent), "joules a token": watts / rate}


def _scaled(money: float, energy: float) -> Any:
    """A wrong `_price`: both parts are off by a factor, or one of them."""

    def gives(*args: Any) -> dict[str, float]:
        right = _price(*args)
        return {
            "a million tokens": right["a million tokens"] * money,
            "joules a token": right["joules a token"] * energy,
        }

    return gives


def _draw_prices(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    cases = []
    for _ in range(4):
        weights, cache, bandwidth = draw_service(draw)
        rent, watts = draw.randrange(20, 900) / 100, draw.randrange(60, 1200)
        cases.append((weights, cache, draw.randrange(2, 65), bandwidth, rent, watts))
    return cases


TOKEN_PRICE = Exercise(
    points=1,
    topic="price of a million tokens, energy of one",
    examples=[
        (14 * 10**9, 10**9, 1, H100[0], 2.5, 700),
        (14 * 10**9, 10**9, 32, H100[0], 2.5, 700),
        (8 * 10**9, 131_072_000, 16, L4[0], 0.7, 72),
    ],
    hidden=_draw_prices,
    reference=_price,
    misconceptions=(
        Misconception(
            "the batch forgotten",
            "a step writes a token for each reader of the batch",
            lambda *args: {part: args[2] * each for part, each in _price(*args).items()},
        ),
        Misconception(
            "one cache for all",
            "a step reads a cache for each reader of the batch",
            lambda weights, cache, batch, *others: _price(
                weights + cache - batch * cache, cache, batch, *others
            ),
        ),
        Misconception(
            "an hour of 60 seconds",
            "the rent is for an hour: how many seconds has it?",
            lambda *args: {"a million tokens": 60 * _price(*args)["a million tokens"]},
        ),
        Misconception(
            "rent for a second",
            "the rent is for an hour, the tokens are for a second",
            lambda *args: {"a million tokens": 3600 * _price(*args)["a million tokens"]},
        ),
        Misconception(
            "of one token",
            "this is the price of one token: a million is asked for",
            lambda *args: {"a million tokens": _price(*args)["a million tokens"] / 1e6},
        ),
        Misconception(
            "of a million tokens",
            "this is the energy of a million tokens: one is asked for",
            lambda *args: {"joules a token": _price(*args)["joules a token"] * 1e6},
        ),
        Misconception(
            "watt hours",
            "a joule is a watt for a second",
            lambda *args: {"joules a token": _price(*args)["joules a token"] / 3600},
        ),
    ),
)


def _training(weights: int, tokens: int, seconds: float, peak_tflops: float) -> dict[str, float]:
    flops = training_flops(weights, tokens).total
    whole = training_flops(weights, 20 * weights).total
    return {
        "MFU": model_flops_utilization(flops, seconds, peak_tflops * 1e12),
        "days": whole / flops * seconds / 86_400,
    }


def _flop_a_weight(factor: float) -> Any:
    """A wrong `_training`: so many FLOP for each weight and token, in the step alone."""

    def gives(*args: Any) -> dict[str, float]:
        right = _training(*args)
        return {"MFU": factor / 6 * right["MFU"], "days": 6 / factor * right["days"]}

    return gives


def _draw_trainings(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    cases = []
    for _ in range(4):
        weights, tokens = 10**6 * draw.randrange(50, 9000), draw.randrange(1000, 10**6)
        peak, mfu = draw.randrange(50, 2500), draw.randrange(10, 60) / 100
        cases.append((weights, tokens, 6 * weights * tokens / (mfu * peak * 1e12), peak))
    return cases


TRAINING_USE = Exercise(
    points=1,
    topic="MFU of a training step, and days for 20 tokens a weight",
    examples=[(10**9, 65_536, 0.9, 989), (123_532_032, 2048, 25.0, 0.1)],
    hidden=_draw_trainings,
    reference=_training,
    known_slips={
        "6 * weights * tokens / seconds → 6 * weights * tokens // seconds": (
            "less than a FLOP in a second is lost"
        )
    },
    misconceptions=(
        Misconception(
            "forward only",
            "this counts the forward pass: what does a training step do beside it?",
            _flop_a_weight(2),
        ),
        Misconception(
            "MAC for FLOP",
            "a weight that multiplies is one MAC for each token and pass: how many FLOP?",
            _flop_a_weight(3),
        ),
        Misconception(
            "backward like forward",
            "backward makes two gradients, of the weights and of what comes in",
            _flop_a_weight(4),
        ),
        Misconception(
            "in percent",
            "a share lies between 0 and 1",
            lambda *args: {"MFU": 100 * _training(*args)["MFU"]},
        ),
        Misconception(
            "days at the peak",
            "this is how long it takes at the peak: how fast is this machine really?",
            lambda *args: {"days": _training(*args)["days"] * _training(*args)["MFU"]},
        ),
        Misconception(
            "hours",
            "this is in hours: a day has 24",
            lambda *args: {"days": 24 * _training(*args)["days"]},
        ),
        Misconception(
            "seconds",
            "this is in seconds: how many has a day?",
            lambda *args: {"days": 86_400 * _training(*args)["days"]},
        ),
        Misconception(
            "one token a weight",
            "20 tokens for each weight",
            lambda *args: {"days": _training(*args)["days"] / 20},
        ),
    ),
)
