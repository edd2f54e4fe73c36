"""Batch norms as they are miscounted, for unit 02 and the homework."""

from __future__ import annotations

from dataclasses import replace

from helpers.ledger import Ledger
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
    terms = batch_norm_flops(batch, channels, height, width).terms
    return Ledger("FLOP", tuple(term for term in terms if term.name != "sum of the variance"))
