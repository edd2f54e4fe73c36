"""Pictures of memory: a step over time, activations layer by layer, and what fits a device."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from helpers.conventions import format_bytes
from helpers.plots.style import ACCENT, COLORS, FAINT, HATCHES, INK, axes_or_new

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from helpers.ledger import Ledger
    from helpers.meter.memory import Memory
    from helpers.meter.step import SavedTensor

GIB = 2**30


def memory_timeline(memory: Memory, capacity: float | None = None, ax: Axes | None = None) -> Axes:
    """A step as stacked areas, one for each category, its phases marked and its peak named.

    `capacity`: bytes of a device, drawn as a line.
    """
    ax = axes_or_new(ax, (7.2, 4.0))
    timeline = memory.timeline
    summed: dict[str, list[float]] = {}
    for name, held in timeline.bytes.items():
        series = summed.setdefault(name.split("/")[0], [0.0] * len(held))
        for at, amount in enumerate(held):
            series[at] += amount / GIB
    # A layer too thin to see would only lengthen the legend.
    shown = {name: held for name, held in summed.items() if max(held) * GIB > 0.005 * memory.peak}
    rest = set(summed) - set(shown)
    base = next(iter(shown))
    for name in rest:
        shown[base] = [a + b for a, b in zip(shown[base], summed[name], strict=True)]
    areas = ax.stackplot(
        range(len(timeline.total)),
        *shown.values(),
        labels=shown,
        colors=[COLORS[i % len(COLORS)] for i in range(len(shown))],
        edgecolor="white",
        linewidth=0.2,
    )
    for number, area in enumerate(areas):
        area.set_hatch(HATCHES[number % len(HATCHES)])
    peak = timeline.peak_at
    ax.plot(peak, timeline.total[peak] / GIB, "v", color=INK)
    for phase in dict.fromkeys(timeline.phases):
        start = timeline.phases.index(phase)
        ax.axvline(start, color=FAINT, linewidth=0.8)
        ax.text(start, 1.0, f" {phase}", transform=ax.get_xaxis_transform(), va="top", fontsize=9)
    if capacity is not None:
        ax.axhline(capacity / GIB, color=ACCENT, linestyle="--")
        ax.text(
            len(timeline.total) - 1,
            capacity / GIB,
            f"capacity {format_bytes(capacity)}",
            ha="right",
            va="bottom",
            fontsize=9,
        )
    ax.set_title(f"{format_bytes(memory.peak)} at the peak, in {timeline.phases[peak]}")
    ax.set_xlabel("operation")
    ax.set_ylabel("GiB held")
    ax.set_xlim(0, len(timeline.total) - 1)
    ax.margins(y=0.1)
    handles, labels = ax.get_legend_handles_labels()
    ax.legend(handles[::-1], labels[::-1], loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return ax


def activations_by_layer(
    activations: Ledger, saved: Sequence[SavedTensor] = (), ax: Axes | None = None
) -> Axes:
    """Each layer's input + output, which inference holds, beside what training saves there.

    `activations`: of a chain, the input first (`reference.chain_activations`), in elements or B.
    `saved`: as `Memory.saved`; what a module saved is drawn at the layer of the same name. In
    elements of 4 B where the ledger counts elements.
    """
    ax = axes_or_new(ax, (7.2, 3.6))
    names = [term.name for term in activations.terms[1:]]
    amounts = [term.amount for term in activations.terms]
    both = [before + after for before, after in pairwise(amounts)]
    width = 4 if activations.unit == "elements" else 1
    kept = [sum(t.bytes for t in saved if t.module == name) / width for name in names]
    places = range(len(names))
    ax.bar([p - 0.2 for p in places], both, 0.4, color=COLORS[0], label="in + out (inference)")
    if saved:
        ax.bar([p + 0.2 for p in places], kept, 0.4, color=COLORS[1], hatch="//", label="saved")
    top = max(range(len(both)), key=both.__getitem__)
    ax.set_title(f"{names[top]} needs most: {both[top]:,.0f} {activations.unit} at once")
    ax.set_xticks(list(places), names, rotation=60, ha="right")
    ax.set_ylabel(activations.unit)
    ax.legend()
    return ax


def fits(steps: Mapping[str, Memory], capacity: float, ax: Axes | None = None) -> Axes:
    """One bar for each predicted step against a device's memory; what does not fit is hatched.

    `steps`: by label ("batch 8"). `capacity`: bytes of the device.
    """
    ax = axes_or_new(ax, (6.4, 0.8 + 0.4 * len(steps)))
    fitting = [label for label, memory in steps.items() if memory.fits(capacity)]
    for place, (label, memory) in enumerate(steps.items()):
        held = memory.on_device / GIB
        inside = label in fitting
        ax.barh(
            place,
            held,
            color=COLORS[0] if inside else COLORS[4],
            hatch="" if inside else "//",
            edgecolor="white",
        )
        verdict = "fits" if inside else "does not fit"
        ax.text(held, place, f" {held:.2f} GiB, {verdict}", va="center", fontsize=9)
    ax.axvline(capacity / GIB, color=ACCENT, linestyle="--")
    ax.set_title(f"{len(fitting)} of {len(steps)} fit into {format_bytes(capacity)}")
    ax.set_yticks(range(len(steps)), list(steps))
    ax.invert_yaxis()
    ax.set_xlabel("GiB")
    ax.margins(x=0.3)
    return ax
