"""A matplotlib figure as plain data, so that a plot can be judged by what it shows.

    {"axes": [{"title", "xlabel", "ylabel", "xscale", "yscale",
               "lines": [{"label", "x": [...], "y": [...]}],
               "points": [{"label", "x": [...], "y": [...]}]}]}

Lines and points are in data coordinates, as they were drawn; a legend's names are the labels. Lines
are also those of `hlines`; points are also the heads of bars. Where axes have no label of their
own, it is that of axes which share theirs, or of the figure.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from types import ModuleType
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


@contextlib.contextmanager
def own_figures(kept: bool) -> Iterator[None]:
    """What the block draws with pyplot comes on figures of its own, not on one that is open; unless
    they are `kept` they are closed behind it, and so is one with nothing on it."""
    pyplot = sys.modules.get("matplotlib.pyplot")
    before = set(pyplot.get_fignums()) if pyplot else set()
    if pyplot:
        pyplot.figure()
    try:
        yield
    finally:
        # The block may have been the first to import it.
        pyplot = sys.modules.get("matplotlib.pyplot")
        for number in sorted(set(pyplot.get_fignums()) - before) if pyplot else ():
            if not kept or not pyplot.figure(number).axes:  # type: ignore[union-attr]
                pyplot.close(number)  # type: ignore[union-attr]


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
    from matplotlib.artist import Artist
    from matplotlib.figure import Figure, FigureBase

    if isinstance(value, ModuleType):
        # `return plt`: the figure that it draws on.
        return current_figure() if value is sys.modules.get("matplotlib.pyplot") else None
    if isinstance(value, Figure):
        return value
    if isinstance(value, Artist):  # axes, or a line in them
        figure = value.get_figure()
        return figure if isinstance(figure, FigureBase) else None
    if isinstance(value, list | tuple) and value:
        return _figure_of(value[0])
    flat = getattr(value, "flat", None)
    if flat is not None and str(getattr(value, "dtype", "")) == "object" and value.size:
        return _figure_of(flat[0])
    # seaborn's grids of axes hold theirs under this name.
    inside = (
        getattr(value, "figure", None) if type(value).__module__.startswith("seaborn") else None
    )
    return inside if isinstance(inside, Figure) else None


def _read_axes(axes: Any) -> dict[str, Any]:
    import numpy as np
    from matplotlib.collections import LineCollection, PathCollection

    segments = [
        _series(group, *zip(*segment, strict=True))
        for group in axes.collections
        if isinstance(group, LineCollection)
        for segment in map(list, group.get_segments()[:MAX_POINTS])
        if len(segment)
    ]
    points = [
        _series(group, *np.asarray(group.get_offsets()).T)
        for group in axes.collections
        if isinstance(group, PathCollection)
    ]
    return {
        "title": str(axes.get_title()),
        "xlabel": _label(axes, "x"),
        "ylabel": _label(axes, "y"),
        "xscale": str(axes.get_xscale()),
        "yscale": str(axes.get_yscale()),
        "lines": [_line(line) for line in axes.get_lines()] + segments,
        "points": points + _bars(axes),
    }


def _label(axes: Any, axis: str) -> str:
    """What an axis is called: by its own label, by that of axes that share it, or the figure's."""
    shared = getattr(axes, f"get_shared_{axis}_axes")().get_siblings(axes)
    names = [str(getattr(each, f"get_{axis}label")()) for each in (axes, *shared)]
    names.append(str(getattr(axes.figure, f"get_sup{axis}label")()))
    return next((name for name in names if name.strip()), "")


def _line(line: Any) -> dict[str, Any]:
    from matplotlib.lines import AxLine

    if isinstance(line, AxLine):  # by a point and a slope; it has no ends
        start: Any = line.get_xy1()
        end: Any = line.get_xy2()
        x, y = start
        right, above = (x + 1, y + line.get_slope()) if end is None else end
        return _series(line, [x, right], [y, above])
    return _series(line, line.get_xdata(orig=False), line.get_ydata(orig=False))


def _bars(axes: Any) -> list[dict[str, Any]]:
    from matplotlib.container import BarContainer

    found = []
    for group in axes.containers:
        if isinstance(group, BarContainer) and group.orientation == "vertical":
            x = [bar.get_x() + bar.get_width() / 2 for bar in group]
            found.append(_series(group, x, [bar.get_y() + bar.get_height() for bar in group]))
    return found


def _series(artist: Any, x: Any, y: Any) -> dict[str, Any]:
    label = str(artist.get_label())
    return {
        "label": "" if label.startswith("_") else label,
        "x": [float(value) for value in list(x)[:MAX_POINTS]],
        "y": [float(value) for value in list(y)[:MAX_POINTS]],
    }
