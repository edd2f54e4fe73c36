"""Batch norms as they are miscounted, for unit 02 and the homework."""

from __future__ import annotations

from dataclasses import replace

from helpers.ledger import Alternative, Ledger, Term
from helpers.reference import batch_norm_flops


def divided_per_element(batch: int, channels: int, height: int, width: int) -> Ledger:
    """One mean and variance a channel, but divided once for each (channel, row, column)."""
    right = batch_norm_flops(batch, channels, height, width)
    divisions = 2 * channels * height * width
    return Ledger(
        "FLOP",
        tuple(
            replace(term, count=divisions) if term.name.startswith("divisions of") else term
            for term in right.terms
        ),
    )


def without_variance_sum(batch: int, channels: int, height: int, width: int) -> Ledger:
    """One of the two sums, of the elements and of the squares, is missing."""
    n = batch * channels * height * width
    terms = batch_norm_flops(batch, channels, height, width).terms
    from_zero = Alternative("the sum starts from zero", n)
    one_sum = Term("sums of the mean", n - channels, alternatives=(from_zero,))
    rest = tuple(term for term in terms if not term.name.startswith("sums of"))
    return Ledger("FLOP", (one_sum, *rest))
