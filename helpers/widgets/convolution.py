"""A convolution to play with: what kernel, stride, padding and groups do to its cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from helpers.conventions import format_bytes, format_count
from helpers.meter import count
from helpers.plots.layers import window_row
from helpers.plots.style import ACCENT, FAINT, SHADES, figure
from helpers.widgets.sliders import with_sliders

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Channels in and out, and side of the image: small enough to draw a row of it.
CHANNELS, SIZE = 64, 12


def convolution() -> None:
    """Shows the figure of `convolution_figure` with sliders."""
    with_sliders(
        convolution_figure,
        {
            "kernel": (3, 1, 5, 7),
            "stride": (1, 2, 3, 4),
            "padding": (1, 0, 2, 3),
            # The first is where it starts: not where every dot stands at 1.
            "groups": (8, 1, 2, 4, 16, 32, 64),
        },
    )


def convolution_costs(kernel: int, stride: int, padding: int, groups: int) -> dict[str, float]:
    """Parameters, MAC and bytes moved (fp32, batch 1, no bias) of 64 → 64 channels on 12 × 12."""
    counted = count(_layer(kernel, stride, padding, groups), (1, CHANNELS, SIZE, SIZE))
    return {
        "parameters": counted.parameters,
        "MAC": counted.macs,
        "traffic": counted.bytes_moved,
    }


def _layer(kernel: int, stride: int, padding: int, groups: int) -> nn.Conv2d:
    options: dict[str, Any] = {"groups": groups, "bias": False, "device": "meta"}
    return nn.Conv2d(CHANNELS, CHANNELS, kernel, stride, padding, **options)


def convolution_figure(kernel: int, stride: int, padding: int, groups: int) -> Figure:
    """Places of the kernel over a row of the image, and the costs beside those of 3×3, standard."""
    costs = convolution_costs(kernel, stride, padding, groups)
    usual = convolution_costs(3, 1, 1, 1)
    pixels = torch.empty(1, CHANNELS, SIZE, SIZE, device="meta")
    out = _layer(kernel, stride, padding, groups)(pixels).shape[-1]
    fig, (row, bars) = figure(2, 1, size=(6.2, 4.6), gridspec_kw={"height_ratios": [3, 2]})
    window_row(row, (SIZE, kernel, stride, padding))
    row.set_ylim(-5.6, 1.1)  # room for every choice, so that the pixels keep their size
    row.set_title(f"{SIZE} × {SIZE} pixels become {out} × {out}, {CHANNELS} channels", fontsize=11)
    texts = {
        "parameters": format_count(costs["parameters"]),
        "MAC": format_count(costs["MAC"], "MAC"),
        "traffic": format_bytes(costs["traffic"], "decimal"),
    }
    names = list(costs)
    shares = [costs[name] / usual[name] for name in names]
    bars.axvline(1, color=FAINT, linestyle="--")
    bars.hlines(names, 1, shares, color=SHADES[2], linewidth=3)
    bars.plot(shares, names, "o", color=ACCENT, markersize=8)
    for place, (name, share) in enumerate(zip(names, shares, strict=True)):
        label = bars.text(share, place - 0.2, texts[name], ha="center", va="bottom", fontsize=10)
        # The dashed line must not run through the number.
        label.set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 0.5})
    bars.set(xscale="log", xlim=(5e-4, 40), ylim=(-0.8, 2.3))
    bars.set_xlabel("times those of kernel 3, stride 1, padding 1, one group")
    bars.invert_yaxis()
    return fig
