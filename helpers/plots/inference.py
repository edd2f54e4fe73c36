"""Pictures of what a token costs: who sees whom, time by length, readers against waiting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from helpers.plots.style import ACCENT, COLORS, FAINT, INK, MARKERS, SHADES, axes_or_new

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def seen_places(tokens: Sequence[str], new: str, title: str, ax: Axes | None = None) -> Axes:
    """Which place's key each query meets: the prompt's tokens, and below them one more, `new`."""
    every = [*tokens, new]
    ax = axes_or_new(ax, size=(3.8, 3.6))
    for row in range(len(every)):
        last = row == len(tokens)
        for column in range(row + 1):
            shade = SHADES[3] if last else SHADES[1]
            ax.add_patch(_square(column, row, facecolor=shade, edgecolor="white", linewidth=2))
    ax.set(xlim=(-0.5, len(every) - 0.5), ylim=(len(every) - 0.5, -0.5), aspect="equal")
    ax.set_xticks(range(len(every)), every)
    ax.set_yticks(range(len(every)), every)
    ax.tick_params(length=0)
    ax.spines[["left", "bottom"]].set_visible(False)
    ax.set(xlabel="key and value of", ylabel="query of")
    ax.set_title(title)
    return ax


def _square(column: int, row: int, **look: Any) -> Any:
    from matplotlib.patches import Rectangle

    return Rectangle((column - 0.5, row - 0.5), 1, 1, **look)


def time_by_length(
    lengths: Sequence[int],
    milliseconds: Mapping[str, Sequence[float]],
    title: str,
    least: float | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Time of the next token against the tokens before it, a curve for each way; both axes log.

    `least`: the milliseconds in which the weights can be read, as a level line.
    """
    ax = axes_or_new(ax, size=(5.2, 3.6))
    for place, (name, times) in enumerate(milliseconds.items()):
        color = (INK, COLORS[4], COLORS[0])[place % 3]
        ax.plot(lengths, times, color=color, marker=MARKERS[place], markersize=6, label=name)
    if least is not None:
        ax.axhline(least, color=FAINT, linestyle="--", label="bound: the weights are read once")
    ax.set(xscale="log", yscale="log")
    ax.set_xticks(list(lengths), [f"{length:,}" for length in lengths], minor=False)
    ax.set_xticks([], minor=True)
    ax.yaxis.set_major_formatter("{x:,g}")
    ax.set(xlabel="tokens before it", ylabel="ms for the next token")
    ax.set_title(title)
    ax.figure.legend(loc="outside lower center", ncols=1, fontsize=9)
    return ax


class Serving(NamedTuple):
    """A batch and what comes of it: ms between two tokens of a reader, tokens/s for all."""

    batch: int
    milliseconds: float
    rate: float


def throughput_and_latency(
    curves: Mapping[str, Sequence[Serving]],
    title: str,
    promise: float | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Tokens a second of all readers against how long each waits for a token; points are batches.

    `promise`: the milliseconds that are allowed, as a line from top to bottom.
    """
    ax = axes_or_new(ax, size=(5.2, 4.4))
    for place, (name, points) in enumerate(curves.items()):
        color = (INK, COLORS[0], COLORS[4], COLORS[2])[place % 4]
        times, rates = [p.milliseconds for p in points], [p.rate for p in points]
        ax.plot(times, rates, color=color, marker=MARKERS[place], markersize=5, label=name)
        for point in (points[0], points[-1]):
            first = point is points[0]
            if first and place:
                continue  # the first curve's says it for all
            ax.annotate(
                "1 reader" if point.batch == 1 else f"{point.batch:,}",
                (point.milliseconds, point.rate),
                xytext=(-6, -3) if first else (6, -3),
                ha="right" if first else "left",
                textcoords="offset points",
                fontsize=9,
                color=color,
            )
    if promise is not None:
        ax.axvline(promise, color=ACCENT, linestyle="--", linewidth=1)
        ax.annotate(
            f"{promise:g} ms promised",
            (promise, 0.02),
            xycoords=("data", "axes fraction"),
            xytext=(4, 0),
            textcoords="offset points",
            fontsize=9,
            color=ACCENT,
        )
    ax.set(xscale="log", yscale="log")
    ax.xaxis.set_major_locator(_one_two_five())
    ax.xaxis.set_major_formatter("{x:,g}")
    ax.xaxis.set_minor_formatter("")
    ax.yaxis.set_major_formatter("{x:,g}")
    ax.set(xlabel="ms that a reader waits for a token", ylabel="tokens/s, all readers")
    ax.margins(x=0.22)
    ax.set_title(title)
    ax.figure.legend(loc="outside lower center", ncols=1, fontsize=9)
    return ax


def _one_two_five() -> Any:
    from matplotlib.ticker import LogLocator

    return LogLocator(subs=(1, 2, 5))


def share_by_batch(
    batches: Sequence[int],
    shares: Mapping[str, Sequence[float]],
    title: str,
    ax: Axes | None = None,
) -> Axes:
    """Share of the experts (0 to 1) that a batch reads, a curve for each model."""
    ax = axes_or_new(ax, size=(5.2, 3.4))
    for place, (name, values) in enumerate(shares.items()):
        color = (INK, COLORS[4], COLORS[0])[place % 3]
        ax.plot(batches, values, color=color, marker=MARKERS[place], markersize=5, label=name)
    ax.set_xscale("log", base=2)
    ax.set_xticks(list(batches), [f"{batch:,}" for batch in batches])
    ax.set_ylim(0, 1.03)
    ax.yaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
    ax.set(xlabel="tokens in the batch", ylabel="experts that are read")
    ax.set_title(title)
    ax.legend(loc="lower right", frameon=False, fontsize=9)
    return ax
