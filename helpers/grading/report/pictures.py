"""The report's pictures, as SVG that stands in a page: real text, no size of its own."""

from __future__ import annotations

import io
import re
import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np

from helpers.grading.report.data import ClassReport
from helpers.plots.bars import bars
from helpers.plots.calibration import calibration
from helpers.plots.style import ACCENT, INK, SHADES, figure

#: Bars in the picture of misconceptions.
MOST_BARS = 10
#: Inches: letters stay readable where the page is as narrow as a phone.
WIDTH = 4.8


def distribution(report: ClassReport) -> str:
    """How many students have how many points."""
    grades = np.array([each.grade for each in report.grades])
    median = float(np.median(grades))
    step = max(1.0, np.ceil(report.out_of / 24))
    edges = np.arange(0, report.out_of + step, step)
    drawn, axes = figure(size=(WIDTH, 2.8))
    axes.hist(grades, bins=edges, color=SHADES[2], edgecolor=INK, linewidth=0.6)
    axes.axvline(median, color=ACCENT, linestyle="--", linewidth=1.5)
    axes.set_title(f"Half the class has {median:.4g} of {report.out_of:g} points or more")
    axes.set_xlabel("points")
    axes.set_ylabel("students")
    axes.yaxis.get_major_locator().set_params(integer=True)
    return as_svg(drawn)


def difficulty(report: ClassReport) -> str:
    """The mean share of each question's points."""
    rated = [(each.name, each.difficulty) for each in report.questions]
    shares = {name: share * 100 for name, share in rated if share is not None}
    hardest = min(shares, key=lambda name: shares[name])
    title = f"{hardest} is the hardest: {shares[hardest]:.0f} % of its points"
    if shares[hardest] == 100:
        title = "Everyone has all points of every question"
    return _bars(shares, "mean share of the points, %", title, ticks=range(0, 101, 20))


def misconceptions(report: ClassReport) -> str:
    """How many students saw each hint, the most frequent ones."""
    counts: dict[str, float] = {}
    for number, held in enumerate(report.hints[:MOST_BARS], start=1):
        named = [textwrap.shorten(held.name, 32, placeholder=" …")] if held.name else []
        counts["\n".join([f"{number}. {held.question}", *named])] = len(held.students)
    most = report.hints[0]
    title = f"{most.question}: {len(most.students)} of {len(report.grades)} made one mistake"
    return _bars(counts, "students who saw the hint of that number", title, height=0.42)


def guesses(report: ClassReport) -> str:
    """How near the class's guesses came to the results."""
    near = sum(each.near for each in report.guesses)
    made = sum(len(each.ratios) for each in report.guesses)
    drawn, axes = figure(size=(WIDTH, 1.2 + 0.34 * len(report.guesses)))
    calibration({each.name: each.ratios for each in report.guesses}, "", ax=axes)
    title = f"{near / made:.0%} of the guesses within a factor of 2"
    drawn.suptitle(title, x=0.01, ha="left", fontsize=11)
    return as_svg(drawn)


def _bars(
    amounts: dict[str, float],
    unit: str,
    title: str,
    height: float = 0.3,
    ticks: Sequence[float] | None = None,
) -> str:
    drawn, axes = figure(size=(WIDTH, 1.0 + height * len(amounts)))
    plain = {label.replace("$", r"\$"): amount for label, amount in amounts.items()}
    bars(plain, unit, "", text="{:.0f}".format, ax=axes)
    if ticks is not None:
        axes.set_xticks(ticks)
    # Over the labels too, which leave little room beside them.
    drawn.suptitle(title.replace("$", r"\$"), x=0.01, ha="left", fontsize=11)
    return as_svg(drawn)


def as_svg(drawn: Any) -> str:
    """A figure as an `svg` element that fills the width that it is given."""
    import matplotlib.pyplot as plt

    file = io.StringIO()
    with plt.rc_context({"svg.fonttype": "none", "svg.hashsalt": "report"}):
        drawn.savefig(file, format="svg", metadata={"Date": None}, transparent=True)
    plt.close(drawn)
    text = file.getvalue()
    text = text[text.index("<svg") :]
    # Its description would name the programs that drew it; what it shows is said in the page.
    text = re.sub(r"<metadata>.*?</metadata>\s*", "", text, flags=re.DOTALL)
    return re.sub(r'(<svg[^>]*?) (?:width|height)="[^"]*"', r"\1", text, count=1)
