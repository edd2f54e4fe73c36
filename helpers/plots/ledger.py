"""A ledger as one stacked bar."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from matplotlib.ticker import MultipleLocator

from helpers.conventions import format_bytes, format_count
from helpers.plots.style import COLORS, HATCHES, INK, axes_or_new

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from helpers.ledger import Ledger

#: Terms shown by name; the smaller ones are joined.
MOST = 8


def ledger_bar(ledger: Ledger, ax: Axes | None = None) -> Axes:
    """One horizontal bar, a part for each term, largest first, labelled with its share.

    A term has the colour of its place in the ledger, so that two ledgers of one kind can be
    compared. Where there are more than eight terms, the smallest are shown as one. The title says
    which term is the largest. Raises ValueError for a ledger that sums to zero.
    """
    if not ledger.total:
        raise ValueError(f"{ledger.title or 'the ledger'} is empty: there is nothing to draw")
    parts = sorted(ledger.terms, key=lambda term: -term.amount)
    amounts = [(term.name, term.amount) for term in parts if term.amount]
    places = {term.name: place for place, term in enumerate(ledger.terms)}
    if len(ledger.terms) > MOST:
        places = {}
    if len(amounts) > MOST:
        rest = sum(amount for _, amount in amounts[MOST - 1 :])
        amounts = [*amounts[: MOST - 1], ("the rest", rest)]
    alone = ax is None
    ax = axes_or_new(ax, size=(6.8, 2.4))
    left = 0.0
    for rank, (name, amount) in enumerate(amounts):
        share = amount / ledger.total
        place = places.get(name, rank)
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
    ax.set_title(f"{name}: {amount / ledger.total:.1%} of {_amount(ledger.total, ledger.unit)}")
    ax.set_xlabel(ledger.unit)
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)
    ax.xaxis.set_major_formatter(lambda value, _: _short(value, ledger.unit))
    if ledger.unit == "B":
        # Ticks at whole KiB, MiB and so on: the next power of two above a fifth.
        ax.xaxis.set_major_locator(MultipleLocator(2 ** math.ceil(math.log2(ledger.total / 5))))
    if alone:
        ax.figure.legend(loc="outside lower left", ncols=2)
    else:
        ax.legend(loc="upper left", bbox_to_anchor=(0, -0.3), ncols=2)
    return ax


def _amount(amount: float, unit: str) -> str:
    """An amount for people: "4.09 GMAC", "60.97 M parameters", "2.00 MiB"."""
    if unit == "B":
        return format_bytes(amount)
    return format_count(amount, unit if unit in ("FLOP", "MAC") else f" {unit}")


def _short(amount: float, unit: str) -> str:
    """The same for a tick, whose axis has the unit's name below it."""
    return format_bytes(amount) if unit == "B" else format_count(amount)
