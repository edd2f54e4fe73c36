"""Fourier transforms and distances."""

from __future__ import annotations

from math import log2, prod
from typing import Any

from helpers.meter.flops.prices.op import Call, Op
from helpers.meter.flops.prices.tally import (
    ADD,
    DIVIDE,
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
    return _p_distance(call["x1"].shape[-1], call["p"], call.out.numel())


def _p_distance(width: int, order: Any, pairs: int) -> Tally:
    if order in (0, float("inf")):
        return pairs * width * ADD
    power = {1: NOTHING, 2: MULTIPLY}.get(order, TRANSCENDENTAL)
    after = {1: NOTHING, 2: ROOT}.get(order, TRANSCENDENTAL)
    return pairs * (width * (ADD + power) + max(width - 1, 0) * ADD + after)


def _distance_gradient(call: Call) -> Tally:
    """(x − y) · ∂d / d for each pair of rows, summed over the other rows."""
    power = NOTHING if call["p"] in (1, 2) else TRANSCENDENTAL
    numbers = call.args[0].numel() * call["x1"].shape[-1]
    return call.args[0].numel() * DIVIDE + numbers * (2 * ADD + MULTIPLY + power)


def _distances_within(call: Call) -> Tally:
    """Of the rows of one matrix from each other."""
    return _p_distance(call.x.shape[-1], call["p"], call.out.numel())


def _gradient_within(call: Call) -> Tally:
    """As of two matrices; each pair's goes to both of its rows."""
    power = NOTHING if call["p"] in (1, 2) else TRANSCENDENTAL
    pairs = call.args[0].numel()
    return pairs * DIVIDE + pairs * call["self"].shape[-1] * (3 * ADD + MULTIPLY + power)


def _squared_norms(call: Call) -> Tally:
    """Of all rows of both sides, the factor −2, and a root for each distance."""
    numbers, rows = call["x1"].numel() + call["x2"].numel(), call["x1"].shape[-1]
    squares = numbers * MULTIPLY + (numbers - numbers // rows) * ADD
    return squares + call["x1"].numel() * MULTIPLY + call.out.numel() * ROOT


def _distances_by_product(call: Call) -> int:
    """x·y for each pair of rows, and two columns that add both norms."""
    return call.out.numel() * (call["x1"].shape[-1] + 2)


def _window(call: Call) -> Tally:
    """A cosine for each number, its argument, and a product and a sum."""
    return call.out.numel() * (TRANSCENDENTAL + 2 * MULTIPLY + ADD)


OPS: dict[str, Op] = {
    "_euclidean_dist": Op(_squared_norms, macs=_distances_by_product),
    **dict.fromkeys(("hann_window", "hamming_window", "blackman_window"), Op(_window)),
    **dict.fromkeys(("_fft_r2c", "_fft_c2r", "_fft_c2c"), Op(_fourier, complex=True)),
    "_cdist_forward": Op(_distances),
    "_cdist_backward": Op(_distance_gradient),
    "_pdist_forward": Op(_distances_within),
    "_pdist_backward": Op(_gradient_within),
}
