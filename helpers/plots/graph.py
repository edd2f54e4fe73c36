"""The graph of an expression, drawn from the nodes that computed it.

A node is any object with `data`, `operation` (empty for an input), `parents` and `grad`. Inputs
stand on top and the result at the bottom. Rows are the layers of Sugiyama's method: an edge that
crosses a row takes a place of its own in it, so that it meets no box.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Protocol

from helpers.plots.style import ACCENT, INK, SHADES, figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


class Node(Protocol):
    """A number that remembers how it was made."""

    data: float
    operation: str
    parents: Sequence[Any]
    grad: float


#: What stands in a box for an operation; others stand by their name.
SIGNS = {"add": "+", "sub": "−", "mul": "×", "div": "÷", "neg": "−"}

#: Inches from one place of a row to the next, from row to row, and half the size of a box.
_ACROSS, _DOWN = 1.25, 1.2
_HALF_WIDTH, _HALF_HEIGHT = 0.48, 0.31


def expression_graph(
    result: Node,
    names: Mapping[str, Node] | None = None,
    slopes: Callable[[Any], Sequence[float]] | None = None,
    gradients: bool = False,
    marked: Collection[Node] = (),
    title: str = "",
) -> Figure:
    """The graph that `result` remembers: a box for each node, an arrow for each use of a value.

    Args:
        result: the node at the end.
        names: what nodes are called, inputs and others.
        slopes: gives the derivatives of a node with respect to its parents, for the arrows.
        gradients: whether each box shows its node's `grad`.
        marked: nodes in dark boxes; where there are any, all others are white.
        title: what is to be seen.
    """
    rows, edges = layered(result)
    places = {
        key: ((at - (len(row) - 1) / 2) * _ACROSS, -depth * _DOWN)
        for depth, row in enumerate(rows)
        for at, key in enumerate(row)
    }
    called = {id(node): name for name, node in (names or {}).items()}
    widest = max(map(len, rows))
    size = (max(4.0, widest * _ACROSS + 0.2), len(rows) * _DOWN + 0.1)
    fig, ax = figure(size=size)
    for child in nodes(result):
        if not child.parents:
            continue
        local = [_short(slope) for slope in slopes(child)] if slopes else [""] * len(child.parents)
        paths = [[places[key] for key in path] for _, node, path in edges if node is child]
        # From left to right as they come, so that the last steps of two edges do not cross.
        arriving = sorted(zip(paths, local, strict=True), key=lambda edge: edge[0][-2][0])
        for which, (path, label) in enumerate(arriving):
            _arrow(ax, path, 0.5 * (which - (len(arriving) - 1) / 2), label)
    dark = {id(node) for node in marked}
    for node in nodes(result):
        stands_out = id(node) in dark if dark else not node.operation
        shade = "white" if not stands_out else SHADES[2 if dark else 0]
        _box(ax, places[id(node)], node, called.get(id(node), ""), gradients, shade)
    half = size[0] / 2
    ax.set(xlim=(-half, half), ylim=(-(len(rows) - 0.5) * _DOWN, 0.5 * _DOWN))
    ax.axis("off")
    if title:
        fig.suptitle(title, x=0.02, ha="left", fontsize=11)
    return fig


def nodes(result: Node) -> list[Node]:
    """Every node that the result was made of, each once, parents before children."""
    seen: dict[int, Node] = {}

    def visit(node: Node) -> None:
        if id(node) not in seen:
            for parent in node.parents:
                visit(parent)
            seen[id(node)] = node

    visit(result)
    return list(seen.values())


#: Parent, child, and the places on the way: the parent's, one in each row between, the child's.
Edge = tuple[Node, Node, list[Hashable]]


def layered(result: Node) -> tuple[list[list[Hashable]], list[Edge]]:
    """Rows of places from top to bottom, and the edges between them.

    A node's place is its `id`. An edge over several rows has a place in each row that it crosses.
    """
    every = nodes(result)
    depth: dict[int, int] = {}
    for node in every:
        depth[id(node)] = 1 + max((depth[id(parent)] for parent in node.parents), default=-1)
    for node in every:
        uses = [depth[id(child)] for child in every if any(p is node for p in child.parents)]
        if not node.parents and uses:
            depth[id(node)] = min(uses) - 1  # just above where it is used first
    rows: list[list[Hashable]] = [[] for _ in range(max(depth.values()) + 1)]
    for node in every:
        rows[depth[id(node)]].append(id(node))
    edges: list[Edge] = []
    for child in every:
        for which, parent in enumerate(child.parents):
            crossed = range(depth[id(parent)] + 1, depth[id(child)])
            between: list[Hashable] = [(id(child), which, row) for row in crossed]
            for row, place in zip(crossed, between, strict=True):
                rows[row].append(place)
            edges.append((parent, child, [id(parent), *between, id(child)]))
    _untangle(rows, [step for _, _, path in edges for step in pairwise(path)])
    return rows, edges


def _untangle(rows: list[list[Hashable]], steps: Sequence[tuple[Hashable, Hashable]]) -> None:
    """Orders each row by where its neighbours stand on average, down and up a few times."""
    above: dict[Hashable, list[Hashable]] = {}
    below: dict[Hashable, list[Hashable]] = {}
    for upper, lower in steps:
        above.setdefault(lower, []).append(upper)
        below.setdefault(upper, []).append(lower)
    at = {place: i - (len(row) - 1) / 2 for row in rows for i, place in enumerate(row)}
    for _ in range(4):
        for order, neighbours in ((rows[1:], above), (rows[-2::-1], below)):
            for row in order:
                for place in row:
                    met = [at[each] for each in neighbours.get(place, ())]
                    at[place] = sum(met) / len(met) if met else at[place]
                row.sort(key=at.__getitem__)
                at |= {place: i - (len(row) - 1) / 2 for i, place in enumerate(row)}


def _arrow(ax: Axes, path: Sequence[tuple[float, float]], aside: float, label: str) -> None:
    """From the lower edge of a box to the upper edge of another, which it meets `aside`."""
    from matplotlib.patches import FancyArrowPatch

    (x, y), *between, (end_x, end_y) = path
    points = [(x, y - _HALF_HEIGHT), *between, (end_x + aside, end_y + _HALF_HEIGHT)]
    ax.plot(*zip(*points[:-1], strict=True), color=INK, linewidth=1, zorder=1)
    ax.add_patch(
        FancyArrowPatch(
            points[-2], points[-1], arrowstyle="-|>", mutation_scale=10, color=INK, shrinkA=0,
            shrinkB=0, zorder=1,
        )
    )  # fmt: skip
    (x, y), (end_x, end_y) = points[-2:]
    ax.text(
        x + 0.6 * (end_x - x),
        y + 0.6 * (end_y - y),
        label,
        ha="center",
        va="center",
        fontsize=9,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.8},
        zorder=2,
    )


def _box(
    ax: Axes, place: tuple[float, float], node: Node, name: str, gradient: bool, shade: str
) -> None:
    from matplotlib.patches import Rectangle

    x, y = place
    ax.add_patch(
        Rectangle(
            (x - _HALF_WIDTH, y - _HALF_HEIGHT),
            2 * _HALF_WIDTH,
            2 * _HALF_HEIGHT,
            facecolor=shade,
            edgecolor=INK,
            linewidth=1,
            zorder=3,
        )
    )
    lines = [
        (SIGNS.get(node.operation, node.operation), INK, "bold"),
        (f"{name} = {_short(node.data)}" if name else _short(node.data), INK, "normal"),
        (f"grad {_short(node.grad)}" if gradient else "", ACCENT, "bold"),
    ]
    shown = [line for line in lines if line[0]]
    for at, (text, color, weight) in enumerate(shown):
        middle = y + 0.18 * ((len(shown) - 1) / 2 - at)
        ax.text(x, middle, text, ha="center", va="center", fontsize=9, color=color, weight=weight,
                zorder=4)  # fmt: skip


def _short(value: float) -> str:
    return f"{value:.3g}".replace("-", "−")
