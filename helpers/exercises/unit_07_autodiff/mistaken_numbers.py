"""Numbers as students write them who mistake something: each is `Recorded` but for that."""

from __future__ import annotations

import math

from helpers.exercises.unit_07_autodiff.recorded_numbers import Recorded, sigmoid


class MinusSwapped(Recorded):
    """Forgets in 3 - x on which side x stands."""

    def __rsub__(self, other: float) -> Recorded:
        return self - other


class DivisionSwapped(Recorded):
    """The same in 3 / x."""

    def __rtruediv__(self, other: float) -> Recorded:
        return self / other


class Swapped(MinusSwapped, DivisionSwapped):
    """Both."""


def _turned_round(number: Recorded) -> Recorded:
    return number.made(number.operation, number.value, *reversed(number.edges))


class MinusParentsSwapped(Recorded):
    """Computes 3 - x, and remembers x before 3."""

    def __rsub__(self, other: float) -> Recorded:
        return _turned_round(self.lift(other) - self)


class DivisionParentsSwapped(Recorded):
    """The same in 3 / x."""

    def __rtruediv__(self, other: float) -> Recorded:
        return _turned_round(self.lift(other) / self)


class ParentsSwapped(MinusParentsSwapped, DivisionParentsSwapped):
    """Both."""


class OneParent(Recorded):
    """Remembers of x - y and x / y where they began only."""

    def __sub__(self, other: Recorded | float) -> Recorded:
        return self.made("sub", super().__sub__(other).value, (self, 1))

    def __truediv__(self, other: Recorded | float) -> Recorded:
        return self.made("div", super().__truediv__(other).value, (self, 1))


def _alone(number: Recorded) -> Recorded:
    return type(number)(number.value)


class Forgetful(Recorded):
    """Gives the new operations no parents."""

    def __sub__(self, other: Recorded | float) -> Recorded:
        return _alone(super().__sub__(other))

    def __truediv__(self, other: Recorded | float) -> Recorded:
        return _alone(super().__truediv__(other))

    def relu(self) -> Recorded:
        return _alone(super().relu())

    def sigmoid(self) -> Recorded:
        return _alone(super().sigmoid())


class MinusByPlus(Recorded):
    """Adds the negative."""

    def __sub__(self, other: Recorded | float) -> Recorded:
        return self + -self.lift(other)


class MinusByPlusFromTheRight(MinusByPlus):
    """Adds in 3 - x the 3 to the negative."""

    def __rsub__(self, other: float) -> Recorded:
        return -self + other


class SigmoidOfParts(Recorded):
    """Makes the sigmoid of other operations."""

    def sigmoid(self) -> Recorded:
        return self.lift(1) / (self.lift(1) + (-self).exp())


class SigmoidOfPartsFromTheRight(Recorded):
    """The same, with plain ones."""

    def sigmoid(self) -> Recorded:
        return 1 / (1 + (-self).exp())


class Rising(Recorded):
    """Takes 1 / (1 + eˣ) for the sigmoid."""

    def sigmoid(self) -> Recorded:
        return self.made("sigmoid", sigmoid(-self.value), (self, 1))


class Unbracketed(Recorded):
    """Writes 1 / 1 + e⁻ˣ."""

    def sigmoid(self) -> Recorded:
        return self.made("sigmoid", 1 + math.exp(-self.value), (self, 1))


class Dead(Recorded):
    """Takes a new 0 where ReLU is shut."""

    def relu(self) -> Recorded:
        return super().relu() if self.value > 0 else type(self)(0.0)


class Gate(Recorded):
    """Takes the slope of ReLU for its value."""

    def relu(self) -> Recorded:
        return self.made("relu", float(self.value > 0), (self, 1))
