"""Drawings of kernels: which thread takes which element, the tiles of a product, and run times."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import TYPE_CHECKING, Any

from helpers.plots.bars import dots
from helpers.plots.style import FAINT, INK, SHADES, axes_or_new, figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def _cell(ax: Axes, x: float, y: float, text: str, shade: str, idle: bool = False) -> None:
    """A square with a number in it; one without work is white and dashed."""
    from matplotlib.patches import Rectangle

    line: dict[str, Any] = {"edgecolor": FAINT, "linestyle": "--"} if idle else {"edgecolor": INK}
    face = "white" if idle else shade
    ax.add_patch(Rectangle((x, y), 1, 1, facecolor=face, linewidth=0.8, **line))
    color = FAINT if idle else "white" if shade == SHADES[3] else INK
    ax.text(x + 0.5, y + 0.47, text, ha="center", va="center", fontsize=9, color=color)


def global_index(elements: int, threads: int) -> Figure:
    """Blocks of threads above the elements of a vector: blockIdx · blockDim + threadIdx.

    Upper cells are threads, numbered in their block; below each is the element of that number in
    the whole. Threads beyond the end have none and are dashed: those that a guard keeps out.
    """
    if elements < 1 or threads < 1:
        raise ValueError("a vector has at least one element, a block at least one thread")
    blocks = -(-elements // threads)
    gap = 0.6
    width = blocks * (threads + gap) - gap
    fig, ax = figure(size=(6.4, 2.3))
    for block in range(blocks):
        left = block * (threads + gap)
        ax.text(left + threads / 2, 4.25, f"blockIdx {block}", ha="center", fontsize=9)
        for thread in range(threads):
            element = block * threads + thread
            idle = element >= elements
            _cell(ax, left + thread, 2.9, str(thread), SHADES[1], idle)
            if idle:
                _cell(ax, left + thread, 0.4, "–", "white", idle)
            else:
                _cell(ax, left + thread, 0.4, str(element), SHADES[block % 2 * 2])
            ax.annotate(
                "",
                (left + thread + 0.5, 1.45),
                (left + thread + 0.5, 2.85),
                arrowprops={"arrowstyle": "->", "color": FAINT if idle else INK, "linewidth": 0.8},
            )
    ax.text(-0.3, 3.4, "threadIdx", ha="right", va="center", fontsize=9)
    ax.text(-0.3, 0.9, "element", ha="right", va="center", fontsize=9)
    ax.set(xlim=(-3.2, width + 0.2), ylim=(0, 5))
    idle_threads = blocks * threads - elements
    have = "thread has" if idle_threads == 1 else "threads have"
    ax.set_title(
        f"{elements} elements, {blocks} blocks of {threads}: {idle_threads} {have} nothing to do"
    )
    ax.axis("off")
    return fig


def product_tiles(size: int, tile: int, row: int, column: int) -> Figure:
    """The tiles of a and b that one block of a tiled product fetches, and the tile that it writes.

    `row`, `column`: of the block in the grid. The tiles fetched are numbered by the step in which
    they are fetched; what no thread of this block reads stays white.
    """
    from matplotlib.patches import Rectangle

    steps = size // tile
    if size % tile or not (0 <= row < steps and 0 <= column < steps):
        raise ValueError(f"{size} must be a multiple of {tile}, with block ({row}, {column}) in it")
    fig, axes = figure(1, 3, size=(6.4, 2.7))
    parts = {
        f"a: read {steps} tiles": [(row, step, str(step + 1)) for step in range(steps)],
        f"b: read {steps} tiles": [(step, column, str(step + 1)) for step in range(steps)],
        "a @ b: write one": [(row, column, "")],
    }
    for ax, (title, tiles) in zip(axes, parts.items(), strict=True):
        for i in range(size):
            for j in range(size):
                corner = (j, size - 1 - i)
                ax.add_patch(
                    Rectangle(corner, 1, 1, facecolor="white", edgecolor=FAINT, linewidth=0.4)
                )
        for i, j, name in tiles:
            corner = (j * tile, size - (i + 1) * tile)
            shade = SHADES[2] if name else SHADES[3]
            ax.add_patch(
                Rectangle(
                    corner, tile, tile, facecolor=shade, edgecolor=INK, linewidth=1, alpha=0.8
                )
            )
            ax.text(
                corner[0] + tile / 2, corner[1] + tile / 2, name, ha="center", va="center",
                fontsize=12,
            )  # fmt: skip
        ax.set(xlim=(-0.2, size + 0.2), ylim=(-0.2, size + 0.2), aspect="equal")
        ax.set_title(title, fontsize=10, loc="center")
        ax.axis("off")
    fig.suptitle(
        f"Every number that a block fetches serves {tile} of its {tile * tile} threads",
        fontsize=11,
    )
    return fig


def times(
    samples: Mapping[str, Sequence[float]], title: str, log: bool = False, ax: Axes | None = None
) -> Axes:
    """One horizontal bar for each list of seconds: its median, and a line from fastest to slowest.

    With `log` there are dots instead: a log axis has no zero that a bar could start from.
    """
    if not samples or not all(samples.values()) or min(map(min, samples.values())) <= 0:
        raise ValueError("times need names, each with at least one time above zero")
    ax = axes_or_new(ax, size=(6.2, 1.0 + 0.42 * len(samples)))
    middle = {name: 1e3 * median(seconds) for name, seconds in samples.items()}
    fastest = {name: 1e3 * min(seconds) for name, seconds in samples.items()}
    slowest = {name: 1e3 * max(seconds) for name, seconds in samples.items()}
    if log:
        dots(ax, middle)
    else:
        style: Any = {"color": SHADES[2], "edgecolor": INK, "linewidth": 0.6}
        ax.barh(list(samples), list(middle.values()), **style)
    ax.errorbar(
        list(middle.values()),
        range(len(samples)),
        xerr=[
            [middle[name] - fastest[name] for name in samples],
            [slowest[name] - middle[name] for name in samples],
        ],
        fmt="none",
        ecolor=INK,
        capsize=3,
        linewidth=1.2,
    )
    for place, name in enumerate(samples):
        ax.annotate(
            f"{middle[name]:,.0f} ms" if middle[name] >= 100 else f"{middle[name]:.3g} ms",
            (slowest[name], place),
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
            fontsize=9,
        )
    most = max(slowest.values())
    ax.set_xlim(min(fastest.values()) / 2 if log else 0, most * 8 if log else most * 1.25)
    ax.invert_yaxis()
    spread = "median, and fastest to slowest"
    ax.set_xlabel(f"ms ({spread}; log scale)" if log else f"ms ({spread})")
    ax.set_title(title)
    return ax


def halvings(threads: int) -> Figure:
    """A block that adds up by halves: in each row, what is in shared memory after a step.

    `threads` is a power of two. A cell names the numbers whose sum it holds; those that are done
    are dashed.
    """
    if threads < 2 or threads & (threads - 1):
        raise ValueError("a block that is halved has a power of two of threads")
    fig, ax = figure(size=(6.2, 0.9 + 0.75 * threads.bit_length()))
    held = [[place] for place in range(threads)]
    adding, top = threads, 0.0
    while True:
        for place, summed in enumerate(held):
            idle = place >= adding
            text = (
                ""
                if idle
                else str(summed[0])
                if len(summed) == 1
                else f"{len(summed)} of {threads}"
            )
            _cell(
                ax,
                1.25 * place,
                top,
                text,
                SHADES[min(threads.bit_length() - adding.bit_length(), 2)],
                idle,
            )
        if adding == 1:
            break
        adding //= 2
        for place in range(adding):
            held[place] = held[place] + held[place + adding]
            for start in (place, place + adding):
                ax.annotate(
                    "",
                    (1.25 * place + 0.5, top - 0.75),
                    (1.25 * start + 0.5, top),
                    arrowprops={"arrowstyle": "->", "color": INK, "linewidth": 0.8},
                )
        top -= 1.75
        ax.text(-0.3, top + 0.5, f"{adding} add", ha="right", va="center", fontsize=9)
    ax.set(xlim=(-1.8, 1.25 * threads), ylim=(top - 0.2, 1.2))
    ax.set_title(f"{threads} numbers in {threads.bit_length() - 1} steps, a barrier between two")
    ax.axis("off")
    return fig
