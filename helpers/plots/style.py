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
    "axes.prop_cycle": f"cycler(color={list(COLORS)})",
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "figure.constrained_layout.use": True,
    "figure.dpi": 110,
}

#: Inches. A phone shows a picture some 380 pixels wide: text of 9 points is 9 pixels there.
WIDEST = 5.2


def figure(
    rows: int = 1, columns: int = 1, size: tuple[float, float] = (WIDEST, 3.4), **options: Any
) -> tuple[Any, Any]:
    """A figure in the course's style, and its axes, as `plt.subplots` has it.

    `size` is in inches. What is wider than `WIDEST` is made as wide, and titles break into lines.
    """
    import matplotlib.pyplot as plt

    # A notebook's backend turns interactive when it is loaded, which a figure drawn inside the
    # context would do, and leaving the context would undo: later figures would stay unseen.
    plt.draw_if_interactive()
    with plt.rc_context(_RULES):
        made, axes = plt.subplots(rows, columns, figsize=(min(size[0], WIDEST), size[1]), **options)
    for each in made.axes:
        each.title.set_wrap(True)
    return made, axes


def axes_or_new(ax: Axes | None, size: tuple[float, float] = (WIDEST, 3.4)) -> Axes:
    """The axes that were given, or those of a new figure."""
    return figure(size=size)[1] if ax is None else ax
