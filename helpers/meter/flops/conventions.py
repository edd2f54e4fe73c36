"""What an operation counts, by convention: `course`, `mac2` or `timm`.

- `course`: every operation at the prices of `helpers.conventions`; a causal mask counts the pairs
  that it leaves.
- `mac2`: matrix products and convolutions only, two FLOP for each multiply-accumulate, masked
  pairs included: what PyTorch's `FlopCounterMode` counts (with its grouped gradients corrected).
- `timm`: what fvcore counts and timm publishes as GMAC (see `helpers.meter.flops.timm`).

A convention reads the record of an operation. What has no record is unknown in all of them.
A multiply-accumulate of complex numbers is one MAC, and in `course` eight FLOP.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

import torch

from helpers.conventions import FLOP_PER_MAC
from helpers.meter.flops.prices.op import Call, Op
from helpers.meter.flops.prices.tally import ADD, MULTIPLY

#: MAC and FLOP of one call; None where the convention has no number for it.
Cost = Callable[[Call], tuple[int, int] | None]

_COMPLEX_MAC = (MULTIPLY + ADD).on("complex").flops


class Convention(Protocol):
    """How operations are counted.

    `whole` are composite operations that it counts as a whole: what they are made of is not looked
    at. `leaves_out_masked` says whether masked pairs of an attention are not counted.
    """

    name: str
    leaves_out_masked: bool
    whole: Mapping[torch._ops.OpOverload, Cost]

    def cost(self, name: str, op: Op) -> Cost:
        """How to count calls of the operation with this record."""


class Course:
    """Every operation at the course's prices."""

    name = "course"
    leaves_out_masked = True
    whole: Mapping[torch._ops.OpOverload, Cost] = {}

    def cost(self, name: str, op: Op) -> Cost:
        if op.is_free:
            return nothing

        def cost(call: Call) -> tuple[int, int] | None:
            scalars = op.scalars(call)
            if scalars is None:
                return None
            if op.macs is None:
                return 0, scalars.flops
            macs = op.macs(call)
            each = _COMPLEX_MAC if call.is_complex else FLOP_PER_MAC
            return macs, macs * each + scalars.flops

        return cost


class Mac2:
    """Matrix products and convolutions, two FLOP for each multiply-accumulate."""

    name = "mac2"
    leaves_out_masked = False
    whole: Mapping[torch._ops.OpOverload, Cost] = {}

    def cost(self, name: str, op: Op) -> Cost:
        products = op.unmasked_macs or op.macs
        if products is None:
            return nothing

        def cost(call: Call) -> tuple[int, int]:
            macs = products(call)
            return macs, FLOP_PER_MAC * macs

        return cost


def nothing(call: Call) -> tuple[int, int]:
    """What the convention takes for free."""
    return 0, 0
