"""MAC and FLOP of a layer, the two parts of many answers in unit 02 and in the homework."""

from __future__ import annotations

from typing import Any

from helpers.ledger import Ledger
from helpers.reference.convolution import Convolution
from helpers.reference.layer import Layer


def mac_and_flop(layer: Layer) -> dict[str, Ledger]:
    """Both, as an answer gives them."""
    return {"MAC": layer.macs(), "FLOP": layer.flops()}


def totals(cost: dict[str, Ledger], by: int = 1) -> dict[str, float]:
    """The number of each part, divided by a factor that someone forgot."""
    return {part: ledger.total // by for part, ledger in cost.items()}


def square_convolution(
    in_channels: int, out_channels: int, size: int, kernel: int, batch: int = 1, **options: Any
) -> Convolution:
    """A convolution of square images, without bias."""
    sides = (size, size)
    return Convolution(batch, in_channels, out_channels, sides, kernel, bias=False, **options)
