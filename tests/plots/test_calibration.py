"""How near guesses came, drawn."""

import matplotlib.pyplot as plt
import pytest

from helpers.plots.calibration import calibration


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


def dots(axes):
    return [list(line.get_xdata()) for line in axes.lines if line.get_marker() == "o"]


def test_a_row_of_dots_for_each_prediction():
    axes = calibration({"a": [0.5, 4.0], "b": [1.0]}, "both")
    assert dots(axes) == [[0.5, 4.0], [1.0]]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "b"]


def test_as_much_room_for_too_low_as_for_too_high():
    low, high = calibration({"a": [0.01]}, "low").get_xlim()
    assert low * high == pytest.approx(1)
    assert low < 0.01


def test_what_is_very_far_stands_at_the_edge():
    axes = calibration({"a": [1e-9, 1e9]}, "far")
    assert dots(axes) == [[1e-3, 1e3]]


def test_nothing_to_draw_is_said():
    with pytest.raises(ValueError, match="no prediction"):
        calibration({}, "none")
