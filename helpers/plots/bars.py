"""A few named amounts beside each other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from helpers.plots.style import COLORS, FAINT, HATCHES, INK, SHADES, axes_or_new

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

    `text` writes the numbers. With `log` there are dots instead: a log axis has no zero that a bar
    could start from.
    """
    if not amounts or min(amounts.values()) < 0 or (log and min(amounts.values()) == 0):
        raise ValueError("bars need amounts, none negative, and above zero on a log axis")
    ax = axes_or_new(ax, size=(6.2, 0.9 + 0.38 * len(amounts)))
    largest = max(amounts.values()) or 1.0
    if log:
        dots(ax, amounts)
        for place, amount in enumerate(amounts.values()):
            beside: Any = {"xytext": (8, 0), "textcoords": "offset points", "va": "center"}
            ax.annotate(text(amount), (amount, place), fontsize=9, **beside)
        ax.set_xlim(min(amounts.values()) / 2, largest * 12)
    else:
        style: Any = {"color": SHADES[2], "edgecolor": INK, "linewidth": 0.6}
        drawn = ax.barh(list(amounts), list(amounts.values()), **style)
        ax.bar_label(drawn, [text(amount) for amount in amounts.values()], padding=4, fontsize=9)
        ax.set_xlim(0, largest * 1.25)
    ax.invert_yaxis()
    ax.set_xlabel(f"{unit} (log scale)" if log else unit)
    ax.set_title(title)
    return ax


def dots(ax: Axes, amounts: Mapping[str, float]) -> None:
    """A dot for each amount on a log axis, with a faint line that leads from its name to it."""
    ax.set_xscale("log")
    ax.grid(axis="y", color=FAINT, linestyle=":")
    ax.plot(list(amounts.values()), list(amounts), "o", color=SHADES[3], markeredgecolor=INK)
    ax.margins(y=0.5 / len(amounts))


def stacked(
    rows: Mapping[str, Mapping[str, float]],
    unit: str,
    title: str,
    ax: Axes | None = None,
    text: Callable[[float], str] = "{:.3g}".format,
) -> Axes:
    """One horizontal bar for each row, made of its parts; a part of one name has one colour.

    Parts come in the order in which the rows first name them. Behind a bar stands its sum, as
    `text` writes it, and in a part its share of it, where there is room.
    """
    ax = axes_or_new(ax, size=(5.2, 1.7 + 0.5 * len(rows)))
    names = list(dict.fromkeys(name for parts in rows.values() for name in parts))
    longest = max(sum(parts.values()) for parts in rows.values())
    left = dict.fromkeys(rows, 0.0)
    for place, name in enumerate(names):
        for row, parts in rows.items():
            amount = parts.get(name, 0.0)
            drawn = ax.barh(
                row,
                amount,
                left=left[row],
                color=COLORS[place % len(COLORS)],
                hatch=HATCHES[place % len(HATCHES)],
                edgecolor=INK,
                linewidth=0.6,
                label=name if row == next(iter(rows)) else None,
            )
            if amount > 0.09 * longest:
                share = f"{amount / sum(parts.values()):.0%}"
                (inside,) = ax.bar_label(drawn, [share], label_type="center", fontsize=9)
                inside.set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 1})
            left[row] += amount
    for place, total in enumerate(left.values()):
        ax.text(total + 0.01 * longest, place, text(total), va="center", fontsize=9)
    ax.set_xlim(0, 1.12 * longest)
    ax.invert_yaxis()
    ax.set_xlabel(unit)
    ax.set_title(title)
    ax.figure.legend(loc="outside lower left", ncols=2, fontsize=9)
    return ax


def timelines(
    rows: Mapping[str, Sequence[tuple[float, float]]],
    unit: str,
    title: str,
    ax: Axes | None = None,
) -> Axes:
    """What each row does when: pairs of start and duration, numbered from 1 as they come."""
    ax = axes_or_new(ax, size=(5.2, 0.9 + 0.5 * len(rows)))
    for place, spans in enumerate(rows.values()):
        for number, (start, duration) in enumerate(spans, start=1):
            shade = SHADES[(number - 1) % 2]
            ax.barh(place, duration, 0.8, start, color=shade, edgecolor=INK, linewidth=0.6)
            ax.text(start + duration / 2, place, str(number), ha="center", va="center", fontsize=9)
    ax.set_yticks(range(len(rows)), rows)
    ax.invert_yaxis()
    ax.set_xlabel(unit)
    ax.set_title(title)
    return ax
