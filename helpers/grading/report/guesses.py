"""What a class guessed before it saw results."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from helpers.predict import NEAR, Prediction


@dataclass(frozen=True)
class Guesses:
    """What the class guessed before one result.

    Attributes:
        name: of the prediction.
        ratios: guess ÷ result, of each student who guessed.
    """

    name: str
    ratios: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.ratios)

    @property
    def near(self) -> int:
        """How many are within a factor of `NEAR`."""
        return sum(1 / NEAR <= ratio <= NEAR for ratio in self.ratios)


def guesses_made(by_student: Sequence[Sequence[Prediction]]) -> tuple[Guesses, ...]:
    """What the class guessed, by prediction. Names come in the order of whoever guessed most."""
    ratios: dict[str, list[float]] = {}
    for predictions in sorted(by_student, key=len, reverse=True):
        for each in predictions:
            ratios.setdefault(each.name, []).append(each.ratio)
    return tuple(Guesses(name, tuple(sorted(each))) for name, each in ratios.items())
