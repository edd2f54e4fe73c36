"""A ledger as one stacked bar."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helpers.conventions import format_bytes, format_count
from helpers.plots.style import COLORS, HATCHES, INK, axes_or_new

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from helpers.ledger import Ledger

#: Terms shown by name; the smaller ones are joined.
MOST = 8


def ledger_bar(ledger: Ledger, ax: Axes | None = None) -> Axes:
    """One horizontal bar, a part for each term, largest first, labelled with its share.

    Where there are more than eight terms, the smallest are shown as one. The title says which term
    is the largest. Raises ValueError for a ledger that sums to zero.
    """
    if not ledger.total:
        raise ValueError(f"{ledger.title or 'the ledger'} is empty: there is nothing to draw")
    parts = sorted(ledger.terms, key=lambda term: -term.amount)
    amounts = [(term.name, term.amount) for term in parts if term.amount]
    if len(amounts) > MOST:
        rest = sum(amount for _, amount in amounts[MOST - 1 :])
        amounts = [*amounts[: MOST - 1], ("the rest", rest)]
    ax = axes_or_new(ax, size=(6.8, 1.9))
    left = 0.0
    for place, (name, amount) in enumerate(amounts):
        share = amount / ledger.total
        ax.barh(
            0,
            amount,
            left=left,
            color=COLORS[place % len(COLORS)],
            hatch=HATCHES[place % len(HATCHES)],
            edgecolor=INK,
            linewidth=0.6,
            label=f"{name} ({share:.1%})",
        )
        left += amount
    name, amount = amounts[0]
    total = format_bytes(ledger.total) if ledger.unit == "B" else _number(ledger)
    ax.set_title(f"{name}: {amount / ledger.total:.0%} of {total}")
    ax.set_xlabel(ledger.unit)
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.45), ncols=2)
    return ax


def _number(ledger: Ledger) -> str:
    """A total for people: "4.09 GMAC", "61 M parameters"."""
    spaced = "" if ledger.unit in ("FLOP", "MAC") else " "
    return format_count(ledger.total, f"{spaced}{ledger.unit}")
