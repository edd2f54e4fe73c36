"""Drawings of tensors: their bits, their place in storage, their shapes when they meet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from helpers.plots.style import ACCENT, FAINT, INK, SHADES, figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: fp32 elements in a cache line of 64 bytes.
LINE = 16


def number_formats(formats: Mapping[str, tuple[int, int, int]]) -> Figure:
    """The bits of number formats, one row each: (sign, exponent, fraction) bits by name."""
    fig, ax = figure(size=(6.4, 0.6 + 0.42 * len(formats)))
    widest = max(map(sum, formats.values()))
    for row, (name, parts) in enumerate(formats.items()):
        left = 0
        for bits, shade in zip(parts, (INK, SHADES[2], SHADES[0]), strict=True):
            for bit in range(left, left + bits):
                _cell(ax, bit, -row, shade, height=0.66)
            if bits > 2:
                ax.text(
                    left + bits / 2,
                    -row + 0.33,
                    f"{bits}",
                    ha="center",
                    va="center",
                    fontsize=9,
                    bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
                )
            left += bits
        ax.text(-0.6, -row + 0.33, name, ha="right", va="center", fontsize=10)
    ax.set(xlim=(-4.2, widest + 0.2), ylim=(-len(formats) + 0.8, 0.9))
    ax.set_title("Sign, exponent (dark: range), fraction (light: precision)", fontsize=10)
    ax.axis("off")
    return fig


def _cell(
    ax: Axes, x: float, y: float, shade: str, text: str = "", height: float = 0.9, **options: Any
) -> None:
    from matplotlib.colors import to_rgb
    from matplotlib.patches import Rectangle

    style = {"facecolor": shade, "edgecolor": INK, "linewidth": 0.6, **options}
    ax.add_patch(Rectangle((x, y), 0.9, height, **style))
    if text:
        light = sum(to_rgb(str(style["facecolor"]))) > 1.7
        ax.text(
            x + 0.45,
            y + height / 2,
            text,
            ha="center",
            va="center",
            fontsize=9,
            color=INK if light else "white",
        )


def positions(shape: Sequence[int], strides: Sequence[int], offset: int = 0) -> list[list[int]]:
    """Positions in storage of a matrix's elements, row by row."""
    rows, columns = shape
    return [[offset + i * strides[0] + j * strides[1] for j in range(columns)] for i in range(rows)]


def strides(
    shape: tuple[int, int], strides: tuple[int, int], size: int, offset: int = 0, name: str = "x"
) -> Figure:
    """A matrix above the storage it looks at, its two strides drawn as arrows.

    Every cell is numbered by its position in a storage of `size` elements; a row of the matrix and
    its elements in storage have one shade. Arrows above the storage step along the first row,
    arrows below along the first column. Positions that the matrix does not reach stay white.
    """
    places = positions(shape, strides, offset)
    reached = {place: row for row, line in enumerate(places) for place in line}
    for place in (min(reached), max(reached)):
        if not 0 <= place < size:
            raise ValueError(f"a storage of {size} has no position {place}")
    fig, ax = figure(size=(6.4, 3.0))
    shades = [SHADES[row % len(SHADES)] for row in range(shape[0])]
    left = (size - shape[1]) / 2
    for row, line in enumerate(places):
        for column, place in enumerate(line):
            _cell(ax, left + column, 3.6 - row, shades[row], str(place))
    top = 3.6 - shape[0] - 1.7
    for place in range(size):
        shade = shades[reached[place]] if place in reached else "white"
        _cell(ax, place, top, shade, str(place))
    first_row, first_column = places[0], [line[0] for line in places]
    _arrows(ax, first_row, top + 0.95, -0.5, ACCENT)
    _arrows(ax, first_column, top - 0.05, 0.35, INK)
    ax.text(left - 0.4, 4.5 - shape[0] / 2, name, ha="right", va="center", fontsize=11)
    ax.text(
        size + 0.2, top + 1.5, f"one column on: {strides[1]:+d}", ha="right", fontsize=9,
        color=ACCENT,
    )  # fmt: skip
    ax.text(size + 0.2, top - 1.35, f"one row on: {strides[0]:+d}", ha="right", fontsize=9)
    start = f", offset {offset}" if offset else ""
    ax.set(xlim=(-1, size + 0.4), ylim=(top - 1.5, 4.8), aspect="equal")
    ax.set_title(f"{name}: shape {tuple(shape)}, strides {tuple(strides)}{start}")
    ax.axis("off")
    return fig


def _arrows(ax: Axes, places: Sequence[int], y: float, bend: float, color: str) -> None:
    """Arcs from each place to the next, flatter where they reach further."""
    for start, end in pairwise(places):
        reach = abs(end - start)
        curve = bend if reach < 3 else bend * 2.2 / reach
        ax.annotate(
            "",
            (end + 0.45, y),
            (start + 0.45, y),
            arrowprops={
                "arrowstyle": "->",
                "color": color,
                "linewidth": 1.2,
                "connectionstyle": f"arc3,rad={curve}",
                "shrinkA": 0,
                "shrinkB": 0,
            },
        )


def broadcast(a: Sequence[int], b: Sequence[int]) -> Figure:
    """Two shapes of at most two sizes stretched to the shape of a + b.

    What is there is shaded, what the stretching repeats is white and dashed. Raises ValueError for
    shapes that do not broadcast.
    """
    import numpy as np

    try:
        whole = np.broadcast_shapes(tuple(a), tuple(b))
    except ValueError:
        raise ValueError(f"{tuple(a)} and {tuple(b)} do not broadcast") from None
    rows, columns = (1, *whole)[-2:]
    fig, axes = figure(1, 3, size=(6.4, 0.9 + 0.34 * rows))
    for ax, shape, name in zip(axes, (a, b, whole), ("a", "b", "a + b"), strict=True):
        own_rows, own_columns = (1, 1, *shape)[-2:]
        for row in range(rows):
            for column in range(columns):
                there = row < own_rows and column < own_columns
                look: dict[str, Any] = {} if there else {"linestyle": "--", "edgecolor": FAINT}
                _cell(ax, column, -row, SHADES[1] if there else "white", **look)
        ax.set(xlim=(-0.2, columns + 0.1), ylim=(-rows + 0.8, 1.1), aspect="equal")
        ax.set_title(f"{name}: {tuple(shape)}", fontsize=10, loc="center")
        ax.axis("off")
    return fig


def cache_lines(steps: Sequence[int], lines: int = 4) -> Figure:
    """Which cache lines a read of every `step`-th fp32 element loads, one row for each step.

    Elements that are read are dark, what is loaded with them is light, lines never touched white.
    """
    fig, ax = figure(size=(6.4, 0.7 + 0.5 * len(steps)))
    width = LINE + 1  # a gap between lines
    for row, step in enumerate(steps):
        read = set(range(0, lines * LINE, step))
        loaded = {place // LINE for place in read}
        for place in range(lines * LINE):
            light = SHADES[0] if place // LINE in loaded else "white"
            x = place // LINE * width + place % LINE
            _cell(ax, x, -row, SHADES[3] if place in read else light, height=0.6, linewidth=0.3)
        share = len(read) / (len(loaded) * LINE)
        ax.text(-1, -row + 0.3, f"every {step}", ha="right", va="center", fontsize=9)
        ax.text(lines * width + 0.5, -row + 0.3, f"{share:.0%} used", va="center", fontsize=9)
    ax.set(xlim=(-10, lines * width + 11), ylim=(-len(steps) + 0.8, 1))
    ax.set_title("Memory is loaded in lines of 64 bytes: 16 fp32, wanted or not", fontsize=10)
    ax.axis("off")
    return fig
