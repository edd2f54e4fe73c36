"""Factorizations and what is solved with them. Source: Golub and Van Loan, Matrix Computations.

Where the number of steps depends on the numbers (singular values, eigenvalues), the book's figures
for a usual matrix are taken, and the count says so. A matrix exponential has no price: how often it
squares depends on the matrix.
"""

from __future__ import annotations

from math import prod

from helpers.meter.flops.prices.op import Call, Op
from helpers.meter.flops.prices.tally import ADD, DIVIDE, MULTIPLY, NOTHING, ROOT, Tally

_MAC = MULTIPLY + ADD
_USUAL = "as many iterations as a usual matrix takes"


def _cholesky(call: Call) -> Tally:
    """A = L Lᵀ (4.2)."""
    n = call.first.shape[-1]
    one = (n**3 - n) // 6 * _MAC + n * (n - 1) // 2 * DIVIDE + n * ROOT
    return prod(call.first.shape[:-2]) * one


def _elimination(rows: int, columns: int) -> Tally:
    """A = P L U (3.2)."""
    steps = range(1, min(rows, columns) + 1)
    updates = sum((rows - k) * (columns - k) for k in steps)
    return updates * _MAC + sum(rows - k for k in steps) * DIVIDE


def _lu(call: Call) -> Tally:
    *batch, rows, columns = call.x.shape
    return prod(batch) * _elimination(rows, columns)


def _determinant(call: Call) -> Tally:
    """Elimination, then the product of the diagonal."""
    *batch, n, _ = call.x.shape
    return _lu(call) + prod(batch) * max(n - 1, 0) * MULTIPLY


def _substitution(n: int, unit: bool) -> Tally:
    """T x = b with a triangular T, for one b (3.1)."""
    return n * (n - 1) // 2 * _MAC + (NOTHING if unit else n * DIVIDE)


def _solve_triangular(call: Call) -> Tally:
    n, out = call["self"].shape[-1], call.out
    return out.numel() // max(n, 1) * _substitution(n, call["unitriangular"])


def _both_triangles(call: Call, unit: bool = True) -> Tally:
    """Both triangles for each right side, the first with ones on its diagonal."""
    n = call.first.shape[-2]
    both = _substitution(n, unit) + _substitution(n, unit=False)
    return call.first.numel() // max(n, 1) * both


def _solve(call: Call) -> Tally:
    """Elimination, then both triangles; a right side may be a vector."""
    *batch, n, _ = call["A"].shape
    both = _substitution(n, unit=True) + _substitution(n, unit=False)
    return prod(batch) * _elimination(n, n) + call.first.numel() // max(n, 1) * both


def _inverse(call: Call) -> Tally:
    """Elimination, then the inverse of both triangles multiplied: 2 n³ in all (3.4)."""
    *batch, n, _ = call.x.shape
    rest = 2 * n**3 - 2 * (n**3 // 3)
    return prod(batch) * (_elimination(n, n) + rest // 2 * _MAC)


def _inverse_of_triangle(call: Call) -> Tally:
    """(L Lᵀ)⁻¹ from L: L⁻¹ and its product with itself, n³ / 3 each."""
    *batch, n, _ = call.x.shape
    return prod(batch) * (n**3 // 3 * _MAC + n * DIVIDE)


def _indefinite(call: Call) -> Tally:
    """A = L D Lᵀ, half an elimination (4.4)."""
    *batch, n, _ = call.x.shape
    return prod(batch) * ((n**3 - n) // 6 * _MAC + n * (n - 1) // 2 * DIVIDE)


def _householder(rows: int, columns: int) -> int:
    """FLOP of A = Q R with Q as reflections (5.2)."""
    long, short = max(rows, columns), min(rows, columns)
    return 2 * short**2 * long - 2 * short**3 // 3


def _qr(call: Call) -> Tally:
    """R, then as much of Q as is wanted."""
    *batch, rows, columns = call.x.shape
    mode = call["mode"] or "reduced"
    flops = _householder(rows, columns)
    if mode == "reduced":
        flops += _householder(rows, min(rows, columns))
    elif mode == "complete":
        short = min(rows, columns)
        flops += 4 * rows**2 * short - 4 * rows * short**2 + 4 * short**3 // 3
    return _halves(prod(batch) * flops)


def _reflections(call: Call) -> Tally:
    *batch, rows, columns = call.x.shape
    return _halves(prod(batch) * _householder(rows, columns))


def _product_of_reflections(call: Call) -> Tally:
    """Q from its reflections, which takes what it took to find them (5.1)."""
    *batch, rows, columns = call.x.shape
    return _halves(prod(batch) * _householder(rows, columns))


def _least_squares(call: Call) -> Tally:
    """Q R, then Qᵀ b and a triangle for each right side (5.3)."""
    *batch, rows, columns = call["self"].shape
    sides = call["b"].shape[-1] if call["b"].dim() > 1 else 1
    each = 4 * rows * columns - 2 * columns**2
    return _halves(prod(batch) * (_householder(rows, columns) + sides * (each + columns**2)))


def _singular_flops(rows: int, columns: int, vectors: bool, full: bool = False) -> int:
    """The cheaper of two ways, of which one begins with Q R (8.6)."""
    m, n = max(rows, columns), min(rows, columns)
    if not vectors:
        return min(4 * m * n**2 - 4 * n**3 // 3, 2 * m * n**2 + 2 * n**3)
    if full:
        return min(4 * m**2 * n + 8 * m * n**2 + 9 * n**3, 4 * m**2 * n + 22 * n**3)
    return min(14 * m * n**2 + 8 * n**3, 6 * m * n**2 + 20 * n**3)


def _singular(call: Call) -> Tally:
    *batch, rows, columns = call.x.shape
    flops = _singular_flops(rows, columns, bool(call["compute_uv"]), bool(call["full_matrices"]))
    return _halves(prod(batch) * flops)


def _pseudoinverse(call: Call) -> Tally:
    """V Σ⁻¹ Uᵀ."""
    *batch, rows, columns = call.x.shape
    short = min(rows, columns)
    product = short * columns * MULTIPLY + short * DIVIDE + rows * columns * short * _MAC
    return prod(batch) * (_halves(_singular_flops(rows, columns, vectors=True)) + product)


def _symmetric(call: Call) -> Tally:
    """4 n³ / 3 for the values, 9 n³ with vectors (8.3)."""
    *batch, n, _ = call.x.shape
    return _halves(prod(batch) * (9 * n**3 if call["compute_v"] else 4 * n**3 // 3))


def _general(call: Call) -> Tally:
    """25 n³ of real numbers, vectors included, which PyTorch computes while it is watched (7.5)."""
    *batch, n, _ = call.x.shape
    each = _MAC.on("complex") if call.x.is_complex() else _MAC
    return prod(batch) * (25 * n**3 // 2) * each


def _halves(flops: int) -> Tally:
    """As many products as sums: of matrices that is the rule."""
    return flops // 2 * _MAC


OPS: dict[str, Op] = {
    "linalg_cholesky_ex": Op(_cholesky),
    "cholesky_solve": Op(lambda call: _both_triangles(call, unit=False)),
    "cholesky_inverse": Op(_inverse_of_triangle),
    **dict.fromkeys(("linalg_lu_factor_ex", "linalg_lu"), Op(_lu)),
    "linalg_lu_solve": Op(_both_triangles),
    **dict.fromkeys(("_linalg_det", "_linalg_slogdet"), Op(_determinant)),
    "linalg_inv_ex": Op(_inverse),
    "linalg_ldl_factor_ex": Op(_indefinite),
    "linalg_solve_triangular": Op(_solve_triangular),
    "_linalg_solve_ex": Op(_solve),
    "linalg_qr": Op(_qr),
    "linalg_lstsq": Op(_least_squares),
    "linalg_householder_product": Op(_product_of_reflections),
    "geqrf": Op(_reflections),
    "_linalg_svd": Op(_singular, assumes=_USUAL),
    "linalg_pinv": Op(_pseudoinverse, assumes=_USUAL),
    "_linalg_eigh": Op(_symmetric, assumes=_USUAL),
    "linalg_eig": Op(_general, assumes=_USUAL, complex=True),
}
