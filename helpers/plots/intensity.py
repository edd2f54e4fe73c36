"""Arithmetic intensity as the batch grows: it rises, and then it stops."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from helpers.plots.style import COLORS, FAINT, INK, MARKERS, axes_or_new

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def intensity_by_batch(
    batches: Sequence[int],
    intensities: Mapping[str, Sequence[float]],
    limits: Mapping[str, float],
    title: str,
    ridges: Mapping[str, float] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Curves of FLOP/B against the batch, each with its limit as a dashed line.

    `ridges` (FLOP/B by device) are drawn as solid grey lines. Both axes are logarithmic.
    """
    ax = axes_or_new(ax, size=(6.4, 3.8))
    for place, (name, values) in enumerate(intensities.items()):
        color = (INK, COLORS[0], COLORS[4])[place % 3]
        ax.plot(
            batches, values, color=color, marker=MARKERS[place], markersize=5, label=name, zorder=3
        )
        if name in limits:
            limit = limits[name]
            ax.axhline(limit, color=color, linestyle="--", linewidth=1)
            ax.annotate(
                f"limit {limit:,.3g}",
                (batches[0], limit),
                xytext=(2, 3),
                textcoords="offset points",
                fontsize=9,
                color=color,
            )
    for device, ridge in (ridges or {}).items():
        ax.axhline(ridge, color=FAINT, linewidth=2, zorder=1)
        ax.annotate(
            f"ridge of {device}: {ridge:,.3g}",
            (batches[-1], ridge),
            xytext=(0, 3),
            textcoords="offset points",
            ha="right",
            fontsize=9,
        )
    highest = max([*limits.values(), *(ridges or {}).values()])
    ax.set(xscale="log", yscale="log", xlabel="batch size", ylabel="arithmetic intensity, FLOP/B")
    ax.set_ylim(top=highest * 2)
    ax.set_xscale("log", base=2)
    ax.xaxis.set_major_formatter("{x:,.0f}")
    ax.set_title(title)
    ax.legend(loc="lower right")
    return ax
