"""Pictures of many devices: chunks going round a ring, a layer cut up, a pipeline, scaling."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from helpers.plots.style import ACCENT, COLORS, FAINT, INK, MARKERS, SHADES, axes_or_new, figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def ring_steps(ranks: int) -> Figure:
    """How many ranks' numbers are summed up in each chunk of each rank, step by step.

    A panel is a moment: a row for each rank, a column for each chunk. What has just come has a
    thick edge.
    """
    from matplotlib.patches import Rectangle

    moments = _ring_moments(ranks)
    columns = -(-len(moments) // 2)
    fig, axes = figure(2, columns, size=(1.5 * columns, 3.9))
    for ax in axes.flat:
        ax.axis("off")
    for number, (ax, (summed, came)) in enumerate(zip(axes.flat, moments, strict=False)):
        for rank in range(ranks):
            for chunk in range(ranks):
                count = summed[rank][chunk]
                shade = SHADES[round((count - 1) / (ranks - 1) * (len(SHADES) - 1))]
                width = 2.2 if (rank, chunk) in came else 0.5
                ax.add_patch(
                    Rectangle((chunk, rank), 1, 1, facecolor=shade, edgecolor=INK, linewidth=width)
                )
                color = "white" if shade == SHADES[-1] else INK
                ax.text(
                    chunk + 0.5,
                    rank + 0.55,
                    str(count),
                    ha="center",
                    va="center",
                    fontsize=9,
                    color=color,
                )
        ax.set(xlim=(-0.1, ranks + 0.1), ylim=(ranks + 0.1, -0.1), aspect="equal")
        name = "start" if not number else f"step {number}"
        ax.set_title(name + (": add" if 0 < number < ranks else ": copy" if number else ""), size=9)
    fig.suptitle(f"Twice round: {ranks - 1} steps add up, {ranks - 1} hand round", size=11)
    return fig


def _ring_moments(ranks: int) -> list[tuple[list[list[int]], set[tuple[int, int]]]]:
    """At the start and after each step: ranks summed in each chunk, and the chunks just come."""
    summed = [[1] * ranks for _ in range(ranks)]
    moments = [([list(row) for row in summed], set[tuple[int, int]]())]
    for step in range(2 * (ranks - 1)):
        chunks = [(rank - step) % ranks for rank in range(ranks)]
        if step >= ranks - 1:
            chunks = [(rank + 1 - (step - ranks + 1)) % ranks for rank in range(ranks)]
        before = [list(row) for row in summed]
        came = set()
        for rank in range(ranks):
            chunk = chunks[rank - 1]
            came.add((rank, chunk))
            comes = before[rank - 1][chunk]
            summed[rank][chunk] = comes + before[rank][chunk] if step < ranks - 1 else comes
        moments.append(([list(row) for row in summed], came))
    return moments


def cut_mlp(ranks: int = 2) -> Figure:
    """An MLP's two matrices cut among ranks: the first by columns, the second by rows."""
    fig, ax = figure(size=(6.0, 2.5))
    shades = [(SHADES[1], SHADES[3], SHADES[0], SHADES[2])[rank % 4] for rank in range(ranks)]
    _bands(ax, 0.0, 1.2, (1.2, 1.6), ["white"], "input", "on every rank")
    _bands(ax, 2.2, 1.4, (3.2, 1.2), shades, "first matrix", "by columns")
    _bands(ax, 6.4, 1.2, (3.2, 1.6), shades, "hidden", "each its own")
    _bands(ax, 10.6, 0.4, (1.2, 3.2), shades, "second matrix", "by rows", across=False)
    _bands(ax, 12.8, 1.2, (1.2, 1.6), ["white"], "output", "one sum")
    for x, text in ((1.7, "×"), (5.9, "="), (10.1, "×"), (12.3, "=")):
        ax.text(x, 2.0, text, ha="center", va="center", fontsize=13)
    ax.set(xlim=(-0.6, 14.6), ylim=(-0.9, 4.5))
    ax.set_title("Columns, then rows: nothing is sent in between")
    ax.axis("off")
    return fig


def _bands(
    ax: Any,
    left: float,
    low: float,
    size: tuple[float, float],
    shades: Sequence[str],
    name: str,
    below: str,
    across: bool = True,
) -> None:
    """A matrix in bands, one for each shade, side by side or (not across) one below the other."""
    from matplotlib.patches import Rectangle

    width, height = size
    part = (width if across else height) / len(shades)
    for index, shade in enumerate(shades):
        at = (left + index * part, low) if across else (left, low + height - (index + 1) * part)
        extent = (part, height) if across else (width, part)
        ax.add_patch(Rectangle(at, *extent, facecolor=shade, edgecolor=INK, linewidth=0.8))
        if len(shades) > 1:
            color = "white" if shade == SHADES[3] else INK
            place = (at[0] + extent[0] / 2, at[1] + extent[1] / 2)
            ax.text(*place, str(index), ha="center", va="center", fontsize=9, color=color)
    ax.text(left + width / 2, 4.1, name, ha="center", fontsize=9)
    ax.text(left + width / 2, -0.5, below, ha="center", fontsize=8, color=INK)


def pipeline(stages: int, micro_batches: int, one_by_one: bool, ax: Axes | None = None) -> Axes:
    """A row for each stage, a box for each pass of a micro-batch: light forward, dark backward.

    `one_by_one`: 1F1B; else all passes forward come first. Every pass takes one slot.
    """
    from matplotlib.patches import Rectangle

    ax = axes_or_new(ax, size=(5.6, 1.1 + 0.4 * stages))
    boxes = _passes(stages, micro_batches, one_by_one)
    end = max(slot for _, slot, _, _ in boxes) + 1
    for stage, slot, number, forward in boxes:
        shade = SHADES[1] if forward else SHADES[3]
        ax.add_patch(
            Rectangle((slot, stage + 0.08), 1, 0.84, facecolor=shade, edgecolor=INK, linewidth=0.5)
        )
        color = INK if forward else "white"
        ax.text(
            slot + 0.5, stage + 0.53, str(number), ha="center", va="center", fontsize=8, color=color
        )
    ax.set(xlim=(0, end), ylim=(stages, 0), xlabel="slots")
    ax.set_xticks(range(0, end + 1, 2))
    ax.set_yticks([stage + 0.5 for stage in range(stages)], [f"stage {s}" for s in range(stages)])
    ax.tick_params(axis="y", length=0)
    name = "1F1B" if one_by_one else "All forward first"
    ax.set_title(f"{name}: {end} slots, each stage works in {2 * micro_batches}", fontsize=10)
    return ax


def _passes(stages: int, micro_batches: int, one_by_one: bool) -> list[tuple[int, int, int, bool]]:
    """(stage, slot, micro-batch, whether forward) of every pass, played slot by slot."""
    forward, backward = [0] * stages, [0] * stages
    boxes, slot = [], 0
    while min(backward) < micro_batches:
        ahead_of, behind_of = list(forward), list(backward)
        for stage in range(stages):
            most = stages - stage if one_by_one else micro_batches
            can_forward = forward[stage] < (ahead_of[stage - 1] if stage else micro_batches)
            can_forward &= forward[stage] - backward[stage] < most
            done = behind_of[stage + 1] if stage < stages - 1 else ahead_of[stage]
            can_backward = backward[stage] < done
            if not one_by_one and forward[stage] < micro_batches:
                can_backward = False
            if can_backward:
                boxes.append((stage, slot, backward[stage], False))
                backward[stage] += 1
            elif can_forward:
                boxes.append((stage, slot, forward[stage], True))
                forward[stage] += 1
        slot += 1
    return boxes


def scaling(curves: Mapping[str, Mapping[int, float]], title: str, ax: Axes | None = None) -> Axes:
    """How much of the devices' work is left for computing, against the number of devices."""
    ax = axes_or_new(ax, size=(5.6, 3.6))
    for place, (name, shares) in enumerate(curves.items()):
        style: Any = {"color": COLORS[place], "marker": MARKERS[place], "markersize": 5}
        ax.plot(list(shares), list(shares.values()), label=name, **style)
    ax.axhline(1, color=FAINT, linewidth=0.8)
    devices = sorted({count for shares in curves.values() for count in shares})
    ax.set_xscale("log", base=2)
    ax.set_xticks(devices, [str(count) for count in devices])
    ax.minorticks_off()
    ax.set(xlabel="devices", ylabel="time computing ÷ time of a step", ylim=(0, 1.08))
    ax.set_title(title)
    ax.legend(fontsize=9, frameon=False, loc="lower left")
    return ax


def seconds_by_size(
    curves: Mapping[str, Mapping[float, float]], marks: Mapping[str, float], title: str
) -> Axes:
    """Time against bytes, both on log axes; `marks`: named sizes, as thin lines."""
    ax = axes_or_new(None, size=(5.6, 3.6))
    for place, (name, seconds) in enumerate(curves.items()):
        ax.plot(list(seconds), list(seconds.values()), color=COLORS[place], label=name)
    for name, size in marks.items():
        ax.axvline(size, color=FAINT, linewidth=0.8)
        ax.text(
            size,
            0.2,
            name,
            transform=ax.get_xaxis_transform(),
            rotation=90,
            ha="right",
            va="bottom",
            fontsize=9,
            color=ACCENT,
        )
    ax.set(xscale="log", yscale="log", xlabel="bytes (log scale)", ylabel="seconds (log scale)")
    ax.set_title(title)
    ax.legend(fontsize=9, frameon=False, loc="upper left")
    return ax
