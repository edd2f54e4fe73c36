"""Fourier transforms, distances, and the factorizations whose number of steps does not depend on
the numbers. What iterates (svd, eigh, …) has no price."""

from __future__ import annotations

from math import log2, prod

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

_MAC = MULTIPLY + ADD


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


def _cholesky(call: Call) -> Tally:
    """A = L Lᵀ. Source: Golub and Van Loan, Matrix Computations, 4.2."""
    n = call.first.shape[-1]
    one = (n**3 - n) // 6 * _MAC + n * (n - 1) // 2 * DIVIDE + n * ROOT
    return prod(call.first.shape[:-2]) * one


def _elimination(rows: int, columns: int) -> Tally:
    """A = P L U. Source: Golub and Van Loan, Matrix Computations, 3.2."""
    steps = range(1, min(rows, columns) + 1)
    updates = sum((rows - k) * (columns - k) for k in steps)
    return updates * _MAC + sum(rows - k for k in steps) * DIVIDE


def _lu(call: Call) -> Tally:
    *batch, rows, columns = call.first.shape
    return prod(batch) * _elimination(rows, columns)


def _substitution(n: int, unit: bool) -> Tally:
    """T x = b with a triangular T, for one b."""
    return n * (n - 1) // 2 * _MAC + (NOTHING if unit else n * DIVIDE)


def _solve_triangular(call: Call) -> Tally:
    n, out = call["self"].shape[-1], call.out
    return out.numel() // max(n, 1) * _substitution(n, call["unitriangular"])


def _solve(call: Call) -> Tally:
    """Elimination, then both triangles for each right side."""
    *batch, n, _ = call["A"].shape
    sides = call.first.numel() // max(n, 1)
    both = _substitution(n, unit=True) + _substitution(n, unit=False)
    return prod(batch) * _elimination(n, n) + sides * both


OPS: dict[str, Op] = {
    **dict.fromkeys(("_fft_r2c", "_fft_c2r", "_fft_c2c"), Op(_fourier, complex=True)),
    "_cdist_forward": Op(_distances),
    "linalg_cholesky_ex": Op(_cholesky),
    **dict.fromkeys(("linalg_lu_factor_ex", "linalg_lu"), Op(_lu)),
    "linalg_solve_triangular": Op(_solve_triangular),
    "_linalg_solve_ex": Op(_solve),
}
