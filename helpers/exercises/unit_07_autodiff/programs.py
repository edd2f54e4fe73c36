"""Unit 07: the sweep back on whole programs."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from itertools import product

from helpers.exercises.exercise import Exercise, Misconception, OneOf
from helpers.exercises.unit_07_autodiff.recorded_numbers import (
    Recorded,
    depth_first,
    run,
    slope,
)


def _recorded(program: str, x: float, y: float) -> tuple[Recorded, list[Recorded]]:
    inputs = [Recorded(x), Recorded(y)]
    return run(program, *inputs), inputs


def _gradients(program: str, x: float, y: float) -> list[float]:
    result, inputs = _recorded(program, x, y)
    return [slope(result, source) for source in inputs]


def _overwritten(program: str, x: float, y: float) -> OneOf:
    """What is handed last stays. Which use that is, the order decides: any of them may be."""
    result, inputs = _recorded(program, x, y)
    *others, _ = depth_first(result)
    uses = [_uses(number, result) for number in others]
    found: dict[tuple[float, ...], None] = {}
    for last in product(*uses):
        grads = {result: 1.0}
        for number, (child, local) in zip(reversed(others), reversed(last), strict=True):
            grads[number] = grads[child] * local
        found[tuple(grads.get(source, 0.0) for source in inputs)] = None
    return OneOf(tuple(map(list, found)))


def _uses(number: Recorded, result: Recorded) -> list[tuple[Recorded, float]]:
    return [
        (child, local)
        for child in depth_first(result)
        for parent, local in child.edges
        if parent is number
    ]


def _inputs_first(program: str, x: float, y: float) -> list[float]:
    """Only the last node has a gradient to hand on when its turn comes."""
    result, inputs = _recorded(program, x, y)
    return [sum(local for parent, local in result.edges if parent is source) for source in inputs]


def _grad_twice(program: str, x: float, y: float) -> list[float]:
    """What is handed on is multiplied by the node's own gradient once more."""
    result, inputs = _recorded(program, x, y)
    grads = {result: 1.0}
    for number in reversed(depth_first(result)):
        for parent, local in number.edges:
            grads[parent] = grads.get(parent, 0.0) + local * grads[number] ** 2
    return [grads.get(source, 0.0) for source in inputs]


def _slopes_alone(program: str, x: float, y: float) -> list[float]:
    """Each rule is given 1 for the gradient."""
    result, inputs = _recorded(program, x, y)
    grads = {result: 1.0}
    for number in depth_first(result):
        for parent, local in number.edges:
            grads[parent] = grads.get(parent, 0.0) + local
    return [grads.get(source, 0.0) for source in inputs]


def _recursive(program: str, x: float, y: float) -> list[float]:
    """From L down: who is handed something hands on all that it has, again."""
    result, inputs = _recorded(program, x, y)
    grads: defaultdict[Recorded, float] = defaultdict(float, {result: 1.0})

    def hand_on(number: Recorded) -> None:
        shares = [(parent, local * grads[number]) for parent, local in number.edges]
        for parent, share in shares:
            grads[parent] += share
            hand_on(parent)

    hand_on(result)
    return [grads[source] for source in inputs]


def _by_parent(program: str, x: float, y: float) -> list[float]:
    """A dict from parents to what they are handed: of two uses by one node it holds the last."""
    result, inputs = _recorded(program, x, y)
    grads: defaultdict[Recorded, float] = defaultdict(float, {result: 1.0})
    for number in reversed(depth_first(result)):
        for parent, local in dict(number.edges).items():
            grads[parent] += local * grads[number]
    return [grads[source] for source in inputs]


#: Every operation that a number of the notebook has; values stay small.
_FORMS = (
    *("{near} * tanh({far})", "{near} + {far}", "{far} + {near} * {near}"),
    *("exp(tanh({near})) * {far}", "{far} * log({near} * {near} + 2)", "-tanh({near} + {far})"),
    *("{near} - {far}", "2 - {near} * {far}", "{near} / (2 + {far} * {far})"),
    *("3 / (1 + {near} * {near}) + {far}", "relu({near} + 2) * {far}", "sigmoid({near}) - {far}"),
)


def _draw_programs(draw: random.Random) -> Sequence[tuple[str, float, float]]:
    """Two programs for each half of the forms, so that every operation occurs in some."""
    cases = []
    for _ in range(2):
        forms = draw.sample(_FORMS, len(_FORMS))
        for first in range(0, len(forms), 4):
            names, lines = ["x", "y"], []
            for new, form in zip("abcL", forms[first : first + 4], strict=True):
                near, far = names[-1], draw.choice(names[:-1])
                lines.append(f"{new} = {form.format(near=near, far=far)}")
                names.append(new)
            point = (round(draw.uniform(0.3, 1), 2), round(draw.uniform(0.3, 1), 2))
            cases.append(("; ".join(lines), *point))
    return cases


GRADIENTS = Exercise(
    points=2,
    topic="reverse-mode autodiff",
    examples=[
        ("L = x * y", 2.0, 3.0),
        ("a = x + y; L = a * x", 2.0, 3.0),
        ("a = x * y; L = a * a + exp(x)", 0.5, 2.0),
        ("a = 3 - x; L = a / y - 1 / a", 2.0, 3.0),
        ("a = relu(x - y) + x; L = -sigmoid(a) * a", 3.0, 2.0),
    ],
    hidden=_draw_programs,
    reference=_gradients,
    misconceptions=(
        Misconception(
            "nothing to start from",
            "where does the sweep begin, and what is dL/dL?",
            lambda program, x, y: [0.0, 0.0],
        ),
        Misconception(
            "= for +=",
            "a value that is used twice is handed two gradients: the second one must not "
            "overwrite the first",
            _overwritten,
        ),
        Misconception(
            "inputs first",
            "in_order gives parents first: in which direction does a gradient travel?",
            _inputs_first,
        ),
        Misconception(
            "handed on too early",
            "a node hands on its gradient once, when all of its users have handed it theirs: "
            "in_order gives the nodes in an order for that",
            _recursive,
        ),
        Misconception(
            "one gradient a parent",
            "a * a hands a two gradients: what becomes of two for one parent in a dict?",
            _by_parent,
        ),
        Misconception(
            "own gradient left out",
            "a rule multiplies by the gradient that it is given: a node gives it its own gradient",
            _slopes_alone,
        ),
        Misconception(
            "grad multiplied twice",
            "a rule has multiplied by the gradient that it was given already",
            _grad_twice,
        ),
    ),
    library="PyTorch's backward is what the unit builds again, and the next cell compares with it",
)
