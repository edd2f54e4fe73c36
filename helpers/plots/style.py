"""The one style of all pictures: legible in greyscale and for the colour-blind.

Lightness carries the meaning, hue only helps: `SHADES` run from light to dark, `COLORS` differ in
lightness too, and what has no room for either is told apart by `HATCHES` or `MARKERS`.
matplotlib is imported when the first picture is drawn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK = "#222222"
FAINT = "#9a9a9a"
ACCENT = "#0b5394"

#: From light to dark, each plainly darker than the one before when printed in grey.
SHADES = ("#e6edf4", "#b3c9de", "#6f9bc3", "#2f6499")

#: Categories: Okabe and Ito's colours for the colour-blind, in an order that alternates lightness.
COLORS = ("#0072b2", "#e69f00", "#009e73", "#f0e442", "#d55e00", "#56b4e9", "#cc79a7", "#999999")
HATCHES = ("", "//", "..", "\\\\", "xx", "--", "oo", "++")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")

#: Rules that act when axes are made; a title, a legend or a text takes its look where it is drawn.
_RULES: Any = {
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.labelsize": 10,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "figure.constrained_layout.use": True,
    "figure.dpi": 110,
}


def figure(
    rows: int = 1, columns: int = 1, size: tuple[float, float] = (6.4, 3.6), **options: Any
) -> tuple[Any, Any]:
    """A figure of `size` inches in the course's style, and its axes, as `plt.subplots` has it."""
    import matplotlib.pyplot as plt

    # A notebook's backend turns interactive when it is loaded, which a figure drawn inside the
    # context would do, and leaving the context would undo: later figures would stay unseen.
    plt.draw_if_interactive()
    with plt.rc_context(_RULES):
        return plt.subplots(rows, columns, figsize=size, **options)


def axes_or_new(ax: Axes | None, size: tuple[float, float] = (6.4, 3.6)) -> Axes:
    """The axes that were given, or those of a new figure."""
    return figure(size=size)[1] if ax is None else ax
