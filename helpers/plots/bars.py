"""A few named amounts beside each other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from helpers.plots.style import INK, SHADES, axes_or_new

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def bars(
    amounts: Mapping[str, float],
    unit: str,
    title: str,
    text: Callable[[float], str] = "{:,.3g}".format,
    log: bool = False,
    ax: Axes | None = None,
) -> Axes:
    """One horizontal bar for each amount, in the order given, each with its number behind it.

    `text` writes the numbers. With `log` the bars start at a tenth of the smallest amount: then
    lengths show orders of magnitude, and the axis says so.
    """
    if not amounts or min(amounts.values()) < 0 or (log and min(amounts.values()) == 0):
        raise ValueError("bars need amounts, none negative, and above zero on a log axis")
    ax = axes_or_new(ax, size=(6.2, 0.9 + 0.38 * len(amounts)))
    low = min(amounts.values()) / 10 if log else 0.0
    drawn = ax.barh(
        list(amounts),
        [amount - low for amount in amounts.values()],
        left=low,
        color=SHADES[2],
        edgecolor=INK,
        linewidth=0.6,
    )
    ax.bar_label(drawn, [text(amount) for amount in amounts.values()], padding=4, fontsize=9)
    largest = max(amounts.values()) or 1.0
    if log:
        ax.set_xscale("log")
    ax.set_xlim(low, largest * 12 if log else largest * 1.25)
    ax.invert_yaxis()
    ax.set_xlabel(f"{unit} (log scale)" if log else unit)
    ax.set_title(title)
    return ax
