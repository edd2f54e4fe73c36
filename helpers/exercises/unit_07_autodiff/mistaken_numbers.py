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


class OneParent(Recorded):
    """Remembers of x - y and x / y where they began only."""

    def __sub__(self, other: Recorded | float) -> Recorded:
        return self.made(super().__sub__(other).value, (self, 1))

    def __truediv__(self, other: Recorded | float) -> Recorded:
        return self.made(super().__truediv__(other).value, (self, 1))


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


class Rising(Recorded):
    """Takes 1 / (1 + eˣ) for the sigmoid."""

    def sigmoid(self) -> Recorded:
        return self.made(sigmoid(-self.value), (self, 1))


class Unbracketed(Recorded):
    """Writes 1 / 1 + e⁻ˣ."""

    def sigmoid(self) -> Recorded:
        return self.made(1 + math.exp(-self.value), (self, 1))


class Dead(Recorded):
    """Takes a new 0 where ReLU is shut."""

    def relu(self) -> Recorded:
        return super().relu() if self.value > 0 else type(self)(0.0)


class Gate(Recorded):
    """Takes the slope of ReLU for its value."""

    def relu(self) -> Recorded:
        return self.made(float(self.value > 0), (self, 1))
