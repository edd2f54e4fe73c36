"""Layers under the roof of a device."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from helpers.hardware import Device, device
from helpers.plots.style import ACCENT, COLORS, FAINT, INK, MARKERS, axes_or_new
from helpers.roofline import Point, attainable_rate

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def roofline(
    points: Sequence[Point],
    on: str | Device,
    dtype: str = "fp32",
    ax: Axes | None = None,
    label: int = 5,
) -> Axes:
    """The roof of a device, and layers under it where their intensity puts them.

    Each point stands at its attainable rate, its area grows with its share of the time bound, and
    the `label` slowest are listed. The title says which share of the time memory bounds.
    """
    where = device(on) if isinstance(on, str) else on
    shown = [p for p in points if p.flops and p.intensity != float("inf")]
    ridge, peak = where.ridge(dtype), where.peak_at(dtype)
    low = min([p.intensity for p in shown] + [ridge]) / 4
    high = max([p.intensity for p in shown] + [ridge]) * 4
    ax = axes_or_new(ax, size=(6.4, 4.2))
    corners = [low, ridge, high]
    ax.plot(corners, [attainable_rate(x, where, dtype) for x in corners], color=INK, linewidth=2)
    ax.axvline(ridge, color=FAINT, linestyle="--", linewidth=1)
    ax.text(ridge, peak * 2, f" ridge {ridge:.0f} FLOP/B", fontsize=9, va="top")
    total = sum(p.time for p in points) or 1.0
    for bound, color, marker in (
        ("memory", COLORS[1], MARKERS[0]),
        ("compute", ACCENT, MARKERS[1]),
    ):
        mine = [p for p in shown if p.bound == bound]
        ax.scatter(
            [p.intensity for p in mine],
            [p.rate for p in mine],
            s=[20 + 600 * p.time / total for p in mine],
            color=color,
            marker=marker,
            edgecolors=INK,
            linewidths=0.6,
            alpha=0.85,
            zorder=3,
            label=f"bound by {bound}",
        )
    slowest = sorted(shown, key=lambda p: -p.time)[:label]
    listed = "\n".join(f"{p.name}: {p.time / total:.1%}, {p.intensity:.3g} FLOP/B" for p in slowest)
    if listed:
        ax.text(
            0.99,
            0.62,
            f"longest:\n{listed}",
            transform=ax.transAxes,
            ha="right",
            va="center",
            fontsize=9,
            bbox={"facecolor": "white", "edgecolor": FAINT, "linewidth": 0.5},
        )
    memory = sum(p.time for p in points if p.bound == "memory") / total
    ax.set(xscale="log", yscale="log", xlim=(low, high), ylim=(None, peak * 3))
    ax.set_xlabel("arithmetic intensity, FLOP/B")
    ax.set_ylabel(f"attainable rate, FLOP/s ({dtype})")
    ax.set_title(
        f"{where.name}: memory bounds {memory:.0%} of the time, at least {_duration(total)}"
    )
    ax.legend(loc="lower right")
    return ax


def _duration(seconds: float) -> str:
    """Seconds for people: "3.20 ms"."""
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:.2f} {unit}"
    return f"{seconds * 1e6:.2f} µs"
