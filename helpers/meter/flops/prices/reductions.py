"""Operations that fold many numbers into few: sums, averages, norms of vectors, scans, softmax."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from helpers.meter.flops.prices.op import Call, Op
from helpers.meter.flops.prices.tally import (
    ADD,
    DIVIDE,
    EXP,
    MULTIPLY,
    NOTHING,
    ROOT,
    TRANSCENDENTAL,
    Numbers,
    Tally,
)


def _is_counted(x: Any) -> bool:
    """Whether numbers are real or complex: folding integers and truth values is not FLOP."""
    return x.is_floating_point() or x.is_complex()


def _fold(step: Tally, division: bool = False) -> Callable[[Call], Tally]:
    """n − 1 steps for each result, and for an average a division by n, which is real."""

    def tally(call: Call) -> Tally:
        x, results = call.x, call.first.numel()
        if not _is_counted(x):
            return NOTHING
        number: Numbers = "complex" if call.is_complex else "real"
        total = step.on(number) * max(x.numel() - results, 0)
        if division:
            total += DIVIDE.on("mixed" if call.is_complex else "real") * results
        return total

    return tally


def _spread(root: bool = False) -> Callable[[Call], Tally]:
    """Variance: the average of x, then of (x − μ)²; its root is the standard deviation."""
    after = 2 * DIVIDE + ROOT if root else 2 * DIVIDE

    def tally(call: Call) -> Tally:
        n, results = call.x.numel(), call.first.numel()
        return 2 * max(n - results, 0) * ADD + n * (ADD + MULTIPLY) + results * after

    return tally


def _log_sum_exp(call: Call) -> Tally:
    n, results = call.x.numel(), call.out.numel()
    return n * EXP + max(n - results, 0) * ADD + results * TRANSCENDENTAL


def _norm(name: str) -> Callable[[Call], Tally]:
    """The p-norm: (Σ |x|ᵖ)^(1/p); of order 2 squares and a root."""

    def tally(call: Call) -> Tally:
        order, n, results = call[name], call.x.numel(), call.out.numel()
        order = 2 if order is None else order
        # |a + bi|² = a² + b²; other orders need |a + bi| itself
        size = (2 * MULTIPLY + ADD + (NOTHING if order == 2 else ROOT)) if call.is_complex else None
        if order in (float("inf"), float("-inf"), 0):
            return n * size if size and order else NOTHING
        power = {1: NOTHING, 2: NOTHING if size else MULTIPLY}.get(order, TRANSCENDENTAL)
        after = {1: NOTHING, 2: ROOT}.get(order, TRANSCENDENTAL)
        return n * (power + (size or NOTHING)) + (n - results) * ADD + results * after

    return tally


def _difference(call: Call) -> Tally:
    """The norm of x − y."""
    return call.x.numel() * ADD + _norm("p")(call)


def _scan(step: Tally) -> Callable[[Call], Tally]:
    """A running sum or product: one step for each element but the first of its row."""

    def tally(call: Call) -> Tally:
        out = call.out
        rows = out.numel() // max(out.shape[call["dim"]], 1) if out.dim() else 1
        return step.on("complex" if call.is_complex else "real") * (out.numel() - rows)

    return tally


def _trace(call: Call) -> Tally:
    return ADD.on("complex" if call.is_complex else "real") * (min(call.x.shape) - 1)


def _rows(x: Any, dim: int) -> tuple[int, int]:
    """Elements, and how many rows along `dim` they form."""
    n = x.numel()
    return n, n // max(x.shape[dim], 1) if x.dim() else 1


def _softmax(call: Call) -> Tally:
    n, rows = _rows(call.out, call["dim"])
    return n * EXP + (n - rows) * ADD + n * DIVIDE


def _log_softmax(call: Call) -> Tally:
    n, rows = _rows(call.out, call["dim"])
    return n * EXP + (n - rows) * ADD + rows * TRANSCENDENTAL + n * ADD


def _softmax_gradient(call: Call) -> Tally:
    """y (∂y − Σ ∂y y)."""
    n, rows = _rows(call.out, call["dim"])
    return n * MULTIPLY + (n - rows) * ADD + n * ADD + n * MULTIPLY


def _log_softmax_gradient(call: Call) -> Tally:
    """∂y − eʸ Σ ∂y."""
    n, rows = _rows(call.out, call["dim"])
    return (n - rows) * ADD + n * (EXP + MULTIPLY + ADD)


OPS: dict[str, Op] = {
    "sum": Op(_fold(ADD), complex=True),
    "nansum": Op(_fold(ADD)),
    "mean": Op(_fold(ADD, division=True), complex=True),
    "prod": Op(_fold(MULTIPLY), complex=True),
    "var": Op(_spread()),
    "var_mean": Op(_spread()),
    "std": Op(_spread(root=True)),
    "std_mean": Op(_spread(root=True)),
    "logsumexp": Op(_log_sum_exp),
    "linalg_vector_norm": Op(_norm("ord"), complex=True),
    "norm": Op(_norm("p"), complex=True),
    "cumsum": Op(_scan(ADD), complex=True),
    "cumprod": Op(_scan(MULTIPLY), complex=True),
    **dict.fromkeys(("logcumsumexp", "_logcumsumexp"), Op(_scan(ADD + EXP + ADD + TRANSCENDENTAL))),
    "dist": Op(_difference),
    "segment_reduce": Op(lambda call: call.x.numel() * ADD),
    "trace": Op(_trace, complex=True),
    "_softmax": Op(_softmax),
    "_safe_softmax": Op(_softmax),
    "_log_softmax": Op(_log_softmax),
    "_softmax_backward_data": Op(_softmax_gradient),
    "_log_softmax_backward_data": Op(_log_softmax_gradient),
}
