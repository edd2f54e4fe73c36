"""PReLU → Linear without bias, in fp32: the block that two units count, and a homework task.

PReLU is counted at its most, as if every x ≤ 0, with one slope for all channels.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

from helpers.exercises.exercise import OneOf
from helpers.ledger import Alternative, Ledger, Term

FP32 = 4  # bytes

# Mistakes that the unit and the homework know, each with its hint.
MAC_FOR_FLOP = (
    "MAC for FLOP",
    "a MAC is two FLOP: the Linear layer is counted by half",
)
WITHOUT_WEIGHTS = (
    "traffic without the weights",
    "the traffic lacks its largest part: the weights are read from memory, too",
)
ONE_BATCH_TOO_FEW = (
    "one batch too few",
    "at the batch you give, is the intensity at the ridge or still just below it?",
)
ONE_WAY_SAVED = (
    "only one way saved",
    "the tensor between the layers was written and read: both fall away",
)

_SLOPE = Alternative("the one slope of PReLU stays in a register", 0, FP32)


def block_flops(batch: int, in_features: int, out_features: int) -> Ledger:
    """FLOP of the block."""
    return Ledger(
        "FLOP",
        (
            Term("PReLU multiplications", batch * in_features),
            Term("Linear multiply-accumulates", batch * in_features * out_features, 2),
        ),
    )


def block_bytes(batch: int, in_features: int, out_features: int) -> Ledger:
    """Bytes that both layers read and write, one after the other."""
    return Ledger(
        "B",
        (
            Term("read PReLU input", batch * in_features, FP32),
            Term("read PReLU slope", 1, FP32, (_SLOPE,)),
            Term("write PReLU output", batch * in_features, FP32),
            Term("read Linear input", batch * in_features, FP32),
            Term("read weights", in_features * out_features, FP32),
            Term("write Linear output", batch * out_features, FP32),
        ),
    )


def without(ledger: Ledger, *names: str) -> Ledger:
    """The ledger less the terms of these names."""
    return Ledger(ledger.unit, tuple(term for term in ledger.terms if term.name not in names))


def fused_bytes(batch: int, in_features: int, out_features: int) -> Ledger:
    """Bytes that one kernel for both layers moves: nothing goes to memory between them."""
    traffic = block_bytes(batch, in_features, out_features)
    return without(traffic, "write PReLU output", "read Linear input")


def intensity(flops: Ledger, traffic: Ledger) -> OneOf:
    """FLOP/B by every right derivation of the traffic; the ledger's own comes first."""
    return OneOf(tuple(flops.total / total for _, total in traffic.derivations()))


def bound_of(
    found: OneOf, peak_tflops: float, bandwidth_gb: float, giga: float = 1e9
) -> dict[str, Any]:
    """An intensity, the ridge of a device in FLOP/B, and which of its two roofs is the lower."""
    ridge = peak_tflops * 1e12 / (bandwidth_gb * giga)
    bound = "compute" if found.values[0] >= ridge else "memory"
    return {"intensity": found, "ridge": ridge, "bound": bound}


def block_intensity(batch: int, in_features: int, out_features: int) -> OneOf:
    """FLOP/B of both layers, one after the other."""
    sizes = batch, in_features, out_features
    return intensity(block_flops(*sizes), block_bytes(*sizes))


def intensity_without_weights(batch: int, in_features: int, out_features: int) -> OneOf:
    """The same by one who leaves the weights out of the traffic."""
    sizes = batch, in_features, out_features
    return intensity(block_flops(*sizes), without(block_bytes(*sizes), "read weights"))


def best_batch(in_features: int, out_features: int, ridge: float, width: int = FP32) -> int | None:
    """Smallest batch at which Linear(in → out) without bias reaches the ridge; None if none does.

    2·b·m·n / (width·(m·n + b·(m + n))) ≥ ridge, solved for b. ValueError without features.
    """
    if in_features < 1 or out_features < 1:
        raise ValueError("a layer has at least one feature on either side")
    weights, vectors = in_features * out_features, in_features + out_features
    gain = 2 * weights - width * Fraction(ridge) * vectors
    return math.ceil(width * Fraction(ridge) * weights / gain) if gain > 0 else None
