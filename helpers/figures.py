"""A matplotlib figure as plain data, so that a plot can be judged by what it shows.

    {"axes": [{"title", "xlabel", "ylabel", "xscale", "yscale",
               "lines": [{"label", "x": [...], "y": [...]}],
               "points": [{"label", "x": [...], "y": [...]}]}]}

Lines and points are in data coordinates, as they were drawn; a legend's names are the labels.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import Any

#: Points read of one line; more than a person can tell apart.
MAX_POINTS = 20_000


def is_figure(value: Any) -> bool:
    """Whether `value` is a matplotlib figure, axes, or an array or list of axes."""
    return _figure_of(value) is not None


def read_figure(value: Any) -> dict[str, Any]:
    """What a figure (or the figure of some axes) shows. Raises ValueError for anything else."""
    figure = _figure_of(value)
    if figure is None:
        raise ValueError(f"a matplotlib figure or axes is needed, not {type(value).__name__}")
    return {"axes": [_read_axes(axes) for axes in figure.axes]}


def current_figure() -> Any:
    """The figure that pyplot draws on now, or None where nothing was drawn."""
    pyplot = sys.modules.get("matplotlib.pyplot")
    return pyplot.gcf() if pyplot is not None and pyplot.get_fignums() else None


@contextlib.contextmanager
def no_show() -> Iterator[None]:
    """While it lasts, `plt.show()` does nothing: in a notebook it would close the figure, and an
    answer that ends with it would leave nothing to judge."""
    pyplot: Any = sys.modules.get("matplotlib.pyplot")
    if pyplot is None:
        yield
        return
    show = pyplot.show
    pyplot.show = lambda *args, **kwargs: None
    try:
        yield
    finally:
        pyplot.show = show


def _figure_of(value: Any) -> Any:
    if "matplotlib.figure" not in sys.modules:
        return None
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, FigureBase

    if isinstance(value, Figure):
        return value
    if isinstance(value, Axes):
        figure = value.get_figure()
        return figure if isinstance(figure, FigureBase) else None
    if isinstance(value, list | tuple) and value:
        return _figure_of(value[0])
    flat = getattr(value, "flat", None)
    if flat is not None and str(getattr(value, "dtype", "")) == "object" and value.size:
        return _figure_of(flat[0])
    return None


def _read_axes(axes: Any) -> dict[str, Any]:
    return {
        "title": str(axes.get_title()),
        "xlabel": str(axes.get_xlabel()),
        "ylabel": str(axes.get_ylabel()),
        "xscale": str(axes.get_xscale()),
        "yscale": str(axes.get_yscale()),
        "lines": [
            _series(line, line.get_xdata(orig=False), line.get_ydata(orig=False))
            for line in axes.get_lines()
        ],
        "points": [
            _series(group, *group.get_offsets().T)
            for group in axes.collections
            if hasattr(group, "get_sizes")
        ],
    }


def _series(artist: Any, x: Any, y: Any) -> dict[str, Any]:
    label = str(artist.get_label())
    return {
        "label": "" if label.startswith("_") else label,
        "x": [float(value) for value in list(x)[:MAX_POINTS]],
        "y": [float(value) for value in list(y)[:MAX_POINTS]],
    }
