"""The convolution with sliders: its numbers, and what is shown where nothing can slide."""

import builtins
import sys

import matplotlib.pyplot as plt
import pytest

from helpers.reference.convolution import Convolution
from helpers.widgets import convolution, sliders
from helpers.widgets.convolution import CHANNELS, SIZE, convolution_costs, convolution_figure


@pytest.fixture
def shown(monkeypatch):
    """What `display` gets, instead of a notebook."""
    bundles = []
    monkeypatch.setattr("IPython.display.display", lambda data, raw: bundles.append(data))
    yield bundles
    plt.close("all")


@pytest.mark.parametrize("groups", [1, 8, 64])
def test_costs_are_those_by_hand(groups):
    sizes = (1, CHANNELS, CHANNELS, (SIZE, SIZE), 3, 2, 1)
    layer = Convolution(*sizes, groups=groups, bias=False)
    assert convolution_costs(3, 2, 1, groups) == {
        "parameters": layer.parameters().total,
        "MAC": layer.macs().total,
        "traffic": layer.bytes().total,
    }


def test_depthwise_leaves_a_third_of_the_traffic():
    usual, depthwise = convolution_costs(3, 1, 1, 1), convolution_costs(3, 1, 1, 64)
    assert usual["MAC"] == 64 * depthwise["MAC"]
    assert depthwise["traffic"] / usual["traffic"] == pytest.approx(1 / 3, abs=0.02)


def test_the_title_says_what_size_comes_out():
    row = convolution_figure(kernel=3, stride=2, padding=1, groups=1).axes[0]
    plt.close("all")
    assert row.get_title() == "12 × 12 pixels become 6 × 6, 64 channels"


def test_a_page_that_runs_no_widgets_finds_a_picture(shown):
    convolution()
    (bundle,) = shown
    assert {"image/png", "application/vnd.jupyter.widget-view+json"} <= set(bundle)


def test_without_ipywidgets_the_picture_stands_still(shown, monkeypatch):
    real = builtins.__import__

    def missing(name, *args, **kwargs):
        if name == "ipywidgets":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.delitem(sys.modules, "ipywidgets", raising=False)
    monkeypatch.setattr(builtins, "__import__", missing)
    convolution()
    assert [set(bundle) for bundle in shown] == [{"image/png"}]


def test_a_slider_that_moves_draws_anew(shown, monkeypatch):
    import ipywidgets

    made = []
    real = ipywidgets.SelectionSlider
    monkeypatch.setattr(
        ipywidgets, "SelectionSlider", lambda **options: made.append(real(**options)) or made[-1]
    )
    drawn = []

    def draw(kernel):
        drawn.append(kernel)
        return plt.figure()

    sliders.with_sliders(draw, {"kernel": (3, 1, 5)})
    made[0].value = 5
    assert drawn == [3, 5]
