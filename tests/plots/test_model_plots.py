"""The pictures of models show what they say."""

import pytest

from helpers.plots import models


def test_each_model_stands_at_its_parameters_and_mac():
    sizes = {"small, 224²": (1e6, 1e8), "large": (1e8, 1e9)}
    (ax,) = models.parameters_against_macs(sizes).axes
    points = [tuple(group.get_offsets()[0]) for group in ax.collections]
    assert points == list(sizes.values())
    assert ax.get_xscale() == ax.get_yscale() == "log"


def test_the_title_compares_how_often_a_parameter_is_used():
    # 100 MAC a parameter against 10
    (ax,) = models.parameters_against_macs({"small, 224²": (1e6, 1e8), "large": (1e8, 1e9)}).axes
    assert ax.get_title() == "small uses a parameter 10× as often as large"


def test_lines_of_equal_use_are_straight_through_their_points():
    (ax,) = models.parameters_against_macs({"one": (1e6, 1e8), "two": (1e7, 1e9)}).axes
    for line, use in zip(ax.lines, (10, 100, 1000), strict=True):
        assert [y / x for x, y in zip(*line.get_data(), strict=True)] == pytest.approx([use, use])


def test_bars_are_shares_of_the_whole():
    (ax,) = models.held_and_done({"conv": (10, 90), "fc": (30, 10)}).axes
    weights, macs = ax.containers
    assert [bar.get_width() for bar in weights] == [25, 75]
    assert [bar.get_width() for bar in macs] == [90, 10]
    assert ax.get_title() == "fc holds the most weights, conv does the most work"
