"""Fourier transforms and distances."""

from __future__ import annotations

from math import log2, prod

from helpers.meter.flops.prices.op import Call, Op
from helpers.meter.flops.prices.tally import (
    ADD,
    MULTIPLY,
    NOTHING,
    ROOT,
    TRANSCENDENTAL,
    Tally,
)


def _fourier(call: Call) -> Tally:
    """½ n log₂ n butterflies for each complex transform of n numbers, half of them for real ones.

    A butterfly is a complex product and two complex sums, ten FLOP (Cooley-Tukey).
    """
    x, out = call.x, call.out
    longer = x if x.numel() >= out.numel() else out
    n = prod(longer.shape[dim] for dim in call["dim"])
    real = not (x.is_complex() and out.is_complex())
    flops = round(5 * longer.numel() * log2(max(n, 2)) / (2 if real else 1))
    products = 2 * flops // 5
    return products * MULTIPLY + (flops - products) * ADD


def _distances(call: Call) -> Tally:
    """(Σ |x − y|ᵖ)^(1/p) for each pair of rows."""
    width, order, pairs = call["x1"].shape[-1], call["p"], call.out.numel()
    if order in (0, float("inf")):
        return pairs * width * ADD
    power = {1: NOTHING, 2: MULTIPLY}.get(order, TRANSCENDENTAL)
    after = {1: NOTHING, 2: ROOT}.get(order, TRANSCENDENTAL)
    return pairs * (width * (ADD + power) + max(width - 1, 0) * ADD + after)


OPS: dict[str, Op] = {
    **dict.fromkeys(("_fft_r2c", "_fft_c2r", "_fft_c2c"), Op(_fourier, complex=True)),
    "_cdist_forward": Op(_distances),
}
