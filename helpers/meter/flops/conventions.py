"""What an operation counts, by convention: `course`, `mac2` or `timm`.

- `course`: every operation at the prices of `helpers.conventions`; a causal mask counts the pairs
  that it leaves. What has no price is reported as unknown.
- `mac2`: matrix products and convolutions only, two FLOP for each multiply-accumulate, masked
  pairs included: what PyTorch's `FlopCounterMode` counts (with its grouped gradients corrected).
- `timm`: what fvcore counts and timm publishes as GMAC (see `helpers.meter.flops.timm`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import torch

from helpers.conventions import FLOP_PER_MAC
from helpers.meter.flops.prices import scalar_price
from helpers.meter.flops.prices.attention import FUSED_KERNELS, AttentionShape, kernel_shape
from helpers.meter.flops.prices.matmul import MACS, registered
from helpers.meter.flops.prices.norms import rms_normalize, rms_normalize_gradient
from helpers.meter.flops.prices.zero_flop import UNWRITTEN

#: MAC and FLOP of one call, from its arguments and result.
Cost = Callable[[tuple[Any, ...], Mapping[str, Any], Any], tuple[int, int]]

#: Which gradients of an attention are asked for: of queries, keys, values and mask.
Wanted = tuple[bool, bool, bool, bool]


class Convention(Protocol):
    """How operations are counted."""

    name: str

    def cost(self, func: torch._ops.OpOverload, name: str) -> Cost | None:
        """How to count an operation; None for one without a price."""

    def whole(self, func: torch._ops.OpOverload, args: tuple[Any, ...]) -> int | None:
        """The count of a composite operation as a whole; None to count what it is made of."""

    def attention(self, shape: AttentionShape) -> tuple[int, int]:
        """MAC and FLOP of a scaled dot-product attention."""

    def attention_gradient(self, shape: AttentionShape, wanted: Wanted) -> tuple[int, int]:
        """MAC and FLOP of its gradients: of queries, keys, values and mask, if wanted."""

    def rms_norm(self, elements: int, groups: int, learned: int, backward: bool) -> tuple[int, int]:
        """MAC and FLOP of an RMS norm."""


def _free(args: tuple[Any, ...], kwargs: Mapping[str, Any], out: Any) -> tuple[int, int]:
    return 0, 0


class Course:
    """Every operation at the course's prices."""

    name = "course"

    def cost(self, func: torch._ops.OpOverload, name: str) -> Cost | None:
        if func.is_view or name in UNWRITTEN:
            return _free
        if name.removesuffix("_backward") in FUSED_KERNELS:
            return _kernel_cost(func, name.endswith("_backward"))
        macs, scalars = MACS.get(name), scalar_price(name)
        if macs is None:
            if scalars is None:
                macs = registered(func.overloadpacket)
                return None if macs is None else _products_only(macs)
            return lambda args, kwargs, out: (0, scalars(args, kwargs, out))
        if scalars is None:
            return _products_only(macs)

        def both(args: tuple[Any, ...], kwargs: Mapping[str, Any], out: Any) -> tuple[int, int]:
            count = macs(args, kwargs, out)
            return count, FLOP_PER_MAC * count + scalars(args, kwargs, out)

        return both

    def whole(self, func: torch._ops.OpOverload, args: tuple[Any, ...]) -> int | None:
        return None

    def attention(self, shape: AttentionShape) -> tuple[int, int]:
        return shape.forward()

    def attention_gradient(self, shape: AttentionShape, wanted: Wanted) -> tuple[int, int]:
        return shape.backward(wanted)

    def rms_norm(self, elements: int, groups: int, learned: int, backward: bool) -> tuple[int, int]:
        if backward:
            return 0, rms_normalize_gradient(elements, groups, learned)
        return 0, rms_normalize(elements, groups, bool(learned))


class Mac2:
    """Matrix products and convolutions, two FLOP for each multiply-accumulate."""

    name = "mac2"

    def cost(self, func: torch._ops.OpOverload, name: str) -> Cost | None:
        macs = MACS.get(name)
        if macs is None:
            macs = None if func.is_view else registered(func.overloadpacket)
        return _free if macs is None else _products_only(macs)

    def whole(self, func: torch._ops.OpOverload, args: tuple[Any, ...]) -> int | None:
        return None

    def attention(self, shape: AttentionShape) -> tuple[int, int]:
        macs, _ = shape.unmasked().forward()
        return macs, FLOP_PER_MAC * macs

    def attention_gradient(self, shape: AttentionShape, wanted: Wanted) -> tuple[int, int]:
        macs, _ = shape.unmasked().backward(wanted)
        return macs, FLOP_PER_MAC * macs

    def rms_norm(self, elements: int, groups: int, learned: int, backward: bool) -> tuple[int, int]:
        return 0, 0


def _products_only(macs: Callable[..., int]) -> Cost:
    def cost(args: tuple[Any, ...], kwargs: Mapping[str, Any], out: Any) -> tuple[int, int]:
        count = macs(args, kwargs, out)
        return count, FLOP_PER_MAC * count

    return cost


def _kernel_cost(func: torch._ops.OpOverload, backward: bool) -> Cost:
    names = [argument.name for argument in func._schema.arguments]

    def cost(args: tuple[Any, ...], kwargs: Mapping[str, Any], out: Any) -> tuple[int, int]:
        shape = kernel_shape({**dict(zip(names, args, strict=False)), **kwargs})
        return shape.backward(recompute=True) if backward else shape.forward()

    return cost


def convention_named(name: str) -> Convention:
    """The convention called `name`; ValueError if there is none."""
    from helpers.meter.flops.timm import Timm

    known: dict[str, Callable[[], Convention]] = {"course": Course, "mac2": Mac2, "timm": Timm}
    if name not in known:
        raise ValueError(f"unknown convention {name!r}: use one of {', '.join(known)}")
    return known[name]()
