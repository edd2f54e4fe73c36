"""How near guesses come to results: a row of dots for each prediction, on a log axis."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from helpers.plots.style import ACCENT, FAINT, INK, SHADES, axes_or_new
from helpers.predict import NEAR

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Farther than this stands at the edge.
_FARTHEST = 1000
_TICKS = {
    1 / 1000: "1⁄1000",
    1 / 100: "1⁄100",
    1 / 10: "1⁄10",
    1 / 2: "½",
    1: "1",
    2: "2",
    10: "10",
    100: "100",
    1000: "1000",
}


def calibration(ratios: Mapping[str, Sequence[float]], title: str, ax: Axes | None = None) -> Axes:
    """One row for each prediction: guess ÷ result of everyone who made it.

    1 is right; the band is within a factor of `NEAR`. Of several guesses a bar marks the median.
    """
    if not any(ratios.values()):
        raise ValueError("there is no prediction to draw")
    ax = axes_or_new(ax, size=(5.6, 1.4 + 0.34 * len(ratios)))
    factors = [max(each, 1 / each) for row in ratios.values() for each in row]
    edge = min(max(*factors, 6.0), _FARTHEST) * 1.5
    ax.axvspan(1 / NEAR, NEAR, color=SHADES[0], zorder=0)
    ax.axvline(1, color=ACCENT, linewidth=1.2, zorder=1)
    for place, row in enumerate(ratios.values()):
        at = [min(max(each, 1 / _FARTHEST), _FARTHEST) for each in row]
        alpha = 1.0 if len(at) == 1 else 0.45
        ax.plot(at, [place] * len(at), "o", color=SHADES[3], alpha=alpha, markeredgecolor="none")
        if len(at) > 1:
            ax.plot([statistics.median(at)], [place], "|", color=INK, markersize=17, mew=2)
    ax.set_xscale("log")
    ax.set_xlim(1 / edge, edge)
    shown = [tick for tick in _TICKS if 1 / edge < tick < edge]
    ax.set_xticks(shown, [_TICKS[tick] for tick in shown])
    ax.set_xticks([], minor=True)
    ax.set_yticks(range(len(ratios)), list(ratios))
    ax.grid(axis="y", color=FAINT, linestyle=":")
    ax.set_ylim(len(ratios) - 0.4, -0.6)
    ax.set_xlabel("too low   ←   guess ÷ result   →   too high")
    ax.set_title(title, fontsize=11)
    return ax
