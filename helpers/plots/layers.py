"""Drawings of layers: where a kernel stands, who is connected, what is averaged, what bends.

Every function returns a figure whose title says what it shows. Shade and hatch carry meaning,
never colour alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from helpers.plots.style import ACCENT, FAINT, INK, SHADES, figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: (size, kernel, stride, padding) of a one-dimensional convolution.
Window = tuple[int, int, int, int]


def window_places(window: Window) -> list[int]:
    """Where the kernel starts in each place, in input pixels: −1 is the first padded one."""
    size, kernel, stride, padding = window
    return list(range(-padding, size + padding - kernel + 1, stride))


def windows(settings: Sequence[Window]) -> Figure:
    """Places of a kernel over one row of pixels, one panel for each setting.

    Padded pixels are dashed. Every bar below the row is one place of the kernel: one output.
    """
    heights = [1.6 + 0.28 * len(window_places(setting)) for setting in settings]
    fig, panels = figure(
        len(settings), 1, size=(5.6, 0.36 * sum(heights)), gridspec_kw={"height_ratios": heights}
    )
    widest = max(size + 2 * padding for size, _, _, padding in settings)
    for ax, setting in zip(np.atleast_1d(panels), settings, strict=True):
        size, kernel, stride, padding = setting
        window_row(ax, setting, widest)
        ax.set_title(
            f"{size} in, kernel {kernel}, stride {stride}, padding {padding}: "
            f"{len(window_places(setting))} out",
            fontsize=10,
        )
    return fig


def window_row(ax: Axes, window: Window, widest: int = 0) -> None:
    """Pixels of one row, and below them a bar for each place of the kernel.

    `widest` is the number of pixels that the panel has room for, if more than the row has.
    """
    size, kernel, _, padding = window
    for pixel in range(-padding, size + padding):
        _cell(ax, pixel, 0, padded=not 0 <= pixel < size)
    places = window_places(window)
    for number, start in enumerate(places):
        y = -0.35 - 0.28 * number
        ax.plot([start + 0.1, start + kernel - 0.2], [y, y], color=ACCENT, linewidth=4)
    margin = (max(widest, size + 2 * padding) - size) / 2
    ax.set(xlim=(-margin - 0.3, size + margin + 0.3), ylim=(-0.5 - 0.28 * len(places), 1.1))
    ax.axis("off")


def _cell(ax: Axes, x: float, y: float, padded: bool = False) -> None:
    from matplotlib.patches import Rectangle

    ax.add_patch(
        Rectangle(
            (x, y),
            0.9,
            0.9,
            facecolor="none" if padded else SHADES[1],
            edgecolor=INK,
            linestyle="--" if padded else "-",
            linewidth=0.8,
        )
    )
    if padded:
        ax.text(x + 0.45, y + 0.42, "0", ha="center", va="center", fontsize=9, color=INK)


def channel_groups(channels: int, groups: Sequence[int]) -> Figure:
    """Which input channels each output channel sees, one panel for each number of groups."""
    fig, panels = figure(1, len(groups), size=(1.9 * len(groups), 2.9))
    for ax, parts in zip(np.atleast_1d(panels), groups, strict=True):
        size = channels // parts
        for output in range(channels):
            first = output // size * size
            for source in range(first, first + size):
                ax.plot([0, 1], [-source, -output], color=FAINT, linewidth=0.9, zorder=1)
        for x, marker in ((0, "o"), (1, "s")):
            rows = [-row for row in range(channels)]
            shades = [SHADES[1 + (row // size) % 3] for row in range(channels)]
            ax.scatter(
                [x] * channels, rows, s=90, c=shades, marker=marker, edgecolors=INK, zorder=2
            )
        name = {1: "standard", channels: "depthwise"}.get(parts, f"{parts} groups")
        ax.set_title(f"{name}: {channels * size} kernels", fontsize=10)
        ax.set(xlim=(-0.3, 1.3), ylim=(-channels + 0.2, 0.8))
        ax.text(0, 0.5, "in", ha="center", fontsize=9)
        ax.text(1, 0.5, "out", ha="center", fontsize=9)
        ax.axis("off")
    return fig


def receptive_fields(stacks: Sequence[tuple[Sequence[int], Sequence[int]]]) -> Figure:
    """What one output sees of the input through a stack of (kernels, strides), a panel each."""
    fig, panels = figure(1, len(stacks), size=(2.2 * len(stacks), 2.3), sharey=True)
    widest = max(seen_by_one_output(*stack)[0][1] for stack in stacks) + 1
    for ax, (kernels, strides) in zip(np.atleast_1d(panels), stacks, strict=True):
        spans = seen_by_one_output(kernels, strides)
        # One unit of each level in input pixels: outputs behind strides lie further apart.
        jumps = np.cumprod([1, *strides]).tolist()
        centre = [0.0]
        for kernel, jump in zip(kernels, jumps, strict=False):
            centre.append(centre[-1] + (kernel - 1) / 2 * jump)
        for level, (first, last) in enumerate(spans):
            x = [centre[level] + jumps[level] * i for i in range(first, last + 1)]
            ax.scatter(x, [level] * len(x), s=45, c=SHADES[1 + level % 3], edgecolors=INK, zorder=2)
            if level:
                kernel, stride = kernels[level - 1], strides[level - 1]
                for i in range(first, last + 1):
                    for k in range(kernel):
                        below = centre[level - 1] + jumps[level - 1] * (i * stride + k)
                        here = centre[level] + jumps[level] * i
                        ax.plot([below, here], [level - 1, level], color=FAINT, lw=0.8, zorder=1)
        seen = spans[0][1] + 1
        ax.set_title(f"strides {', '.join(map(str, strides))}: sees {seen}", fontsize=10)
        middle = (seen - 1) / 2
        ax.set(xlim=(middle - widest / 2, middle + widest / 2), ylim=(-0.4, len(kernels) + 0.4))
        names = ["input", *(f"layer {number + 1}" for number in range(len(kernels)))]
        ax.set_yticks(range(len(names)), names)
        ax.tick_params(length=0, labelsize=9)
        ax.set_xticks([])
        for side in ax.spines.values():
            side.set_visible(False)
    return fig


def seen_by_one_output(kernels: Sequence[int], strides: Sequence[int]) -> list[tuple[int, int]]:
    """First and last number that output 0 depends on, at every level, the input first."""
    spans = [(0, 0)]
    for kernel, stride in zip(reversed(kernels), reversed(strides), strict=True):
        first, last = spans[0]
        spans.insert(0, (first * stride, last * stride + kernel - 1))
    return spans


def norm_groups(kind: str, images: int, channels: int, groups: int) -> np.ndarray:
    """Number of the mean that each (image, channel) is averaged into: (images, channels) ints."""
    image, channel = np.meshgrid(range(images), range(channels), indexing="ij")
    return {
        "batch": channel,
        "layer": image,
        "instance": image * channels + channel,
        "group": image * groups + channel // (channels // groups),
    }[kind]


def normalization_axes(images: int = 3, channels: int = 4, groups: int = 2) -> Figure:
    """Which cells share one mean: rows are images, columns channels.

    A cell is the height × width of one channel of one image; cells of one number share a mean.
    """
    from matplotlib.patches import Rectangle

    fig, panels = figure(2, 2, size=(5.4, 4.6))
    for ax, kind in zip(panels.flat, ("batch", "layer", "instance", "group"), strict=True):
        means = norm_groups(kind, images, channels, groups)
        for (image, channel), mean in np.ndenumerate(means):
            ax.add_patch(
                Rectangle((channel, -image), 0.92, 0.92, facecolor=SHADES[mean % 3], edgecolor=INK)
            )
            ax.text(channel + 0.46, 0.46 - image, f"μ{mean + 1}", ha="center", va="center")
        count = len(np.unique(means))
        ax.set_title(f"{kind} norm: {count} means", fontsize=10)
        ax.set(xlim=(-0.1, channels + 0.05), ylim=(-images + 0.9, 1.05), aspect="equal")
        ax.set_xticks(np.arange(channels) + 0.46, [f"c{i + 1}" for i in range(channels)])
        ax.set_yticks(0.46 - np.arange(images), [f"image {i + 1}" for i in range(images)])
        ax.tick_params(length=0, labelsize=9)
        for side in ax.spines.values():
            side.set_visible(False)
    return fig


def activation_curves(functions: Mapping[str, Callable[[Any], Any]]) -> Figure:
    """The curve of every function on −8 … 8, and the band of outputs that it can give there."""
    import torch

    x = torch.linspace(-8, 8, 321)
    columns = 3
    rows = -(-len(functions) // columns)
    fig, panels = figure(rows, columns, size=(5.2, 1.6 * rows), sharex=True, sharey=True)
    for ax, (name, function) in zip(panels.flat, functions.items(), strict=False):
        y = function(x)
        low, high = float(y.min()), float(y.max())
        ax.axhspan(low, high, color=SHADES[0], zorder=0)
        ax.axhline(0, color=FAINT, linewidth=0.8)
        ax.axvline(0, color=FAINT, linewidth=0.8)
        ax.plot(x, y, color=ACCENT, linewidth=2)
        ax.set_title(f"{name}: {low:.2g} … {high:.2g}", fontsize=9)
    for ax in list(panels.flat)[len(functions) :]:
        ax.axis("off")
    fig.supxlabel("input", fontsize=9)
    fig.supylabel("output", fontsize=9)
    return fig


def reshaped_plane(
    points: np.ndarray,
    hidden: np.ndarray,
    labels: np.ndarray,
    neurons: Sequence[tuple[float, float, float]],
    classifier: tuple[float, float, float],
) -> Figure:
    """Points (n, 2) before and (n, 2) after a layer, and the lines that divide them.

    `neurons` are (w₁, w₂, b) of the hidden neurons, drawn on the left where their sum is zero;
    `classifier` is (w₁, w₂, b) of the output neuron, drawn on the right.
    """
    fig, (before, after) = figure(1, 2, size=(6.2, 3.1))
    for ax, xy in ((before, points), (after, hidden)):
        for label, marker, shade in ((0, "o", SHADES[0]), (1, "s", SHADES[3])):
            mine = xy[labels == label]
            ax.scatter(mine[:, 0], mine[:, 1], s=28, c=shade, marker=marker, edgecolors=INK)
        margin = 0.12 * np.ptp(xy)
        low, high = xy.min(axis=0) - margin, xy.max(axis=0) + margin
        ax.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]))
    for neuron in neurons:
        _line(before, neuron, "--")
    _line(after, classifier, "-")
    before.set_title("before: no line separates them", fontsize=10)
    before.set(xlabel="x₁", ylabel="x₂")
    after.set_title("after the ReLU layer: one does", fontsize=10)
    after.set(xlabel="neuron 1", ylabel="neuron 2")
    return fig


def _line(ax: Axes, weights: tuple[float, float, float], style: str) -> None:
    """Where w₁ x + w₂ y + b = 0, across the whole panel."""
    w1, w2, b = weights
    length = w1**2 + w2**2
    x, y = -b * w1 / length, -b * w2 / length
    ax.axline((x, y), (x - w2, y + w1), color=ACCENT, linestyle=style, linewidth=1.6)


def transformer_block(tokens: int, width: int) -> Figure:
    """The parts of a block (norm first) from left to right, with the shape between them."""
    from matplotlib.patches import FancyArrowPatch, Rectangle

    fig, ax = figure(size=(6.4, 2.2))
    parts = ("norm", "attention", "+", "norm", "MLP", "+")
    widths = (0.9, 1.5, 0.4, 0.9, 1.5, 0.4)
    x, places = 0.6, []
    for part, wide in zip(parts, widths, strict=True):
        ax.add_patch(Rectangle((x, 0.2), wide, 0.6, facecolor=SHADES[0], edgecolor=INK))
        ax.text(x + wide / 2, 0.5, part, ha="center", va="center", fontsize=10)
        places.append((x, x + wide))
        x += wide + 0.35
    starts = [0.0, *(right for _, right in places)]
    ends = [*(left for left, _ in places), x + 0.15]
    for start, end in zip(starts, ends, strict=True):
        ax.add_patch(
            FancyArrowPatch((start, 0.5), (end, 0.5), arrowstyle="-|>", mutation_scale=9, color=INK)
        )
    for first, last in ((0, 2), (3, 5)):
        left, right = places[first][0] - 0.2, sum(places[last]) / 2
        ax.plot([left, left, right], [0.5, 1.15, 1.15], color=ACCENT, linewidth=1.6)
        ax.add_patch(
            FancyArrowPatch(
                (right, 1.15), (right, 0.8), arrowstyle="-|>", mutation_scale=9, color=ACCENT
            )
        )
        ax.text((left + right) / 2, 1.22, "residual", ha="center", fontsize=9)
    ax.set_title(f"Every arrow carries {tokens} tokens of width {width}", fontsize=10)
    ax.set(xlim=(-0.1, x + 0.3), ylim=(0, 1.5))
    ax.axis("off")
    return fig
