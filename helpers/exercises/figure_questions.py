"""Reads the answer to a question from the figure that a student drew (see `helpers.figures`)."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from helpers.exercises.exercise import OneOf

#: As far as a person sees that two heights are one.
NEAR = 0.01


class Curve(NamedTuple):
    """A line of a figure, or points of it, from left to right, and the axes that it stands in."""

    x: list[float]
    y: list[float]
    axes: dict[str, Any]

    @property
    def is_level(self) -> bool:
        return len(self.y) > 1 and max(self.y) - min(self.y) <= 1e-9 * abs(self.y[0])

    @property
    def widest_gap(self) -> float:
        return max((b - a for a, b in zip(self.x, self.x[1:], strict=False)), default=0)

    def height(self, x: float) -> float | None:
        """The curve's height at x: a point of it, or between two that are at most 1 apart."""
        right = bisect_left(self.x, x - 1e-9)
        if right == len(self.x):
            return None
        if abs(self.x[right] - x) <= 1e-9:
            return self.y[right]
        left = right - 1
        if left < 0 or self.x[right] - self.x[left] > 1 + 1e-9:
            return None
        share = (x - self.x[left]) / (self.x[right] - self.x[left])
        return self.y[left] + share * (self.y[right] - self.y[left])


def read_intensity_plot(picture: Any, rights: Mapping[str, Any]) -> dict[str, Any]:
    """What a picture of the intensity against the batch says, part by part: in unit 04 and the
    homework.

    Where a figure has several curves, the one is taken that `rights` has, whoever was drawn first;
    of level lines that which is nearest to the limit, where one is asked for.

    ValueError, with a line for the student, where it has no curve.
    """
    batches = rights["batch sizes"]
    found = _curves(picture)
    if not found:
        raise ValueError("the figure has no curve: plot the intensity against the batch size")
    curve = max(found, key=lambda each: _likeness(each, batches, rights["intensity"]))
    heights = [curve.height(batch) for batch in batches]
    said: dict[str, Any] = {
        "batch sizes": _batches_of(curve, batches),
        "intensity": curve.y if None in heights else heights,
        "axes named": _named(curve.axes, "batch", "flop"),
    }
    if "limit" in rights:
        limit = rights["limit"]
        levels = [each.y[0] for each in found if each.is_level and each is not curve]
        said["limit"] = min(levels, key=lambda level: abs(level - limit), default=None)
    return said


def _curves(picture: Any) -> list[Curve]:
    """Every line and all points of a figure. ValueError, with a line for the student, for none."""
    nothing = "no figure arrived: return the figure, or draw it with plt and return None"
    if not isinstance(picture, dict) or not picture.get("axes"):
        raise ValueError(nothing)
    try:
        return [curve for axes in picture["axes"] for curve in _curves_in(axes)]
    except (KeyError, TypeError, AttributeError, IndexError, ValueError, OverflowError):
        # A dict of the student's own making, not of a figure.
        raise ValueError(nothing) from None


def _curves_in(axes: dict[str, Any]) -> Iterator[Curve]:
    scattered: list[tuple[float, float]] = []
    for series in (*axes.get("lines", ()), *axes.get("points", ())):
        points = sorted(zip(series["x"], series["y"], strict=True))
        curve = _curve(points, axes)
        if len(points) > 1:
            yield curve
        if len(points) == 1 or (len(points) == 2 and not curve.is_level):
            scattered += points
    # What is drawn in a loop, point by point or piece by piece, is one curve.
    if len(together := sorted(set(scattered))) > 2:
        yield _curve(together, axes)


def _curve(points: Sequence[tuple[float, float]], axes: dict[str, Any]) -> Curve:
    return Curve([float(x) for x, _ in points], [float(y) for _, y in points], axes)


def _likeness(curve: Curve, batches: Sequence[float], right: Any) -> tuple[Any, ...]:
    """What makes a curve of a figure the one that was asked for, the weightiest first."""
    heights = [curve.height(batch) for batch in batches]
    first = right.values[0] if isinstance(right, OneOf) else right
    apart = [
        abs(mine / value - 1)
        for mine, value in zip(heights, first, strict=True)
        if mine is not None and value
    ]
    off = sum(apart) / len(apart) if apart else 1e9
    is_there = len(apart) == len(batches) and max(apart, default=1) < NEAR
    return is_there, not curve.is_level, len(apart), -off, len(curve.x)


def _batches_of(curve: Curve, batches: Sequence[float]) -> list[float]:
    """The batches that a curve shows: of one drawn finer than asked, those asked for."""
    is_finer = any(x != round(x) for x in curve.x) and curve.widest_gap <= 1
    first, last = batches[0], batches[-1]
    covers = first - 1 < curve.x[0] <= first and last <= curve.x[-1] < last + 1
    return list(batches) if is_finer and covers else curve.x


def _named(axes: dict[str, Any], x: str, y: str) -> str:
    """Which of two words stand at the axes that they belong to."""
    labels = [str(axes.get(label, "")).lower() for label in ("xlabel", "ylabel")]
    named = {axis: word in label for axis, word, label in zip("xy", (x, y), labels, strict=True)}
    if all(named.values()):
        return "both"
    if y in labels[0] and x in labels[1]:
        return "exchanged"
    return next((f"only {axis}" for axis, there in named.items() if there), "neither")
