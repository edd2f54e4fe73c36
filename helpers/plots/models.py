"""Models and layers side by side: what they hold against what they compute."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from helpers.plots.style import ACCENT, FAINT, INK, MARKERS, SHADES, figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def parameters_against_macs(models: Mapping[str, tuple[float, float]]) -> Figure:
    """Each model at its (parameters, MAC), both on log axes, with lines of equal MAC a parameter.

    A name may say the input after a comma ("BERT-base, 128 tokens").
    """
    fig, ax = figure(size=(6.4, 4.6))
    held = [parameters for parameters, _ in models.values()]
    done = [macs for _, macs in models.values()]
    low, high = min(held) / 4, max(held) * 7
    for reuse in (10, 100, 1000):
        ax.plot([low, high], [low * reuse, high * reuse], color=FAINT, linestyle=":", zorder=1)
        ax.annotate(
            f" {reuse} MAC a parameter",
            (low, low * reuse),
            xytext=(0, -2),
            textcoords="offset points",
            va="top",
            fontsize=8,
        )
    for place, (name, model) in enumerate(models.items()):
        # The left one of two that lie close together has its name on its left.
        left = any(
            1 < parameters / model[0] < 1.5 and 0.5 < macs / model[1] < 2
            for parameters, macs in models.values()
        )
        ax.scatter(*model, s=70, marker=MARKERS[place % 8], color=ACCENT, edgecolors=INK)
        ax.annotate(
            name,
            model,
            xytext=(-8 if left else 8, 0),
            textcoords="offset points",
            ha="right" if left else "left",
            va="center",
            fontsize=9,
            # The dotted lines must not run through a name.
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.3},
        )
    ax.set(xscale="log", yscale="log", xlim=(low, high), ylim=(min(done) / 8, max(done) * 3))
    ax.set(xlabel="parameters", ylabel="MAC for one input")
    reuse_of = {
        name.split(",")[0]: macs / parameters for name, (parameters, macs) in models.items()
    }
    ordered = sorted(reuse_of, key=lambda name: reuse_of[name])
    times = reuse_of[ordered[-1]] / reuse_of[ordered[0]]
    ax.set_title(f"{ordered[-1]} uses a parameter {times:.0f}× as often as {ordered[0]}")
    return fig


def held_and_done(layers: Mapping[str, tuple[float, float]]) -> Figure:
    """Each layer's share of all weights beside its share of all MAC, from (weights, MAC)."""
    fig, ax = figure(size=(6.2, 0.5 * len(layers) + 1.2))
    totals = [sum(layer[kind] for layer in layers.values()) for kind in (0, 1)]
    for kind, (label, shade, hatch) in enumerate(
        (("weights", SHADES[1], "//"), ("MAC", SHADES[3], ""))
    ):
        shares = [100 * layer[kind] / totals[kind] for layer in layers.values()]
        places = [row + 0.4 * kind for row in range(len(layers))]
        ax.barh(places, shares, 0.38, color=shade, hatch=hatch, edgecolor=INK, label=label)
        for y, share in zip(places, shares, strict=True):
            ax.text(share + 0.8, y, f"{share:.1f}", va="center", fontsize=9)
    ax.set_yticks([row + 0.2 for row in range(len(layers))], list(layers))
    ax.invert_yaxis()
    ax.set_xlabel("share of the network, %")
    heaviest = max(layers, key=lambda name: layers[name][0])
    busiest = max(layers, key=lambda name: layers[name][1])
    ax.set_title(f"{heaviest} holds the most weights, {busiest} does the most work")
    ax.legend(loc="lower right")
    return fig
