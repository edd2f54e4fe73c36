"""What each operation that PyTorch dispatches costs: one record (`Op`) for each, in one place.

A record says in elementary operations what a call takes beside its multiply-accumulates, how many
of those there are, and what it moves. `helpers.meter.flops.conventions` makes numbers of that.
FLOP are operations on floating-point numbers: arithmetic on integers and truth values is free,
matrix products apart. A complex number's sum is two FLOP, its product six.
"""

from __future__ import annotations

import torch

from helpers.meter.flops.prices import (
    attention,
    boxes,
    elementwise,
    linalg,
    losses,
    matmul,
    norms,
    optimizers,
    quantized,
    recurrent,
    reductions,
    sampling,
    scatter,
    transforms,
    zero_flop,
)
from helpers.meter.flops.prices.op import Op

_ROOMS = (
    *(attention, boxes, elementwise, linalg, losses, matmul, norms, optimizers, quantized),
    *(recurrent, reductions, sampling, scatter, transforms, zero_flop),
)

#: The records by name: ATen's without the trailing underscore of in-place variants, those of other
#: libraries with their namespace ("mylibrary::product").
OPS: dict[str, Op] = {name: op for room in _ROOMS for name, op in room.OPS.items()}

_VIEW = Op(moves="nothing")


def name_of(func: torch._ops.OpOverload) -> str:
    """The name of an operation in `OPS`."""
    name = func._schema.name.removeprefix("aten::")
    return name if name.endswith("__") else name.removesuffix("_")


def record_of(func: torch._ops.OpOverload) -> Op | None:
    """The record of an operation; one made of PyTorch's own formula where it has no other, None
    where there is none at all."""
    if func.is_view:
        return _VIEW
    return OPS.get(name_of(func)) or matmul.registered(func.overloadpacket)
