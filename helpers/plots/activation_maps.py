"""Pictures of activations: what each layer holds, how long each tensor lives, a profile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from helpers.plots.style import ACCENT, COLORS, FAINT, INK, SHADES, axes_or_new, figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from helpers.meter.memory.predict import Memory

#: Input and output of a layer, in the unit of the picture.
InOut = tuple[float, float]
#: More layers than this are numbered instead of named.
MOST_NAMES = 14


def in_and_out(
    networks: Mapping[str, Mapping[str, InOut]],
    unit: str,
    title: str,
    limit: tuple[str, float] | None = None,
) -> Figure:
    """What every layer holds while it runs, one panel a network, all to one scale.

    `networks`: by name, in order, each layer's input and output. The layer that holds most is
    marked and named. `limit`: name and size of a memory, drawn as a line across; layers above it
    are hatched.
    """
    from matplotlib.patches import Patch

    fig, panels = figure(
        len(networks), 1, size=(5.2, 0.8 + 2.0 * len(networks)), sharey=True, squeeze=False
    )
    for ax, (network, layers) in zip(panels[:, 0], networks.items(), strict=True):
        _panel(ax, network, layers, limit)
        ax.set_ylabel(unit)
    top = max(sum(each) for layers in networks.values() for each in layers.values())
    panels[0, 0].set_ylim(0, 1.2 * top)
    panels[0, 0].yaxis.set_major_formatter("{x:,.0f}")
    fig.legend(
        handles=[
            Patch(facecolor=shade, edgecolor=INK, label=label)
            for shade, label in ((SHADES[3], "input"), (SHADES[1], "output"))
        ],
        loc="outside lower center",
        ncols=2,
        frameon=False,
    )
    fig.suptitle(title, x=0.01, ha="left", fontsize=11)
    return fig


def _panel(
    ax: Axes, network: str, layers: Mapping[str, InOut], limit: tuple[str, float] | None
) -> None:
    from matplotlib.ticker import MaxNLocator

    places = np.arange(1, len(layers) + 1)
    read, written = (np.array(column) for column in zip(*layers.values(), strict=True))
    held = read + written
    edge = 0.6 if len(layers) <= MOST_NAMES else 0.3
    over = held > limit[1] if limit else np.zeros(len(layers), bool)
    for bottom, heights, shade in ((0, read, SHADES[3]), (read, written, SHADES[1])):
        bars = ax.bar(places, heights, 0.8, bottom, color=shade, edgecolor=INK, linewidth=edge)
        for bar in np.array(bars)[over]:
            bar.set_hatch("//")
    names = list(layers)
    peak = int(held.argmax())
    right = peak > 0.6 * len(names)
    ax.plot(places[peak], held[peak], "v", color=INK, markersize=6)
    ax.annotate(
        f"{names[peak]}: {held[peak]:,.0f}",
        (places[peak], held[peak]),
        xytext=(-8 if right else 8, 4),
        textcoords="offset points",
        ha="right" if right else "left",
        fontsize=9,
    )
    if limit:
        ax.axhline(limit[1], color=ACCENT, linestyle="--")
        ax.annotate(
            limit[0],
            (1.0, limit[1]),
            xycoords=("axes fraction", "data"),
            xytext=(0, 3),
            textcoords="offset points",
            ha="right",
            fontsize=9,
        )
    if len(names) <= MOST_NAMES:
        ax.set_xticks(places, names, rotation=45, ha="right")
    else:
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        ax.set_xlabel("layer")
    ax.set_title(network, fontsize=10)
    ax.set_xlim(0.3, len(names) + 0.7)


def lifetimes(steps: Mapping[str, Memory], smallest: int = 0) -> Figure:
    """Every tensor that a step makes, as a bar from its first operation to its last.

    `steps`: by name; only their forward and backward passes are drawn. Storages under `smallest`
    bytes are left out. Titles say how many live at once.
    """
    from matplotlib.patches import Patch

    fig, panels = figure(len(steps), 1, size=(5.2, 2.5 * len(steps)), squeeze=False)
    for ax, (name, memory) in zip(panels[:, 0], steps.items(), strict=True):
        lives = storage_lives(memory, smallest)
        phases = [phase for phase in memory.timeline.phases if phase != "optimizer"]
        for row, (born, died, kept) in enumerate(lives):
            ax.barh(
                row,
                died - born,
                left=born,
                color=SHADES[3] if kept else SHADES[1],
                hatch="" if kept else "//",
                edgecolor=INK,
                linewidth=0.5,
            )
        alive = max(sum(b <= at < d for b, d, _ in lives) for at in range(len(phases)))
        ax.set_title(f"{name}: {len(lives)} tensors, at most {alive} at once", fontsize=10)
        if "backward" in phases:
            turn = phases.index("backward")
            ax.axvline(turn, color=INK, linestyle=":")
            low = ax.get_xaxis_transform()
            ax.text(turn, 0.03, "forward ", transform=low, ha="right", fontsize=9)
            ax.text(turn, 0.03, " backward", transform=low, fontsize=9)
        ax.set(xlim=(0, len(phases)), ylabel="one row a tensor")
        ax.set_yticks([])
        ax.set_xlabel("operation")
        ax.invert_yaxis()
    panels[0, 0].legend(
        handles=[
            Patch(facecolor=shade, hatch=hatch, edgecolor=INK, label=label)
            for shade, hatch, label in ((SHADES[3], "", "kept"), (SHADES[1], "//", "passing"))
        ],
        loc="lower left",
        frameon=False,
    )
    return fig


def storage_lives(memory: Memory, smallest: int = 0) -> list[tuple[int, int, bool]]:
    """(first operation, the one after the last, whether autograd keeps it) of every storage that
    forward and backward make, gradients of weights left out."""
    end = sum(phase != "optimizer" for phase in memory.timeline.phases)
    return [
        (each.born, end if each.died is None else each.died + 1, each.category.startswith("saved"))
        for each in memory.log.storages
        if 0 <= each.born < end and each.bytes >= smallest and each.category != "gradients"
    ]


def held_over_time(
    profiles: Mapping[str, Sequence[float]], title: str, unit: str = "MB", ax: Axes | None = None
) -> Axes:
    """Bytes that were held after each allocation or release of a profile, one line a profile.

    The horizontal axis is the share of the pass, because passes differ in their number of events.
    """
    ax = axes_or_new(ax, (5.2, 3.4))
    for number, (name, held) in enumerate(profiles.items()):
        share = np.linspace(0, 100, len(held))
        ax.plot(
            share,
            np.array(held) / 1e6,
            color=COLORS[(0, 4)[number % 2]],
            linestyle=("-", "--")[number % 2],
            label=f"{name}: peak {max(held) / 1e6:,.0f} {unit}",
        )
    ax.axhline(0, color=FAINT, linewidth=0.8)
    ax.set(xlabel="allocations and releases, % of the pass", ylabel=f"{unit} held")
    ax.set_title(title)
    ax.legend(loc="upper left", frameon=False)
    return ax


def strip(side: int, height: int, number: int, title: str, ax: Axes | None = None) -> Axes:
    """A block's input, its wide tensor and its output, row by row, while one strip is made.

    `height`: rows of a strip; `number`: which one, from 1. Of the wide tensor only the strip's rows
    are there, and one more on each side of it: the border.
    """
    ax = axes_or_new(ax, (5.2, 3.4))
    first, last = (number - 1) * height, number * height - 1
    kept, made, border, absent = (SHADES[1], ""), (SHADES[3], ""), (SHADES[2], "//"), ("white", "")
    for row in range(side):
        inside, beside = first <= row <= last, row in (first - 1, last + 1)
        wide = made if inside else border if beside else absent
        for left, width, (color, hatch) in (
            (0, 1, kept),
            (1.5, 4, wide),
            (6, 1, made if inside else kept),
        ):
            edge = FAINT if color == "white" else INK
            ax.barh(row, width, 1, left, color=color, hatch=hatch, edgecolor=edge, linewidth=0.5)
    ax.set_xticks([0.5, 3.5, 6.5], ["in: whole", "wide: this strip", "out: whole"])
    ax.set(ylabel="row of the image")
    ax.invert_yaxis()
    ax.set_title(title)
    for at, text in (
        (first - 1, "border"),
        ((first + last) / 2, "this strip"),
        (last + 1, "border"),
    ):
        box = {"facecolor": "white", "edgecolor": "none", "pad": 1}
        ax.text(3.5, at, text, ha="center", va="center", fontsize=9, bbox=box)
    return ax
