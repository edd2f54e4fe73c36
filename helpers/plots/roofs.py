"""Roofs of devices, empty or with layers at the rate that was measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from helpers.plots.style import ACCENT, COLORS, FAINT, INK, MARKERS, axes_or_new

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LINES = ("-", "--", ":", "-.")


class Roof(NamedTuple):
    """What a device allows in one dtype: peak in FLOP/s, bandwidth in B/s."""

    name: str
    peak: float
    bandwidth: float

    @property
    def ridge(self) -> float:
        """FLOP/B at which the two parts of the roof meet."""
        return self.peak / self.bandwidth


def roofs(
    roofs: Sequence[Roof],
    title: str,
    measured: Mapping[str, tuple[float, float]] | None = None,
    guide: tuple[str, float] | None = None,
    span: tuple[float, float] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Roofs over the intensity, each with its ridge, and measured layers below them.

    `measured` holds (intensity in FLOP/B, rate in FLOP/s) by layer: each is drawn where it was
    measured, and named in the legend. `guide` marks one intensity by name.
    `span` is the range of intensities; without one it is taken from what is drawn.
    """
    points = dict(measured or {})
    intensities = [r.ridge for r in roofs] + [x for x, _ in points.values()]
    if guide:
        intensities.append(guide[1])
    low, high = span or (min(intensities) / 5, max(intensities) * 5)
    ax = axes_or_new(ax, size=(6.2, 4.2 + 0.12 * (len(points) + 2 * len(roofs))))
    for place, roof in enumerate(roofs):
        corners = [low, roof.ridge, high]
        ax.plot(
            corners,
            [min(roof.peak, x * roof.bandwidth) for x in corners],
            color=(INK, ACCENT, COLORS[4], COLORS[2])[place % 4],
            linestyle=_LINES[place % 4],
            linewidth=2,
            label=f"{roof.name}, ridge {roof.ridge:.3g} FLOP/B",
        )
        ax.plot(roof.ridge, roof.peak, "o", color="white", markeredgecolor=INK, markersize=6)
    for place, (name, (x, rate)) in enumerate(points.items()):
        ax.plot(
            x,
            rate,
            MARKERS[place % len(MARKERS)],
            color=COLORS[place % len(COLORS)],
            markeredgecolor=INK,
            markersize=9,
            linestyle="none",
            label=name,
        )
    if guide:
        ax.axvline(guide[1], color=FAINT, linewidth=1)
        ax.annotate(
            guide[0],
            (guide[1], 0.02),
            xycoords=("data", "axes fraction"),
            xytext=(4, 0),
            textcoords="offset points",
            fontsize=9,
        )
    ax.set(xscale="log", yscale="log", xlim=(low, high))
    ax.set(xlabel="arithmetic intensity, FLOP/B", ylabel="rate, FLOP/s")
    ax.set_title(title)
    columns = 2 if points else 1
    ax.legend(
        bbox_to_anchor=(-0.12, -0.16),
        loc="upper left",
        ncols=columns,
        frameon=False,
        fontsize=9,
        columnspacing=1,
    )
    return ax
