"""A convolution to play with: what kernel, stride, padding and groups do to its cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helpers.conventions import format_bytes, format_count
from helpers.plots.layers import window_row
from helpers.plots.style import ACCENT, FAINT, SHADES, figure
from helpers.reference.convolution import Convolution, conv2d_output_size
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
            "groups": (1, 2, 4, 8, 16, 32, 64),
        },
    )


def convolution_costs(kernel: int, stride: int, padding: int, groups: int) -> dict[str, float]:
    """Parameters, MAC and bytes moved (fp32, batch 1, no bias) of 64 → 64 channels on 12 × 12."""
    sizes = (1, CHANNELS, CHANNELS, (SIZE, SIZE), kernel, stride, padding)
    layer = Convolution(*sizes, groups=groups, bias=False)
    return {
        "parameters": layer.parameters().total,
        "MAC": layer.macs().total,
        "traffic": layer.bytes().total,
    }


def convolution_figure(kernel: int, stride: int, padding: int, groups: int) -> Figure:
    """Places of the kernel over a row of the image, and the costs beside those of 3×3, standard."""
    costs = convolution_costs(kernel, stride, padding, groups)
    usual = convolution_costs(3, 1, 1, 1)
    out = conv2d_output_size(SIZE, kernel, stride, padding)
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
