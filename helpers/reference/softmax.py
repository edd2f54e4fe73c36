"""Softmax and log-softmax."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from helpers.ledger import Ledger, Term
from helpers.reference.layer import Layer, priced, summed, titled


@dataclass(frozen=True)
class Softmax(Layer):
    """Softmax over n numbers, for each of `batch` rows: y = eˣ / Σ eˣ.

    FLOP = batch · (40 n + (n − 1) + 4 n). Subtracting the largest number first, as libraries do to
    stay in range, is not priced: the formula has no such step.
    Backward: ∂x = y · (∂y − Σ ∂y · y).
    Source: Goodfellow, Bengio, Courville, Deep Learning (2016), section 6.2.2.3.
    """

    batch: int
    n: int

    def scalars(self, backward: bool = False) -> Sequence[Term]:
        numbers = self.batch * self.n
        terms = [
            priced("exponentials", "exponential", numbers),
            summed("sum", numbers, self.batch),
            priced("division", "divide", numbers),
        ]
        if backward:
            terms += [
                priced("gradient: products", "multiply", numbers),
                summed("gradient: sum", numbers, self.batch),
                priced("gradient: subtract sum", "add", numbers),
                priced("gradient: times output", "multiply", numbers),
            ]
        return terms

    def reads(self) -> Mapping[str, int]:
        return {"input": self.batch * self.n}

    def writes(self) -> Mapping[str, int]:
        return {"output": self.batch * self.n}


@dataclass(frozen=True)
class LogSoftmax(Softmax):
    """Log-softmax over n numbers, for each of `batch` rows: y = x − ln Σ eˣ.

    FLOP = batch · (40 n + (n − 1) + 40 + n).  Backward: ∂x = ∂y − eʸ · Σ ∂y.
    """

    def scalars(self, backward: bool = False) -> Sequence[Term]:
        numbers = self.batch * self.n
        terms = [
            priced("exponentials", "exponential", numbers),
            summed("sum", numbers, self.batch),
            priced("logarithm", "transcendental", self.batch),
            priced("subtract logarithm", "add", numbers),
        ]
        if backward:
            terms += [
                summed("gradient: sum", numbers, self.batch),
                priced("gradient: exponentials", "exponential", numbers),
                priced("gradient: products", "multiply", numbers),
                priced("gradient: subtraction", "add", numbers),
            ]
        return terms


@titled
def softmax_flops(batch: int, n: int) -> Ledger:
    """FLOP of `Softmax`: batch · (40 n + (n − 1) + 4 n)."""
    return Softmax(batch, n).flops()
