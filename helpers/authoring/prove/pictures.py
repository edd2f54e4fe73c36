"""Wrong pictures: the worked answer's figure, and something is done to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from helpers.authoring.prove.answers import WORKED, Answer


def wrong_pictures(worked: Answer) -> Iterator[Answer]:
    """An answer for each thing that can be wrong with a picture."""
    for name, change in _CHANGES.items():
        yield replace(
            worked, origin=WORKED, slip=f"picture: {name}", make=partial(_made, worked, change)
        )


def _made(worked: Answer, change: Callable[[Any], None]) -> Callable[..., Any]:
    draw = worked.make()

    def answer(*args: Any) -> Any:
        figure = draw(*args)
        for axes in figure.axes:
            change(axes)
        return figure

    return answer


def _data(change: Callable[[Any, Any], tuple[Any, Any]]) -> Callable[[Any], None]:
    """The change of the points of every line that is not level."""

    def changed(axes: Any) -> None:
        for line in axes.get_lines():
            x, y = list(line.get_xdata()), list(line.get_ydata())
            if len(set(y)) > 1:
                line.set_data(*change(x, y))

    return changed


def _without_lines(axes: Any) -> None:
    for line in list(axes.get_lines()):
        line.remove()


def _exchange_labels(axes: Any) -> None:
    axes.set(xlabel=axes.get_ylabel(), ylabel=axes.get_xlabel())


_CHANGES: dict[str, Callable[[Any], None]] = {
    "empty": _without_lines,
    "axes exchanged": _data(lambda x, y: (y, x)),
    "twice as high": _data(lambda x, y: (x, [2 * each for each in y])),
    "half as high": _data(lambda x, y: (x, [each / 2 for each in y])),
    "from its end": _data(lambda x, y: (x, y[::-1])),
    "one place on": _data(lambda x, y: (x, [*y[1:], y[-1]])),
    "level": _data(lambda x, y: (x, [sum(y) / len(y)] * len(y))),
    "begins at 0": _data(lambda x, y: ([each - 1 for each in x], y)),
    "its first half": _data(lambda x, y: (x[: len(x) // 2], y[: len(y) // 2])),
    "every eighth point": _data(lambda x, y: (x[::8], y[::8])),
    "a straight line": _data(lambda x, y: ([x[0], x[-1]], [y[0], y[-1]])),
    "no name at x": lambda axes: axes.set_xlabel(""),
    "no name at y": lambda axes: axes.set_ylabel(""),
    "names exchanged": _exchange_labels,
}
