"""Small programs in x and y that end in L, and two ways to the slopes of L.

`Recorded` is the course's own autodiff number: what unit 07's answers are held against. A program
is text that the course wrote or drew, never a student's.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any


class Recorded:
    """A value, the operation that made it, and its slope with respect to each value that it was
    made of.

    Attributes:
        value: the number.
        operation: "add", "sub", "mul", "div", or the name of a function; empty for an input.
        edges: (number it was made of, slope), one for each use; empty for an input.
    """

    def __init__(
        self, value: float, operation: str = "", edges: Sequence[tuple[Recorded, float]] = ()
    ) -> None:
        self.value, self.operation, self.edges = value, operation, tuple(edges)

    def made(self, operation: str, value: float, *edges: tuple[Recorded, float]) -> Recorded:
        return type(self)(value, operation, edges)

    def lift(self, other: Recorded | float) -> Recorded:
        return other if isinstance(other, Recorded) else type(self)(other)

    def __neg__(self) -> Recorded:
        return self * -1

    def __add__(self, other: Recorded | float) -> Recorded:
        other = self.lift(other)
        return self.made("add", self.value + other.value, (self, 1), (other, 1))

    def __mul__(self, other: Recorded | float) -> Recorded:
        other = self.lift(other)
        edges = (self, other.value), (other, self.value)
        return self.made("mul", self.value * other.value, *edges)

    __radd__, __rmul__ = __add__, __mul__

    def __sub__(self, other: Recorded | float) -> Recorded:
        other = self.lift(other)
        return self.made("sub", self.value - other.value, (self, 1), (other, -1))

    def __rsub__(self, other: float) -> Recorded:
        return self.lift(other) - self

    def __truediv__(self, other: Recorded | float) -> Recorded:
        other = self.lift(other)
        quotient = self.value / other.value
        edges = (self, 1 / other.value), (other, -quotient / other.value)
        return self.made("div", quotient, *edges)

    def __rtruediv__(self, other: float) -> Recorded:
        return self.lift(other) / self

    def exp(self) -> Recorded:
        output = math.exp(self.value)
        return self.made("exp", output, (self, output))

    def log(self) -> Recorded:
        return self.made("log", math.log(self.value), (self, 1 / self.value))

    def tanh(self) -> Recorded:
        output = math.tanh(self.value)
        return self.made("tanh", output, (self, 1 - output**2))

    def relu(self) -> Recorded:
        return self.made("relu", max(0.0, self.value), (self, float(self.value > 0)))

    def sigmoid(self) -> Recorded:
        output = sigmoid(self.value)
        return self.made("sigmoid", output, (self, output * (1 - output)))


def sigmoid(x: float) -> float:
    """1 / (1 + e⁻ˣ)."""
    return 1 / (1 + math.exp(-x))


def _function(name: str, plain: Callable[[float], float]) -> Callable[[Any], Any]:
    return lambda value: getattr(value, name)() if isinstance(value, Recorded) else plain(value)


FUNCTIONS = {
    "exp": _function("exp", math.exp),
    "log": _function("log", math.log),
    "tanh": _function("tanh", math.tanh),
    "relu": _function("relu", lambda x: max(0.0, x)),
    "sigmoid": _function("sigmoid", sigmoid),
}


def run(program: str, x: Any, y: Any) -> Any:
    """L of a program, for floats or `Recorded`."""
    names = {**FUNCTIONS, "x": x, "y": y}
    exec(program, {"__builtins__": {}}, names)
    return names["L"]


def depends_on(result: Recorded, source: Recorded) -> bool:
    """Whether a number was made of another."""
    return result is source or any(depends_on(parent, source) for parent, _ in result.edges)


def told(result: Recorded, names: Mapping[Recorded, str]) -> str:
    """How a number was made: "sub(3, mul(x, y))"."""
    if result in names:
        return names[result]
    if not result.operation:
        return f"{result.value:g}"
    return f"{result.operation}({', '.join(told(parent, names) for parent, _ in result.edges)})"


def slope(result: Recorded, source: Recorded) -> float:
    """d(result)/d(source): over all paths between them, the product of their slopes, summed."""
    if result is source:
        return 1.0
    return sum(local * slope(parent, source) for parent, local in result.edges)


def depth_first(result: Recorded) -> list[Recorded]:
    """Every number that the result was made of, each once and after what it was made of."""
    order: list[Recorded] = []

    def place(number: Recorded) -> None:
        if number not in order:
            for parent, _ in number.edges:
                place(parent)
            order.append(number)

    place(result)
    return order
