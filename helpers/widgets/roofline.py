"""A roofline to play with: device, number format, layer and batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helpers.conventions import dtype_bytes, format_count
from helpers.hardware import DEVICES
from helpers.plots.roofs import Roof, roofs
from helpers.plots.style import ACCENT, figure
from helpers.roofline import Point, point
from helpers.widgets.sliders import with_sliders

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Inputs and outputs of linear layers without bias.
LAYERS = {"64 → 32": (64, 32), "768 → 3072": (768, 3072), "4096 → 11008": (4096, 11008)}


def roofline() -> None:
    """Shows the figure of `roofline_figure` with sliders."""
    with_sliders(
        roofline_figure,
        {
            "device": ("A100", *(name for name in DEVICES if name != "A100")),
            "dtype": ("bf16", "fp16", "tf32", "fp32"),
            "layer": ("768 → 3072", "64 → 32", "4096 → 11008"),
            "batch": (1, *(2**power for power in range(1, 15))),
        },
    )


def linear_point(device: str, dtype: str, layer: str, batch: int) -> Point:
    """Where a linear layer without bias stands under a device's roof: a bound, nothing measured.

    ValueError where the device has no peak in that dtype.
    """
    m, n = LAYERS[layer]
    moved = dtype_bytes(dtype) * (m * n + batch * (m + n))
    return point(f"Linear({layer})", 2 * batch * m * n, moved, device, dtype)


def roofline_figure(device: str, dtype: str, layer: str, batch: int) -> Figure:
    """The layer under the roof, its bound in the title; a text where the device lacks the dtype."""
    where = DEVICES[device]
    if dtype not in where.peak:
        dtypes = ", ".join(where.peak)
        return _said(f"{where.name} has no {dtype} peak in our table.\nIt has {dtypes}.")
    here = linear_point(device, dtype, layer, batch)
    share = here.rate / where.peak_at(dtype)
    ax = roofs(
        [Roof(f"{where.name}, {dtype}", where.peak_at(dtype), where.bandwidth)],
        f"Bound by {here.bound}: at most {100 * share:.3g} % of the peak",
        span=(0.1, 1e4),
    )
    ax.plot(here.intensity, here.rate, "s", color=ACCENT, markersize=10)
    crowded = here.intensity > 300
    digits = ",.0f" if crowded else ".3g"
    ax.annotate(
        f"batch {batch:,}\n{here.intensity:{digits}} FLOP/B\n{format_count(here.rate, 'FLOP/s')}",
        (here.intensity, here.rate),
        xytext=(-8 if crowded else 8, -42),
        textcoords="offset points",
        ha="right" if crowded else "left",
        fontsize=9,
    )
    # One frame for every choice, so that the point moves and not the axes.
    ax.set_ylim(1e10, 1e16)
    drawn = ax.get_figure()
    assert drawn is not None
    return drawn  # type: ignore[return-value]


def _said(text: str) -> Figure:
    fig, ax = figure(size=(6.2, 4.2))
    ax.text(0.5, 0.5, text, ha="center", va="center", fontsize=11)
    ax.axis("off")
    return fig
