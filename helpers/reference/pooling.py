"""Pooling: maximum, average, and averages to a given output size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod

from helpers.ledger import Term
from helpers.reference.convolution import PerDimension, conv2d_output_size
from helpers.reference.layer import Layer, per_dimension, priced


@dataclass(frozen=True)
class MaxPool(Layer):
    """The largest number of each window of (batch, channels, *size): comparisons, 0 FLOP.

    `stride` is the kernel unless given. Backward: each ∂y is added to one input.
    """

    batch: int
    channels: int
    size: Sequence[int]
    kernel: PerDimension
    stride: PerDimension | None = None
    padding: PerDimension = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        for kernel, padding in zip(
            self._sides_of("kernel"), self._sides_of("padding", 0), strict=True
        ):
            if padding > kernel // 2:
                raise ValueError(f"padding ({padding}) must be at most half the kernel ({kernel})")
        _ = self.outputs  # raises where the kernel does not fit

    def _sides_of(self, name: str, minimum: int = 1) -> tuple[int, ...]:
        value = getattr(self, name)
        return per_dimension(name, self.kernel if value is None else value, len(self.size), minimum)

    @property
    def window(self) -> int:
        return prod(self._sides_of("kernel"))

    @property
    def outputs(self) -> int:
        windows = (self._sides_of("kernel"), self._sides_of("stride"), self._sides_of("padding", 0))
        sides = zip(self.size, *windows, strict=True)
        return self.batch * self.channels * prod(conv2d_output_size(*side) for side in sides)

    def scalars(self, backward: bool = False) -> Sequence[Term]:
        terms = [priced("comparisons", "compare", self.outputs * (self.window - 1))]
        if backward:
            terms.append(priced("gradient: addition to the largest", "add", self.outputs))
        return terms

    def reads(self) -> Mapping[str, int]:
        return {"input": self.batch * self.channels * prod(self.size)}

    def writes(self) -> Mapping[str, int]:
        return {"output": self.outputs}


class AveragePool(MaxPool):
    """The average of each window of (batch, channels, *size): kernel − 1 additions, one division.

    Zeros of the padding are counted, as in a convolution. Backward: ∂y is divided once and added
    to each input of its window.
    """

    def scalars(self, backward: bool = False) -> Sequence[Term]:
        terms = [
            priced("sum", "add", self.outputs * (self.window - 1)),
            priced("division", "divide", self.outputs),
        ]
        if backward:
            terms += [
                priced("gradient: division", "divide", self.outputs),
                priced("gradient: additions to the window", "add", self.outputs * self.window),
            ]
        return terms


@dataclass(frozen=True)
class AdaptiveAveragePool(Layer):
    """The average over windows that divide (batch, channels, *size) into `output` parts a side.

    Window i of n outputs over m inputs reaches from ⌊i · m / n⌋ to ⌈(i + 1) · m / n⌉: windows
    overlap where n does not divide m. Backward: each ∂y is divided once and added to its window;
    where there is only one window, PyTorch spreads ∂y first and divides every copy.
    """

    batch: int
    channels: int
    size: Sequence[int]
    output: PerDimension = 1

    @property
    def _sides(self) -> tuple[int, ...]:
        return per_dimension("output", self.output, len(self.size))

    @property
    def outputs(self) -> int:
        return self.batch * self.channels * prod(self._sides)

    @property
    def summands(self) -> int:
        """Numbers that all windows hold together."""
        held = 1
        for m, n in zip(self.size, self._sides, strict=True):
            held *= sum(-(-(i + 1) * m // n) - i * m // n for i in range(n))
        return self.batch * self.channels * held

    def scalars(self, backward: bool = False) -> Sequence[Term]:
        terms = [
            priced("sum", "add", self.summands - self.outputs),
            priced("division", "divide", self.outputs),
        ]
        if backward and set(self._sides) == {1}:
            terms.append(priced("gradient: division", "divide", self.summands))
        elif backward:
            terms += [
                priced("gradient: division", "divide", self.outputs),
                priced("gradient: additions to the window", "add", self.summands),
            ]
        return terms

    def reads(self) -> Mapping[str, int]:
        return {"input": self.batch * self.channels * prod(self.size)}

    def writes(self) -> Mapping[str, int]:
        return {"output": self.outputs}
