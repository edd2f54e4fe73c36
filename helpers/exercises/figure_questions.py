"""Reads the answer to a question from the figure that a student drew (see `helpers.figures`)."""

from __future__ import annotations

from typing import Any, NamedTuple


class Curve(NamedTuple):
    """The curve of a figure with most points, the axes it stands in, and the heights of level lines
    in the same axes.
    """

    x: list[float]
    y: list[float]
    axes: dict[str, Any]
    levels: list[float]

    def axes_named(self, x: str, y: str) -> str:
        """ "yes" if both axes' labels hold these words, else "no"."""
        named = all(
            word in str(self.axes.get(label, "")).lower()
            for label, word in (("xlabel", x), ("ylabel", y))
        )
        return "yes" if named else "no"


def read_curve(picture: Any, wanted: str) -> Curve:
    """The curve of a figure, as plain data. ValueError, with a line for the student, without one.

    `wanted` says what should have been plotted.
    """
    nothing = "no figure arrived: return the figure, or draw it with plt and return None"
    if not isinstance(picture, dict) or not picture.get("axes"):
        raise ValueError(nothing)
    try:
        return _longest_curve(picture, wanted)
    except (KeyError, TypeError, AttributeError, IndexError):
        # A dict of the student's own making, not of a figure.
        raise ValueError(nothing) from None


def _longest_curve(picture: dict[str, Any], wanted: str) -> Curve:
    curves = [
        (curve, axes)
        for axes in picture["axes"]
        for curve in [*axes.get("lines", ()), *axes.get("points", ())]
        if len(curve["x"]) == len(curve["y"]) > 1
    ]
    if not curves:
        raise ValueError(f"the figure has no curve: plot {wanted}")
    curve, axes = max(curves, key=lambda found: len(found[0]["x"]))
    levels = [
        line["y"][0]
        for line in axes.get("lines", ())
        if line is not curve and line["y"] and all(y == line["y"][0] for y in line["y"])
    ]
    return Curve(list(curve["x"]), list(curve["y"]), axes, levels)


def read_intensity_plot(picture: Any) -> dict[str, Any]:
    """What a picture of the intensity against the batch says: in unit 04 and the homework.

    Only unit 04 asks for a limit.

    ValueError, with a line for the student, where it has no curve.
    """
    curve = read_curve(picture, "the intensity against the batch size")
    return {
        "batch sizes": curve.x,
        "intensity": curve.y,
        "limit": curve.levels[0] if curve.levels else None,
        "axes named": curve.axes_named("batch", "flop"),
    }
