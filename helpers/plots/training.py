"""Pictures of a training step: its memory over time, its peak by batch, a chain in segments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING

from helpers.conventions import BYTE_UNITS, format_bytes
from helpers.plots.style import ACCENT, COLORS, FAINT, HATCHES, INK, MARKERS, axes_or_new

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from helpers.meter.memory.predict import Memory

#: From the bottom up; a category keeps its colour in every picture.
_LAYERS = (
    "weights",
    "Adam m",
    "Adam v",
    "gradients",
    "saved activations",
    "temporaries",
    "inputs and the rest",
)


def step_timeline(
    memory: Memory, title: str = "", sum_of_parts: float | None = None, ax: Axes | None = None
) -> Axes:
    """What a step holds at every operation, its highest moment marked and named.

    `sum_of_parts`: bytes of an estimate that adds up everything, drawn as a dashed line. The update
    has many small operations and little to show: it gets a quarter of the width at most.
    """
    ax = axes_or_new(ax, (4.8, 5.0))
    timeline = memory.timeline
    places = _places(timeline.phases)
    highest = max(memory.peak, sum_of_parts or 0)
    unit = "GiB" if highest >= 2**30 else "MiB"
    scale = BYTE_UNITS[unit]
    held = {name: [0.0] * len(timeline.total) for name in _LAYERS}
    for name, amounts in timeline.bytes.items():
        head = name.split("/")[0]
        series = held[head if head in held else _LAYERS[-1]]
        for at, amount in enumerate(amounts):
            series[at] += amount / scale
    # What is too thin to see would only lengthen the legend.
    shown = [n for n in _LAYERS[:-1] if max(held[n]) * scale > 0.01 * memory.peak]
    for name in _LAYERS[:-1]:
        if name not in shown:
            held[_LAYERS[-1]] = [a + b for a, b in zip(held[_LAYERS[-1]], held[name], strict=True)]
    shown.append(_LAYERS[-1])
    areas = ax.stackplot(
        places,
        *(held[name] for name in shown),
        labels=shown,
        colors=[COLORS[_LAYERS.index(name)] for name in shown],
        edgecolor="white",
        linewidth=0.2,
    )
    for name, area in zip(shown, areas, strict=True):
        area.set_hatch(HATCHES[_LAYERS.index(name)])
    for phase in dict.fromkeys(timeline.phases):
        start = places[timeline.phases.index(phase)]
        ax.axvline(start, color=FAINT, linewidth=0.8)
        ax.text(start, 1.0, f" {phase}", transform=ax.get_xaxis_transform(), va="top", fontsize=9)
    ax.set_xlim(0, places[-1])
    ax.set_xticks([])
    ax.set_ylim(0, 1.28 * highest / scale)
    _name_peak(ax, memory, places, scale, 1.1 * highest / scale)
    if sum_of_parts is not None:
        ax.axhline(sum_of_parts / scale, color=ACCENT, linestyle="--")
        ax.annotate(
            f"sum of parts {format_bytes(sum_of_parts)}",
            (places[-1], sum_of_parts / scale),
            xytext=(0, 3),
            textcoords="offset points",
            ha="right",
            fontsize=9,
            color=ACCENT,
        )
    ax.set_title(title or f"{format_bytes(memory.peak)} at the peak")
    ax.set_xlabel("operation after operation")
    ax.set_ylabel(f"{unit} held")
    handles, labels = ax.get_legend_handles_labels()
    ax.figure.legend(handles, labels, loc="outside lower center", ncols=2, fontsize=9)
    return ax


def _places(phases: Sequence[str]) -> list[float]:
    """Where each operation stands: evenly spaced, but for those of the update, which are closer
    where they would take more than a quarter of the width."""
    updates = sum(phase == "optimizer" for phase in phases)
    others = len(phases) - updates
    step = min(1.0, others / 3 / updates) if updates else 1.0
    ends = accumulate(step if phase == "optimizer" else 1.0 for phase in phases)
    return [end - (1.0 if others else step) for end in ends]


def _name_peak(
    ax: Axes, memory: Memory, places: Sequence[float], scale: float, height: float
) -> None:
    timeline = memory.timeline
    at = places[timeline.peak_at]
    operation = timeline.operations[timeline.peak_at].removeprefix("aten.").split(".")[0]
    ax.annotate(
        f"{format_bytes(memory.peak)}: {operation}, {timeline.phases[timeline.peak_at]}",
        (at, timeline.total[timeline.peak_at] / scale),
        # In the middle, where the longest name has room.
        xytext=(places[-1] / 2, height),
        ha="center",
        fontsize=9,
        color=INK,
        arrowprops={"arrowstyle": "-|>", "color": INK, "shrinkB": 0},
    )


def peak_by_batch(
    peaks: Mapping[int, float],
    fixed: float,
    per_image: float,
    capacities: Mapping[str, float],
    title: str,
    ax: Axes | None = None,
) -> Axes:
    """Peaks (bytes) as points by batch, the line `fixed` + batch · `per_image`, and devices.

    `capacities`: bytes of memory by the device's name, drawn as level lines.
    """
    ax = axes_or_new(ax, (4.8, 3.6))
    gib = BYTE_UNITS["GiB"]
    last = max(peaks)
    ax.plot(
        [0, last],
        [fixed / gib, (fixed + last * per_image) / gib],
        "--",
        color=COLORS[0],
        label="fixed + batch · per image",
    )
    amounts = [peak / gib for peak in peaks.values()]
    ax.plot(list(peaks), amounts, MARKERS[1], color=INK, label="predicted peak")
    for name, capacity in capacities.items():
        ax.axhline(capacity / gib, color=FAINT, linewidth=1.5)
        ax.annotate(
            name,
            (0, capacity / gib),
            xytext=(3, 3),
            textcoords="offset points",
            fontsize=9,
        )
    ax.set(xlabel="batch", ylabel="GiB", title=title, xlim=(0, last * 1.04))
    ax.set_ylim(0, max([*amounts, *(c / gib for c in capacities.values())]) * 1.12)
    ax.legend(loc="lower right")
    return ax


def segments_and_bytes(
    measured: Mapping[int, float],
    by_hand: Mapping[int, float],
    without: float,
    title: str,
    ax: Axes | None = None,
) -> Axes:
    """Peaks (bytes) of a chain by its number of segments, measured beside counted by hand.

    `without`: the measured peak of the same chain without checkpoints, drawn as a level line.
    """
    ax = axes_or_new(ax, (4.8, 3.6))
    mib = BYTE_UNITS["MiB"]
    ax.axhline(without / mib, color=FAINT, linewidth=1.5)
    ax.annotate(
        "measured without checkpoints",
        (max(measured), without / mib),
        xytext=(0, 3),
        textcoords="offset points",
        ha="right",
        fontsize=9,
    )
    for label, peaks, line, color in (
        ("by hand", by_hand, "--", COLORS[4]),
        ("measured", measured, "-", COLORS[0]),
    ):
        marker = MARKERS[label == "measured"]
        amounts = [peak / mib for peak in peaks.values()]
        ax.plot(list(peaks), amounts, line, marker=marker, color=color, label=label)
    ax.set_xscale("log", base=2)
    ax.set_xticks(list(measured), [f"{segments}" for segments in measured])
    ax.set(xlabel="segments (log scale)", ylabel="peak, MiB", title=title)
    ax.set_ylim(0, without / mib * 1.15)
    ax.legend(loc="lower right")
    return ax
