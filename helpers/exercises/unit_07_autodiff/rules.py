"""Unit 07: slopes by trying, and the rule of each operation."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from typing import Any

from helpers.exercises.exercise import Exercise, Misconception, OneOf
from helpers.exercises.unit_07_autodiff.recorded_numbers import (
    run,
    sigmoid,
)


def _tried(way: Callable[[Callable[[float], float], float], float]) -> Callable[..., Any]:
    """Slopes by `way(f, h)`, where f is L as a function of what one input is moved by."""
    return lambda program, x, y, h: {
        "dL/dx": way(lambda step: run(program, x + step, y), h),
        "dL/dy": way(lambda step: run(program, x, y + step), h),
    }


def _tried_together(program: str, x: float, y: float, h: float) -> dict[str, float]:
    slope = (run(program, x + h, y + h) - run(program, x - h, y - h)) / (2 * h)
    return {"dL/dx": slope, "dL/dy": slope}


def _draw_trials(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    programs = (
        "a = x + y; L = a * x * y",
        "L = exp(x) * y + x / y",
        "a = tanh(x * y); L = a * a + y * y",
        "L = sigmoid(x) / (1 + y) - log(x + y * y)",
    )
    return [
        (
            program,
            round(draw.uniform(0.5, 2), 2),
            round(draw.uniform(0.5, 2), 2),
            draw.choice([0.01, 0.02, 0.05, 0.1]),
        )
        for program in programs
    ]


TRY_SLOPES = Exercise(
    points=1,
    topic="finite differences",
    examples=[
        ("L = x * y * y", 2.0, 5.0, 0.1),
        ("L = exp(x) / y", 1.0, 2.0, 0.01),
        ("L = log(x) * y", 3.0, 0.5, 0.02),
    ],
    hidden=_draw_trials,
    reference=_tried(lambda f, h: (f(h) - f(-h)) / (2 * h)),
    misconceptions=(
        Misconception(
            "one way only",
            "move the input both ways: one step up, one step down",
            _tried(lambda f, h: (f(h) - f(0)) / h),
        ),
        Misconception(
            "the other way only",
            "move the input both ways: one step up, one step down",
            _tried(lambda f, h: (f(0) - f(-h)) / h),
        ),
        Misconception(
            "multiplied by h",
            "Python takes / 2 * h from left to right: is h below the line or above?",
            _tried(lambda f, h: (f(h) - f(-h)) / 2 * h),
        ),
        Misconception(
            "half a step each way",
            "move by h each way, not by half of it: how far apart are the two points?",
            _tried(lambda f, h: (f(h / 2) - f(-h / 2)) / h),
        ),
        Misconception(
            "sign",
            "which of the two values is taken from which?",
            _tried(lambda f, h: (f(-h) - f(h)) / (2 * h)),
        ),
        Misconception(
            "another h",
            "by what step do you move? Take the h that is given",
            _tried(lambda f, h: (f(1e-5) - f(-1e-5)) / 2e-5),
        ),
        Misconception(
            "divided by half the distance",
            "how far apart are x − h and x + h?",
            _tried(lambda f, h: (f(h) - f(-h)) / h),
        ),
        Misconception(
            "not divided",
            "this is how much L changes: for how long a step?",
            _tried(lambda f, h: f(h) - f(-h)),
        ),
        Misconception(
            "both inputs moved at once",
            "while one input moves, the other one has to rest",
            _tried_together,
        ),
    ),
)


def _draw_products(draw: random.Random) -> Sequence[tuple[float, float, float]]:
    def number() -> float:
        return draw.choice([-1, 1]) * round(draw.uniform(1.1, 5), 2)

    return [(number(), number(), number()) for _ in range(4)]


def _rule(rule: Callable[[float, float, float], tuple[float, float]]) -> Callable[..., Any]:
    """A backward rule of x, y and grad, with its two results named."""
    return lambda x, y, grad: dict(zip(("dL/dx", "dL/dy"), rule(x, y, grad), strict=True))


MUL_BACKWARD = Exercise(
    points=1,
    topic="backward of a product",
    examples=[(2.0, 5.0, 1.0), (2.0, 5.0, -3.0), (-3.0, 4.0, 2.0)],
    hidden=_draw_products,
    reference=_rule(lambda x, y, grad: (grad * y, grad * x)),
    misconceptions=(
        Misconception(
            "its own factor",
            "if x grows by 1, x · y grows by how much?",
            _rule(lambda x, y, grad: (grad * x, grad * y)),
        ),
        Misconception(
            "grad forgotten",
            "these are the local derivatives: what is the other factor of the chain rule?",
            _rule(lambda x, y, grad: (y, x)),
        ),
        Misconception(
            "the product for both",
            "this is the value of x · y: by how much does it change if one of them does?",
            _rule(lambda x, y, grad: (grad * x * y, grad * x * y)),
        ),
        Misconception(
            "added to grad",
            "the chain rule has grad and the local derivative as two factors, not as a sum",
            _rule(lambda x, y, grad: (grad + y, grad + x)),
        ),
        Misconception(
            "like a sum",
            "grad is passed on as it is by x + y: a product scales it",
            _rule(lambda x, y, grad: (grad, grad)),
        ),
    ),
)

DIV_BACKWARD = Exercise(
    points=1,
    topic="backward of a division",
    examples=[(2.0, 5.0, 1.0), (2.0, 5.0, -3.0), (-3.0, 4.0, 2.0)],
    hidden=_draw_products,
    reference=_rule(lambda x, y, grad: (grad / y, -grad * x / y**2)),
    misconceptions=(
        Misconception(
            "sign lost",
            "if y grows, does x / y grow (x and y positive)?",
            _rule(lambda x, y, grad: (grad / y, grad * x / y**2)),
        ),
        Misconception(
            "x forgotten",
            "this is the slope of 1 / y: what does an x in place of the 1 do to it?",
            lambda x, y, grad: {"dL/dy": -grad / y**2},
        ),
        Misconception(
            "y not squared",
            "try it: x = 1, y = 10 and then y = 10.1. By how much did 1 / y change?",
            _rule(lambda x, y, grad: (grad / y, -grad * x / y)),
        ),
        Misconception(
            "grad forgotten",
            "these are the local derivatives: what is the other factor of the chain rule?",
            _rule(lambda x, y, grad: (1 / y, -x / y**2)),
        ),
        Misconception(
            "the same for both",
            "y stands below the line: is z steeper in y where x is larger, or where it is smaller?",
            _rule(lambda x, y, grad: (grad / y, grad / x)),
        ),
        Misconception(
            "upside down",
            "z = x / y: if y is 10, does z grow by 10 where x grows by 1?",
            _rule(lambda x, y, grad: (grad * y, -grad * x / y**2)),
        ),
        Misconception(
            "like a product",
            "this is the rule of x · y",
            _rule(lambda x, y, grad: (grad * y, grad * x)),
        ),
    ),
)


def _by_output(output: float, grad: float) -> dict[str, float]:
    return {
        "exp": grad * output,
        "relu": grad if output > 0 else 0.0,
        "tanh": grad * (1 - output**2),
        "sigmoid": grad * output * (1 - output),
    }


def _draw_outputs(draw: random.Random) -> Sequence[tuple[float, float]]:
    def grad() -> float:
        return draw.choice([-1, 1]) * round(draw.uniform(1.1, 5), 2)

    return [(round(draw.uniform(0.1, 0.9), 3), grad()) for _ in range(4)] + [(0.0, grad())]


OUTPUT_BACKWARD = Exercise(
    points=2,
    topic="backward from the output alone",
    examples=[(0.25, 1.0), (0.25, -4.0), (0.0, 3.0), (0.6, 2.0)],
    hidden=_draw_outputs,
    reference=_by_output,
    misconceptions=(
        Misconception(
            "grad forgotten",
            "these are the local derivatives: what is the other factor of the chain rule?",
            lambda output, grad: _by_output(output, 1.0),
        ),
        Misconception(
            "output taken for the input",
            "you are given the output, not x: the function need not be computed again",
            lambda output, grad: {
                "exp": grad * math.exp(output),
                "tanh": grad * (1 - math.tanh(output) ** 2),
                "sigmoid": grad * sigmoid(output) * (1 - sigmoid(output)),
            },
        ),
        Misconception(
            "ReLU handed on",
            "where ReLU lets x through, how steep is it?",
            lambda output, grad: {"relu": grad * output},
        ),
        Misconception(
            "ReLU always open",
            "an output of 0 comes from x ≤ 0: what does L notice of x there?",
            lambda output, grad: {"relu": grad},
        ),
        Misconception(
            "tanh not squared",
            "look at the formula of tanh′ again: what of tanh is subtracted?",
            lambda output, grad: {"tanh": grad * (1 - output)},
        ),
        Misconception(
            "tanh squared too late",
            "look at the formula of tanh′ again: what is squared?",
            lambda output, grad: {"tanh": grad * (1 - output) ** 2},
        ),
        Misconception(
            "sigmoid's sign",
            "near σ = 1 the sigmoid is flat again: does your slope vanish there?",
            lambda output, grad: {
                "sigmoid": OneOf((grad * output * (1 + output), grad * output * (output - 1)))
            },
        ),
        Misconception(
            "grad on one term",
            "grad multiplies the whole slope: where do brackets belong?",
            lambda output, grad: {"tanh": 1 - grad * output**2},
        ),
        Misconception(
            "exp like a sum",
            "eˣ gets steeper as x grows: yours has the same slope everywhere",
            lambda output, grad: {"exp": grad},
        ),
        Misconception(
            "sigmoid like tanh",
            "near σ = 0 the sigmoid is flat: does your slope vanish there?",
            lambda output, grad: {"sigmoid": grad * (1 - output**2)},
        ),
        Misconception(
            "half of the sigmoid's slope",
            "the sigmoid is flat at both ends, near 0 and near 1: your slope is at one only",
            lambda output, grad: {"sigmoid": grad * (1 - output)},
        ),
    ),
)
