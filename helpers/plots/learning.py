"""What a small classifier learned: its loss step by step, and the line that it draws."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from helpers.plots.style import ACCENT, INK, SHADES, figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Places in each direction at which the score is computed.
_GRID = 41


def loss_and_boundary(
    losses: Sequence[float],
    points: Sequence[Sequence[float]],
    labels: Sequence[float],
    score: Callable[[tuple[float, float]], float],
) -> Figure:
    """The loss of each step, and the plane shaded where the score is positive.

    Args:
        losses: one a step.
        points: (n, 2), drawn as squares where the label is positive, else as circles.
        labels: n numbers.
        score: of one point of the plane; zero on the boundary.
    """
    fig, (curve, plane) = figure(1, 2, size=(6.2, 3.1))
    curve.plot(range(1, len(losses) + 1), losses, color=ACCENT, linewidth=1.4)
    curve.set(xlabel="step", ylabel="loss", ylim=(0, None))
    curve.set_title(f"loss: {losses[0]:.2g} → {losses[-1]:.2g}", fontsize=10)

    xy, positive = np.asarray(points, dtype=float), np.asarray(labels) > 0
    margin = 0.12 * np.ptp(xy)
    low, high = xy.min(axis=0) - margin, xy.max(axis=0) + margin
    across, up = (np.linspace(low[axis], high[axis], _GRID) for axis in (0, 1))
    scores = np.array([[score((float(x), float(y))) for x in across] for y in up])
    plane.contourf(across, up, scores > 0, levels=[0.5, 1.5], colors=[SHADES[1]])
    plane.contour(across, up, scores, levels=[0], colors=[ACCENT], linewidths=1.6)
    for marker, shade, mine in (("o", SHADES[0], ~positive), ("s", SHADES[3], positive)):
        plane.scatter(*xy[mine].T, s=24, c=shade, marker=marker, edgecolors=INK)
    scored = np.array([score((float(x), float(y))) for x, y in xy])
    right = int(((scored > 0) == positive).sum())
    plane.set(xlabel="x₁", ylabel="x₂")
    plane.set_title(f"{right} of {len(xy)} points right", fontsize=10)
    return fig
