"""What a counted model is made of: FLOP and bytes, part by part."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helpers.plots.style import ACCENT, COLORS, INK, axes_or_new

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from helpers.meter import Count


def cost_by_module(count: Count, depth: int = 1, ax: Axes | None = None, most: int = 15) -> Axes:
    """FLOP and bytes of each module to `depth`, as shares of the model's; the `most` largest.

    Bytes are unfused, so that the shares add up. The title names the module with most FLOP.
    """
    rows = [row for row in count.by_module(depth) if row.name.count(".") == depth - 1 and row.name]
    rows = [row for row in rows if row.flops or row.bytes_unfused]
    if not rows:
        raise ValueError(f"{count.title} has no modules at depth {depth}")
    kept = {row.name for row in sorted(rows, key=lambda row: -row.flops)[:most]}
    rows = [row for row in rows if row.name in kept]
    flops, moved = count.flops or 1, count.bytes_unfused or 1
    ax = axes_or_new(ax, size=(6.4, 0.8 + 0.36 * len(rows)))
    places = range(len(rows))
    ax.barh(
        [y - 0.2 for y in places],
        [100 * row.flops / flops for row in rows],
        height=0.38,
        color=ACCENT,
        edgecolor=INK,
        label="FLOP",
    )
    ax.barh(
        [y + 0.2 for y in places],
        [100 * row.bytes_unfused / moved for row in rows],
        height=0.38,
        color=COLORS[1],
        edgecolor=INK,
        hatch="//",
        label="bytes moved, unfused",
    )
    ax.set_yticks(list(places), [row.name for row in rows])
    ax.invert_yaxis()
    ax.set_xlabel("share of the model, %")
    largest = max(rows, key=lambda row: row.flops)
    ax.set_title(f"{count.title}: {largest.name} does {largest.flops / flops:.0%} of the FLOP")
    ax.legend(loc="lower right")
    return ax
