"""Losses, averaged over everything they are given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from helpers.ledger import Term
from helpers.reference.layer import Layer, elements_of, priced, summed
from helpers.reference.softmax import LogSoftmax


@dataclass(frozen=True)
class MeanSquaredError(Layer):
    """mean((x − y)²) over all elements.  Backward: ∂x = 2 / N · (x − y) · ∂loss."""

    elements: int | Sequence[int]

    @property
    def count(self) -> int:
        return elements_of("elements", self.elements)

    def scalars(self, backward: bool = False) -> Sequence[Term]:
        terms = [
            priced("difference", "add", self.count),
            priced("square", "multiply", self.count),
            summed("sum", self.count),
            priced("division", "divide", 1),
        ]
        if backward:
            terms += [
                priced("gradient: difference", "add", self.count),
                priced("gradient: times 2 / N · ∂loss", "multiply", self.count),
            ]
        return terms

    def reads(self) -> Mapping[str, int]:
        return {"input": self.count, "target": self.count}

    def writes(self) -> Mapping[str, int]:
        return {"loss": 1}


class MeanAbsoluteError(MeanSquaredError):
    """mean(|x − y|) over all elements.  Backward: ∂x = ∂loss / N · sign(x − y), each divided."""

    def scalars(self, backward: bool = False) -> Sequence[Term]:
        terms = [
            priced("difference", "add", self.count),
            priced("absolute value", "compare", self.count),
            summed("sum", self.count),
            priced("division", "divide", 1),
        ]
        if backward:
            terms += [
                priced("gradient: ∂loss / N", "divide", self.count),
                priced("gradient: times the sign", "multiply", self.count),
            ]
        return terms


@dataclass(frozen=True)
class CrossEntropy(Layer):
    """Cross-entropy of `batch` rows of `classes` scores: the mean of −log_softmax at the targets.

    Backward: −1 / batch at the targets, through the log-softmax.
    Source: Goodfellow, Bengio, Courville, Deep Learning (2016), section 6.2.2.3.
    """

    batch: int
    classes: int

    def scalars(self, backward: bool = False) -> Sequence[Term]:
        terms = [
            *LogSoftmax(self.batch, self.classes).scalars(backward),
            summed("sum over the batch", self.batch),
            priced("mean: division", "divide", 1),
        ]
        if backward:
            terms.append(priced("gradient of the mean: division", "divide", 1))
        return terms

    def reads(self) -> Mapping[str, int]:
        return {"input": self.batch * self.classes}

    def writes(self) -> Mapping[str, int]:
        return {"loss": 1}
