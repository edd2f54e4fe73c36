"""Unit 07: numbers that remember how they were made."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

from helpers.exercises.exercise import Exercise, Misconception, OneOf
from helpers.exercises.unit_07_autodiff import mistaken_numbers
from helpers.exercises.unit_07_autodiff.recorded_numbers import Recorded, depends_on, run, told


def _computed(number: type[Recorded], program: str, x: float, y: float) -> dict[str, Any]:
    inputs = {"x": number(x), "y": number(y)}
    result = run(program, **inputs)
    met = [name for name, source in inputs.items() if depends_on(result, source)]
    names = {source: name for name, source in inputs.items()}
    return {"value": result.value, "remembered": met, "made by": told(result, names)}


def _made_by(number: type[Recorded]) -> Callable[..., dict[str, str]]:
    return lambda *args: {"made by": _computed(number, *args)["made by"]}


#: What else the operations are called.
_OTHER_NAMES = {
    "sub": ("subtract", "minus", "-", "rsub", "subtraction", "neg"),
    "div": ("divide", "truediv", "/", "rdiv", "division"),
    "relu": ("max", "re_lu"),
    "sigmoid": ("sig", "logistic"),
}


def _renamed(*args: Any) -> dict[str, OneOf]:
    """How L was made, by one or more operations of other names."""
    told = _computed(Recorded, *args)["made by"]
    ways = [told]
    # What is right as it is comes last: of several names one may be right.
    for operation, names in _OTHER_NAMES.items():
        ways += [way.replace(f"{operation}(", f"{name}(") for way in ways for name in names]
    return {"made by": OneOf(tuple(ways[::-1]))}


def _draw_operators(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    forms = (
        "L = {c} - x * y",
        "L = {c} / x - y",
        "a = y / (x + {c}); L = relu(a - {d})",
        "a = sigmoid(x) - {c}; L = {d} / a",
        "L = relu({c} - x) + sigmoid(y - x)",
        "L = (x - y) / ({c} + exp(x))",
    )
    cases = []
    for form in forms:
        program = form.format(c=draw.randrange(2, 8), d=draw.randrange(2, 8))
        cases.append((program, round(draw.uniform(0.2, 1.8), 2), round(draw.uniform(2, 3), 2)))
    return cases


COMPUTED = Exercise(
    points=2,
    topic="numbers that remember how they were made",
    examples=[
        ("L = x - y", 2.0, 5.0),
        ("L = 3 - x", 2.0, 5.0),
        ("L = 3 / (x / y)", 2.0, 5.0),
        ("L = relu(x - y) + relu(y)", 2.0, 5.0),
        ("L = sigmoid(x)", 2.0, 5.0),
        ("L = -x / y", 2.0, 5.0),
        ("L = relu(y - x) / 2 - sigmoid(x)", 2.0, 5.0),
    ],
    hidden=_draw_operators,
    reference=lambda program, x, y: _computed(Recorded, program, x, y),
    misconceptions=(
        Misconception(
            "parents swapped",
            "in 3 - x the 3 comes first, and in 1 / x the 1: in which order does yours remember "
            "its parents?",
            _made_by(mistaken_numbers.ParentsSwapped),
        ),
        Misconception(
            "parents of minus swapped",
            "in 3 - x the 3 comes first: in which order does yours remember its parents?",
            _made_by(mistaken_numbers.MinusParentsSwapped),
        ),
        Misconception(
            "parents of division swapped",
            "in 1 / x the 1 comes first: in which order does yours remember its parents?",
            _made_by(mistaken_numbers.DivisionParentsSwapped),
        ),
        Misconception(
            "left and right swapped",
            "in 3 - x Python calls x.__rsub__(3): which of the two stands on the left?",
            lambda *args: _computed(mistaken_numbers.Swapped, *args),
        ),
        Misconception(
            "minus swapped",
            "in 3 - x Python calls x.__rsub__(3): which of the two stands on the left?",
            lambda *args: _computed(mistaken_numbers.MinusSwapped, *args),
        ),
        Misconception(
            "division swapped",
            "in 1 / x Python calls x.__rtruediv__(1): which of the two is divided?",
            lambda *args: _computed(mistaken_numbers.DivisionSwapped, *args),
        ),
        Misconception(
            "one parent of two",
            "x - y was made from two numbers: does it remember both?",
            lambda *args: _computed(mistaken_numbers.OneParent, *args),
        ),
        Misconception(
            "forgotten where ReLU is 0",
            "a ReLU that gives 0 was made from something, too",
            lambda *args: _computed(mistaken_numbers.Dead, *args),
        ),
        Misconception(
            "sigmoid without brackets",
            "Python divides before it adds: by what is the 1 of your sigmoid divided?",
            lambda *args: {"value": _computed(mistaken_numbers.Unbracketed, *args)["value"]},
        ),
        Misconception(
            "made from nothing",
            "a result without parents has forgotten what it was made from",
            lambda *args: _computed(mistaken_numbers.Forgetful, *args),
        ),
        Misconception(
            "sigmoid falls",
            "the sigmoid should be near 1 for large x: look at the sign in the exponential",
            lambda *args: {"value": _computed(mistaken_numbers.Rising, *args)["value"]},
        ),
        Misconception(
            "slope of ReLU for its value",
            "ReLU passes a positive number on as it is",
            lambda *args: {"value": _computed(mistaken_numbers.Gate, *args)["value"]},
        ),
        Misconception(
            "minus made of other operations",
            "the number is right, but made by other operations: minus is one of its own, "
            'called "sub"',
            _made_by(mistaken_numbers.MinusByPlus),
        ),
        Misconception(
            "minus from the right made of other operations",
            "the number is right, but made by other operations: minus is one of its own, "
            'called "sub"',
            _made_by(mistaken_numbers.MinusByPlusFromTheRight),
        ),
        Misconception(
            "sigmoid made of other operations",
            "the number is right, but made by other operations: the sigmoid is one of its own, "
            "with one parent",
            lambda *args: {
                "made by": OneOf(
                    tuple(
                        _computed(number, *args)["made by"]
                        for number in (
                            mistaken_numbers.SigmoidOfParts,
                            mistaken_numbers.SigmoidOfPartsFromTheRight,
                        )
                    )
                )
            },
        ),
        Misconception(
            "operations called otherwise",
            'the four are called "sub", "div", "relu" and "sigmoid": later cells look their rules '
            "up by these names",
            _renamed,
        ),
    ),
)
