"""Pictures of costs: a title that states the finding, units on the axes, shades and hatches."""

from __future__ import annotations

from itertools import pairwise

import pytest
from matplotlib.colors import to_rgb

from helpers.ledger import Ledger, Term
from helpers.meter import count
from helpers.plots import ledger_bar
from helpers.plots.roofline import roofline
from helpers.plots.style import COLORS, SHADES
from helpers.reference import alexnet_parameters, softmax_flops
from helpers.roofline import points


def test_a_ledger_draws_its_terms_largest_first():
    ax = ledger_bar(softmax_flops(4, 32))
    widths = [bar.get_width() for bar in ax.patches]
    assert widths == [5120, 512, 124]
    # 5,120 of 5,756
    assert ax.get_title() == "exponentials: 89.0% of 5.76 kFLOP"
    assert ax.get_xlabel() == "FLOP"


def test_a_long_ledger_joins_its_smallest_terms():
    ax = ledger_bar(alexnet_parameters())
    assert len(ax.patches) == 8
    assert sum(bar.get_width() for bar in ax.patches) == alexnet_parameters().total
    assert "the rest" in ax.figure.legends[0].get_texts()[-1].get_text()


def test_bytes_are_shown_in_their_unit():
    ax = ledger_bar(Ledger("B", (Term("weights", 1024, 4),)))
    assert ax.get_title() == "weights: 100.0% of 4.00 KiB"
    assert [tick.get_text() for tick in ax.get_xticklabels()][1:4] == [
        "0 B",
        "1.00 KiB",
        "2.00 KiB",
    ]


def test_an_empty_ledger_has_nothing_to_draw():
    with pytest.raises(ValueError, match="nothing to draw"):
        ledger_bar(Ledger("FLOP"))


def test_the_roof_slopes_to_the_ridge_and_is_flat_behind_it():
    shown = points(count("resnet18").layers(), "H100", "bf16")
    ax = roofline(shown, "H100", "bf16")
    (x0, x1, x2), (y0, y1, y2) = ax.lines[0].get_data()
    assert x1 == pytest.approx(989e12 / 3350e9)
    assert y0 / x0 == pytest.approx(y1 / x1)  # on a line through the origin
    assert y1 == pytest.approx(y2)
    assert y2 == 989e12
    assert x2 > x1
    assert "FLOP/B" in ax.get_xlabel()
    assert "FLOP/s (bf16)" in ax.get_ylabel()
    assert "memory bounds" in ax.get_title()


def lightness(color):
    red, green, blue = to_rgb(color)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_shades_differ_when_printed_in_grey():
    levels = [lightness(shade) for shade in SHADES]
    assert all(a - b > 0.12 for a, b in pairwise(levels))
    assert len({round(lightness(color), 3) for color in COLORS}) == len(COLORS)
